package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"sidegate.example/sidegate/oktasim"
)

// demoAPIToken is the one that the demo's org knows.
const demoAPIToken = "00only-for-the-demo"

// factor is the part of an answer of the API that setting a key up needs.
type factor struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Embedded struct {
		Activation struct {
			Challenge string `json:"challenge"`
		} `json:"activation"`
	} `json:"_embedded"`
}

// api calls the simulated org's API as an admin.
func (d *demo) api(method, path string, body any) (f factor) {
	d.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.Okta+"/api/v1/users/"+path, bytes.NewReader(b))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"SSWS " + demoAPIToken}, "Content-Type": {"application/json"}, "Accept": {"application/json"}}
	res, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	text := readBody(d.t, res)
	if err := json.Unmarshal([]byte(text), &f); err != nil || res.StatusCode != http.StatusOK {
		d.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
	}
	return f
}

// makeKey makes a credential on the page that the tab shows, and has Okta know it as a factor of who: this gate sets none up,
// and a key of any other page cannot be used here.
func (p *tab) makeKey(who person) {
	p.t.Helper()
	factors := p.b.d.api(http.MethodGet, who.Login, nil).ID + "/factors"
	made := p.b.d.api(http.MethodPost, factors, map[string]string{"factorType": "webauthn", "provider": "FIDO"})
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	attested, err := chromedp.Run(ctx, chromedp.Evaluate[map[string]string](`(async challenge => {
		const bytes = s => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0));
		const text = b => btoa(String.fromCharCode(...new Uint8Array(b)));
		const made = await navigator.credentials.create({ publicKey: {
			challenge: bytes(challenge), rp: { name: "test" }, user: { id: bytes("YWJj"), name: "n", displayName: "n" },
			pubKeyCredParams: [{ type: "public-key", alg: -7 }],
		} });
		return { attestation: text(made.response.attestationObject), clientData: text(made.response.clientDataJSON) };
	})("`+made.Embedded.Activation.Challenge+`")`, chromedp.EvalAwaitPromise))
	p.check(err)
	if f := p.b.d.api(http.MethodPost, factors+"/"+made.ID+"/lifecycle/activate", attested); f.Status != "ACTIVE" {
		p.t.Fatalf("the key is %s", f.Status)
	}
}

// Engine factors with a security key that was made on this very site: it lets in. Where it is lost, or of another site, or the
// person takes the hand away, which to a page is all the same, another way is at hand. A wrong signature is a wrong code, of
// which no fourth reaches Okta (S63).
func TestPayrollPasskey(t *testing.T) {
	d := startDemo(t, "-payroll-factors=webauthn totp")
	d.policy(map[string]any{"origins": []string{d.Payroll, d.Site}})
	join := func(name string) person {
		return d.join(name, oktasim.User{Device: "Pixel 7", Methods: []string{"totp"}})
	}
	kim, lea := join("kim"), join("lea")
	p := newBrowser(t, d).tab()
	key := p.securityKey()
	p.open(d.Payroll + "/")
	p.makeKey(kim)
	p.open("/")
	p.makeKey(lea)

	p.askKey(kim, d.Payroll+"/key")
	p.fits("payroll-passkey")
	p.click(askBrowser)
	p.admitted(kim, "/key")
	p.leave()

	p.askKey(lea, d.Payroll+"/elsewhere")
	before := strings.Count(d.oktaCalls(), "/verify ")
	p.click(askBrowser)
	p.see("#credential-status:not(:empty)")
	p.fits("payroll-passkey-refused")
	p.click("[data-choice-kind=other]")
	p.choose("totp")
	p.see(onCode)
	if got := strings.Count(d.oktaCalls(), "/verify "); got != before {
		t.Errorf("%d calls of Okta for a key that gave nothing", got-before)
	}
	p.code(d.totp(lea))
	p.admitted(lea, "/elsewhere")
	p.leave()

	bogus := true
	call(p, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: key, IsBogusSignature: &bogus})
	for n := range 3 {
		p.askKey(kim, d.Payroll+"/wrong")
		p.press(askBrowser)
		p.see("main [role=alert], " + onDenied)
		if n == 0 {
			p.fits("payroll-passkey-wrong")
		}
		if p.has(onApp) {
			t.Fatal("a wrong signature let somebody in")
		}
		p.startOver()
	}
	calls := strings.Count(d.oktaCalls(), "/verify ")
	bogus = false
	call(p, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: key, IsBogusSignature: &bogus})
	p.signIn(kim, d.Payroll+"/right")
	p.choose("webauthn")
	p.see(onDenied + "[data-reason=too_many]")
	if got := strings.Count(d.oktaCalls(), "/verify "); got != calls {
		t.Errorf("Okta was asked %d times after three wrong signatures", got-calls)
	}
}

// askKey brings a person to the page that asks the browser for a key.
func (p *tab) askKey(who person, address string) {
	p.t.Helper()
	p.signIn(who, address)
	p.choose("webauthn")
	p.see(onPasskey)
}

// startOver leaves a sign-in.
func (p *tab) startOver() {
	p.t.Helper()
	p.press("#cancel button")
	p.see(onSignIn)
}
