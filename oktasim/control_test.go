package oktasim_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

func (b *bench) sim(method, path, body string) *answer {
	b.t.Helper()
	return b.do(method, orgURL+"/sim/"+path, "application/json", []byte(body))
}

func TestControlPortDrivesThePhone(t *testing.T) {
	s := waiting(t, numberUser)
	var pushes []oktasim.Push
	if err := json.Unmarshal(s.sim("GET", "pushes?login="+numberUser, "").body, &pushes); err != nil {
		t.Fatal(err)
	}
	if len(pushes) != 1 || pushes[0].State != "pending" || len(pushes[0].Numbers) != 3 || pushes[0].App != "Payroll" {
		t.Fatalf("pushes %+v", pushes)
	}
	id := pushes[0].ID
	for _, c := range []struct {
		path   string
		status int
	}{
		{"pushes/unknown/approve", 404},
		{"pushes/" + id + "/approve", 409}, // wants a number
		{"pushes/" + id + "/tap?number=" + s.step("introspect", nil).str("currentAuthenticator", "value", "contextualData", "correctAnswer"), 204},
		{"pushes/" + id + "/deny", 409}, // too late
	} {
		if a := s.sim("POST", c.path, ""); a.status != c.status {
			t.Fatalf("%s: %d, want %d", c.path, a.status, c.status)
		}
	}
	s.pollAfter(0).wantStep(200, "success")
}

func TestControlPortTOTP(t *testing.T) {
	b := newBench(t)
	if got := b.sim("GET", "totp?login="+totpUser, "").str("code"); got != b.org.TOTP(totpUser) || len(got) != 6 {
		t.Fatalf("code %q", got)
	}
	if a := b.sim("GET", "totp?login=nobody", ""); a.status != 404 {
		t.Fatalf("unknown user: %d", a.status)
	}
}

func TestControlPortFaults(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"good":         {`{"path":"/v1/keys","kind":"status","status":502,"times":-1,"delay":"1ms"}`, 204},
		"unknown kind": {`{"kind":"nope"}`, 400},
		"misspelt":     {`{"kind":"delay","dellay":"1s"}`, 400},
		"bad delay":    {`{"kind":"delay","delay":3}`, 400},
	} {
		if a := b.sim("POST", "faults", c.body); a.status != c.status {
			t.Errorf("%s: %d, want %d: %s", name, a.status, c.status, a.body)
		}
	}
	if a := b.do("GET", orgURL+keysPath, "", nil); a.status != 502 {
		t.Fatalf("the fault did not strike: %d", a.status)
	}
	b.sim("DELETE", "faults", "")
	if a := b.do("GET", orgURL+keysPath, "", nil); a.status != 200 {
		t.Fatalf("after DELETE: %d", a.status)
	}
	var got []oktasim.Request
	if err := json.Unmarshal(b.sim("GET", "requests", "").body, &got); err != nil || len(got) != 2 || got[0].Status != 502 {
		t.Fatalf("requests %+v, %v", got, err)
	}
}

func TestControlPortSettingsKeepWhatIsLeftOut(t *testing.T) {
	b := newBench(t, func(c *oktasim.Config) { c.Policy.HideUnknownUsers = true })
	a := b.sim("POST", "settings", `{"policy":{"identifier_first":true},"trusted_proxies":["127.0.0.1/32"],"embedded_push_shows_server":true,"refresh":"50ms"}`)
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	a = b.sim("GET", "settings", "")
	if a.at("policy", "hide_unknown_users") != true || a.at("policy", "identifier_first") != true ||
		a.str("trusted_proxies", 0) != "127.0.0.1/32" || a.at("embedded_push_shows_server") != true || a.str("refresh") != "50ms" || a.str("push_lifetime") != "5m0s" {
		t.Fatalf("settings %s", a.body)
	}
	if a := b.sim("POST", "settings", `{"polcy":{}}`); a.status != 400 {
		t.Fatalf("a misspelt switch was answered %d", a.status)
	}
}

func TestControlPortRotatesKeys(t *testing.T) {
	b := newBench(t)
	old := b.keySet(keysPath).Keys[0].KeyID
	b.sim("POST", "keys/rotate", "")
	if b.keySet(keysPath).Keys[0].KeyID == old {
		t.Fatal("same key")
	}
}

// press sends the form of a button on the phone.
func (b *bench) press(login, push, button, value string) *answer {
	b.t.Helper()
	return b.form("/phone/"+login, url.Values{"push": {push}, button: {value}})
}

