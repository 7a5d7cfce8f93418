package caddymodule

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

var (
	codeChoice = regexp.MustCompile(`name="choice" value="([^"]+)"[^>]*data-factor="totp"`)
	resumeForm = regexp.MustCompile(`name="_mfa_resume" value="([^"]+)"`)
	number     = regexp.MustCompile(`id="number"[^>]*>([0-9]+)<`)
)

// S55, S70: a configuration that is loaded during a step-up loses neither it nor the form that ran into it, in a real Caddy and at
// a simulated Okta.
func TestS55ReloadDuringAStepUpWithAKeptForm(t *testing.T) {
	w, sim := newSimulated(t, func(c *oktasim.Config) {
		c.Users[0].Methods, c.Users[0].NumberChallenge = []string{"push", "totp"}, true
	})
	address := "http://:" + freePort(t)
	site := func(title string) []byte {
		rules := "\n\t\ttitle " + title + "\n\t\tstep_up @transfer number_challenge max_age 5m"
		return adapt(t, w.caddyfile(address, "@transfer {\n\t\tmethod POST\n\t\tpath /transfer\n\t}\n\t"+strings.Replace(w.simulated(), "okta_mfa {", "okta_mfa {"+rules, 1)))
	}
	b := w.browser(w.run(site("Before")))
	page := b.signIn("bob", nil)
	b.submit("/_mfa/answer", url.Values{"csrf": {find(t, csrfInput, page)}, "choice": {find(t, codeChoice, page)}})
	b.submit("/_mfa/answer", url.Values{"csrf": {find(t, csrfInput, b.get("/payroll"))}, "f.totp": {sim.TOTP("bob")}, "f.passcode": {sim.TOTP("bob")}})
	b.arrive()
	before := len(w.up.requests())

	form := url.Values{"to": {"carol"}, "amount": {strings.Repeat("9", 100)}}
	page = b.do(http.MethodPost, "/transfer", form)
	if page.StatusCode != http.StatusUnauthorized || !strings.Contains(page.body, `id="why"`) || !strings.Contains(page.body, "is kept") {
		t.Fatalf("%d\n%s", page.StatusCode, page.body)
	}
	b.submit("/_mfa/identify", url.Values{"csrf": {find(t, csrfInput, page)}})
	w.run(site("Between"))
	page = b.get("/_mfa/resume")
	if strings.Contains(page.body, `name="f.password"`) { // Okta asks what its policy asks
		b.submit("/_mfa/answer", url.Values{"csrf": {find(t, csrfInput, page)}, "f.password": {password}})
		page = b.get("/_mfa/resume")
	}
	b.submit("/_mfa/answer", url.Values{"csrf": {find(t, csrfInput, page)}, "choice": {find(t, pushChoice, page)}})
	page = b.get("/_mfa/resume")
	w.run(site("After"))
	pushes := sim.Pushes("bob")
	if len(pushes) != 1 {
		t.Fatalf("%d pushes", len(pushes))
	}
	if err := sim.Tap(pushes[0].ID, find(t, number, page)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); !resumeForm.MatchString(page.body) && time.Now().Before(deadline); {
		page = b.get("/_mfa/resume")
	}
	w.run(site("Last"))
	if len(w.up.requests()) != before {
		t.Error("it was sent before anybody confirmed it")
	}
	if a := b.do(http.MethodPost, "/transfer", url.Values{"_mfa_resume": {find(t, resumeForm, page)}}); a.StatusCode != http.StatusOK {
		t.Fatalf("confirmed: %d\n%s", a.StatusCode, a.body)
	}
	hits := w.up.requests()
	r := hits[len(hits)-1]
	if len(hits) != before+1 || r.Method != http.MethodPost || r.URL.Path != "/transfer" || r.Header.Get("Content-Length") != strconv.Itoa(len(form.Encode())) && r.ContentLength != int64(len(form.Encode())) ||
		r.Header.Get("Remote-User") != "bob" || strings.Contains(r.Header.Get("Cookie"), "okta_mfa") {
		t.Errorf("the upstream saw %s %s, %d bytes, %v", r.Method, r.URL, r.ContentLength, r.Header)
	}
}
