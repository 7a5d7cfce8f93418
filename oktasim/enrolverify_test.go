package oktasim_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"sidegate.example/sidegate/oktasim"
)

// qrText reads the QR code of a document as a phone would.
func (a *answer) qrText() string {
	a.t.Helper()
	data, _ := strings.CutPrefix(a.contextual("qrcode", "href"), "data:image/png;base64,")
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		a.t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		a.t.Fatalf("no picture in %.300s: %v", a.body, err)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		a.t.Fatal(err)
	}
	// The picture is the code and nothing else; told so, the reader does not miss one in 700 as in a photograph.
	pure := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true}
	read, err := qrcode.NewQRCodeReader().Decode(bitmap, pure)
	if err != nil {
		a.t.Fatalf("no phone can read the QR code: %v", err)
	}
	return read.GetText()
}

// settingUp is a sign-in that shows the QR code of Okta Verify.
func settingUp(t *testing.T, change ...func(*oktasim.Config)) (*signIn, *answer) {
	t.Helper()
	s, a := entered(t, oktasim.User{Require: []string{"okta_verify"}}, change...)
	return s, s.enrol(a, "Okta Verify", nil).wantStep(200, "enroll-poll")
}

func (b *bench) scan(login, content string) int {
	b.t.Helper()
	raw, _ := json.Marshal(map[string]string{"login": login, "content": content})
	return b.sim("POST", "scan", string(raw)).status
}

func (b *bench) follow(link string) int {
	b.t.Helper()
	raw, _ := json.Marshal(map[string]string{"link": link})
	return b.sim("POST", "link", string(raw)).status
}

func TestOktaVerifyByQR(t *testing.T) {
	s, a := settingUp(t)
	content := a.qrText()
	if got := s.org.PendingQR(someone); got != content {
		t.Errorf("the screen says %q, the picture %q", got, content)
	}
	s.pollOnce().wantStep(200, "enroll-poll")
	if got := s.scan(someone, content); got != 204 {
		t.Fatalf("scanning: %d", got)
	}
	s.pollOnce().wantStep(200, "success")
	if got := s.org.Authenticators(someone); !slices.Equal(got, []string{"okta_password", "okta_verify"}) {
		t.Errorf("authenticators %v", got)
	}
	again := s.begin()
	again.password(someone, password).wantStep(200, "select-authenticator-authenticate")
	again.choose("push").wantStep(200, "challenge-poll")
	if err := again.org.Approve(again.pending(someone).ID); err != nil {
		t.Fatal(err)
	}
	again.pollAfter(0).wantStep(200, "success")
}

// A code is for one phone, once, and only while its page waits for it.
func TestQRCodeRefused(t *testing.T) {
	s, a := settingUp(t)
	content := a.qrText()
	if got := s.scan(pushUser, content); got != http.StatusGone {
		t.Errorf("the phone of another: %d", got)
	}
	if got := s.scan(someone, "https://evil.example/?t=x"); got != http.StatusGone {
		t.Errorf("a code of another org: %d", got)
	}
	if got := s.scan(strings.ToUpper(someone), content); got != 204 {
		t.Errorf("their own phone: %d", got)
	}
	if got := s.scan(someone, content); got != http.StatusGone {
		t.Errorf("a second time: %d", got)
	}

	s, a = settingUp(t)
	content = a.qrText()
	s.step("cancel", nil).wantStep(200, "identify")
	if got := s.scan(someone, content); got != http.StatusGone {
		t.Errorf("after cancel: %d", got)
	}

	s, a = settingUp(t)
	s.now = s.now.Add(time.Hour)
	if got := s.scan(someone, a.qrText()); got != http.StatusGone {
		t.Errorf("after the sign-in expired: %d", got)
	}
	s.step("challenge/poll", nil).wantKey(401, "idx.session.expired")
}

func (s *signIn) channel(a *answer, channel string) *answer {
	s.t.Helper()
	at := []any{"remediation", "value", 1, "value", 0, "value", "form", "value", 0, "value"}
	return s.step("credential/enroll", map[string]any{"authenticator": map[string]any{"id": a.str(at...), "channel": channel}})
}

// From QR code to e-mail to text message: what was shown or sent before leads nowhere.
func TestOktaVerifyByLinkSwitchingChannels(t *testing.T) {
	s, a := settingUp(t)
	qr := a.qrText()
	if a.str("remediation", "value", 1, "name") != "select-enrollment-channel" {
		t.Fatalf("no other channel: %s", a.body)
	}
	s.channel(a, "email").wantStep(200, "enrollment-channel-data")
	if got := s.scan(someone, qr); got != http.StatusGone {
		t.Errorf("the QR code of before: %d", got)
	}
	s.step("challenge/poll", nil).wantKey(400, badRequest) // nothing is waited for
	s.step("challenge/send", map[string]any{"email": ""}).wantStep(400, "enrollment-channel-data")
	s.step("challenge/send", map[string]any{"phoneNumber": "+15555550177"}).wantStep(400, "enrollment-channel-data") // wrong channel
	a = s.step("challenge/send", map[string]any{"email": "joy@home.example"}).wantStep(200, "enroll-poll")
	mailed := s.newest(someone)
	if mailed.To != "joy@home.example" || mailed.Channel != "email" || a.contextual("selectedChannel") != "email" || a.contextual("email") != mailed.To {
		t.Errorf("sent %+v, shown %s", mailed, a.body)
	}
	s.channel(a, "sms").wantStep(200, "enrollment-channel-data")
	s.step("challenge/send", map[string]any{"phoneNumber": "12"}).wantStep(400, "enrollment-channel-data").wantKey(400, "api.factors.error.sms.invalid_phone")
	a = s.step("challenge/send", map[string]any{"phoneNumber": "+15555550177"}).wantStep(200, "enroll-poll")
	first := s.newest(someone)
	s.step("challenge/resend", map[string]any{"phoneNumber": a.contextual("phoneNumber")}).wantStep(200, "enroll-poll")
	second := s.newest(someone)
	for name, link := range map[string]string{"e-mailed": mailed.Link, "sent before": first.Link, "made up": orgURL + "/inbox/link/x"} {
		if got := s.follow(link); got != http.StatusGone {
			t.Errorf("a link %s: %d, want 410", name, got)
		}
	}
	if got := s.follow(second.Link); got != 204 {
		t.Fatalf("the newest link: %d", got)
	}
	s.pollOnce().wantStep(200, "success")
	if got := s.follow(second.Link); got != http.StatusGone {
		t.Errorf("a second time: %d", got)
	}
}