func TestPhonePageShowsThePushAndAnswersIt(t *testing.T) {
	b := newBench(t)
	b.head = http.Header{"User-Agent": {chrome}}
	s := b.begin()
	s.password(pushUser, password)
	s.choose("push")
	p := b.pending(pushUser)
	page := string(b.do("GET", orgURL+"/phone/"+pushUser, "", nil).body)
	for _, want := range []string{
		`data-push-id="` + p.ID + `"`, `name="approve"`, `name="deny"`, "Oslo, Norway", proxy, "Chrome on Windows", "Payroll", "12:00:00",
		`id="totp">` + b.org.TOTP(pushUser), `id="seconds">30<`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	a := b.press(pushUser, p.ID, "approve", "1")
	if a.status != 303 || a.header.Get("Location") != "/phone/"+pushUser {
		t.Fatalf("%d to %q", a.status, a.header.Get("Location"))
	}
	s.pollAfter(0).wantStep(200, "success")
	if page := string(b.do("GET", orgURL+"/phone/"+pushUser, "", nil).body); strings.Contains(page, `name="approve"`) {
		t.Error("the button is still there")
	}
	if a := b.press(pushUser, p.ID, "deny", "1"); a.status != 303 {
		t.Errorf("a late press is no error: %d", a.status)
	}
}

func TestPhonePageNumberButtons(t *testing.T) {
	s := waiting(t, numberUser)
	p := s.pending(numberUser)
	page := string(s.do("GET", orgURL+"/phone/"+numberUser, "", nil).body)
	for _, n := range p.Numbers {
		if !strings.Contains(page, `data-number="`+n+`"`) {
			t.Errorf("no button for %s", n)
		}
	}
	if strings.Contains(page, `name="approve"`) {
		t.Error("a number challenge can be approved without a number")
	}
	if a := s.press(numberUser, p.ID, "approve", "1"); a.status != 400 {
		t.Errorf("approving without a number: %d", a.status)
	}
	s.press(numberUser, p.ID, "number", s.step("introspect", nil).str("currentAuthenticator", "value", "contextualData", "correctAnswer"))
	s.pollAfter(0).wantStep(200, "success")
}

func TestIgnoredPushStaysPending(t *testing.T) {
	s := waiting(t, pushUser)
	s.press(pushUser, s.pending(pushUser).ID, "ignore", "1")
	if page := string(s.do("GET", orgURL+"/phone/"+pushUser, "", nil).body); strings.Contains(page, `name="approve"`) || !strings.Contains(page, `data-state="ignored"`) {
		t.Error("the card is still there")
	}
	s.pollAfter(0).wantStep(200, "challenge-poll")
}

// Another site's page must not press the phone's buttons.
func TestPhoneAndControlRefuseOtherSites(t *testing.T) {
	s := waiting(t, pushUser)
	p := s.pending(pushUser)
	s.head = http.Header{"Sec-Fetch-Site": {"cross-site"}}
	if a := s.press(pushUser, p.ID, "approve", "1"); a.status != 403 {
		t.Errorf("phone: %d", a.status)
	}
	if a := s.sim("POST", "pushes/"+p.ID+"/approve", ""); a.status != 403 {
		t.Errorf("control port: %d", a.status)
	}
}

// What a client sends as User-Agent must not become markup on the phone.
func TestPhonePageEscapesTheAgent(t *testing.T) {
	b := newBench(t)
	b.head = http.Header{"User-Agent": {`<script>alert(1)</script>`}}
	s := b.begin()
	s.password(pushUser, password)
	s.choose("push")
	a := b.do("GET", orgURL+"/phone/"+pushUser, "", nil)
	if strings.Contains(string(a.body), "<script>alert") || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatal("markup got through")
	}
}

func TestPhoneList(t *testing.T) {
	s := waiting(t, pushUser)
	page := string(s.do("GET", orgURL+"/phone/", "", nil).body)
	if !strings.Contains(page, `data-login="`+pushUser+`"`) || strings.Count(page, `class="badge"`) != 1 || strings.Count(page, "<li>") != len(oktasim.DefaultUsers()) {
		t.Fatalf("list:\n%s", page)
	}
	if a := s.do("GET", orgURL+"/phone/nobody", "", nil); a.status != 404 {
		t.Fatalf("unknown phone: %d", a.status)
	}
	for _, f := range []string{"phone.css", "phone.js"} {
		if a := s.do("GET", orgURL+"/phone/assets/"+f, "", nil); a.status != 200 {
			t.Fatalf("%s: %d", f, a.status)
		}
	}
}

// Where a gateway sends people who have to set something up there is a page that says what this place is.
func TestSettingsPage(t *testing.T) {
	a := newBench(t).do("GET", orgURL+"/enduser/settings", "", nil)
	if a.status != 200 || !strings.Contains(string(a.body), "Your settings at Okta") {
		t.Errorf("%d\n%s", a.status, a.body)
	}
}