func TestOktaVerifyOnTheSameDevice(t *testing.T) {
	s, a := settingUp(t, func(c *oktasim.Config) { c.Policy.Channels = []string{"qrcode", "samedevice"} })
	a = s.channel(a, "samedevice").wantStep(200, "enroll-poll")
	if got := s.follow(a.contextual("samedevice", "setupOVUrl")); got != 204 {
		t.Fatalf("following the link of the app: %d", got)
	}
	s.pollOnce().wantStep(200, "success")
}

// The pages that a person uses: the inbox, the link's page with its button, the phone's camera.
func TestPagesOfAnEnrolment(t *testing.T) {
	s, _ := settingUp(t)
	if got := s.do("POST", orgURL+"/phone/"+someone+"/scan", "application/x-www-form-urlencoded", nil); got.status != http.StatusSeeOther {
		t.Fatalf("scanning what the screen shows: %d %s", got.status, got.body)
	}
	s.pollOnce().wantStep(200, "success")

	s, a := settingUp(t)
	s.channel(a, "email")
	s.step("challenge/send", map[string]any{"email": "<i>joy@home.example"})
	link := s.newest(someone).Link
	if page := string(s.do("GET", orgURL+"/inbox/"+someone, "", nil).body); !strings.Contains(page, link) || strings.Contains(page, "<i>") {
		t.Errorf("the inbox:\n%s", page)
	}
	path := strings.TrimPrefix(link, orgURL)
	s.do("GET", orgURL+path, "", nil).want(200, "", "", "")
	s.pollOnce().wantStep(200, "enroll-poll") // opening the link is not following it
	if page := s.do("POST", orgURL+path, "", nil); page.status != 200 || !strings.Contains(string(page.body), `id="done"`) {
		t.Fatalf("%d %s", page.status, page.body)
	}
	if page := s.do("POST", orgURL+path, "", nil); page.status != http.StatusGone || !strings.Contains(string(page.body), `id="failed"`) {
		t.Errorf("a second time: %d %s", page.status, page.body)
	}
	s.pollOnce().wantStep(200, "success")
}

// A custom app is set up and challenged as Okta Verify is, and is another app on the phone.
func TestCustomApp(t *testing.T) {
	s, a := entered(t, oktasim.User{Require: []string{"custom_app"}})
	a = s.enrol(a, "Custom Push", nil).wantStep(200, "enroll-poll")
	if got := s.scan(someone, a.qrText()); got != 204 {
		t.Fatalf("scanning: %d", got)
	}
	s.pollOnce().wantStep(200, "success")

	again := s.begin()
	a = again.password(someone, password).wantStep(200, "select-authenticator-authenticate")
	a = again.use(a, "Custom Push", map[string]any{"methodType": "push"}).wantStep(200, "challenge-poll")
	if a.str("currentAuthenticator", "value", "key") != "custom_app" || a.str("remediation", "value", 0, "href") != orgURL+"/idp/idx/challenge/poll" {
		t.Errorf("waiting: %s", a.body)
	}
	p := again.pending(someone)
	if page := string(again.do("GET", orgURL+"/phone/"+someone, "", nil).body); p.Authenticator != "custom_app" || !strings.Contains(page, `<p class="app">Custom Push</p>`) {
		t.Errorf("push %+v on the page\n%s", p, page)
	}
	if err := again.org.Deny(p.ID); err != nil {
		t.Fatal(err)
	}
	a = again.pollOnce().wantStep(200, "resend").wantKey(200, "api.authn.poll.error.push_rejected")
	id := a.str("remediation", "value", 0, "value", 0, "value", "form", "value", 0, "value")
	again.step("challenge", map[string]any{"authenticator": map[string]any{"id": id, "methodType": "totp"}}).wantKey(400, badRequest)
	again.step("challenge", map[string]any{"authenticator": map[string]any{"id": id, "methodType": "push"}}).wantStep(200, "challenge-poll")
	if err := again.org.Approve(again.pending(someone).ID); err != nil {
		t.Fatal(err)
	}
	done := again.pollOnce().wantStep(200, "success")
	token := claims(t, again.form("/oauth2/default/v1/token", again.tokenForm(code(done))).str("id_token"))
	if amr, _ := json.Marshal(token["amr"]); string(amr) != `["pwd","mfa","swk"]` {
		t.Errorf("amr %s", amr)
	}
}
