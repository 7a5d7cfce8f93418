package gateway

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// S39, S40: every state-changing route refuses what our own page in this browser did not send, and Okta hears
// nothing of it.
func TestForgedForms_S39_S40(t *testing.T) {
	for _, route := range []string{"/_mfa/identify", "/_mfa/answer", "/_mfa/cancel", "/_mfa/signout"} {
		w := newWorld(t, straight())
		b := w.browser(t)
		if route == "/_mfa/signout" {
			b.signIn()
		}
		page := b.get(protected)
		if route == "/_mfa/signout" {
			page = b.get(route)
		}
		good := url.Values{"csrf": {page.csrf(t)}, "f.identifier": {"bob"}, "f.password": {"pw"}}
		calls := w.flow.total()
		other := w.browser(t)
		theirs := url.Values{"csrf": {other.get(protected).csrf(t)}}
		for name, tt := range map[string]struct {
			form   url.Values
			header map[string]string
		}{
			"no token":                    {url.Values{}, nil},
			"garbage token":               {url.Values{"csrf": {"x"}}, nil},
			"token of another browser":    {theirs, nil},
			"cross-site by metadata":      {good, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": ""}},
			"same-site is not ours":       {good, map[string]string{"Sec-Fetch-Site": "same-site", "Origin": ""}},
			"foreign origin":              {good, map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": ""}},
			"null origin":                 {good, map[string]string{"Origin": "null", "Sec-Fetch-Site": ""}},
			"http origin of the host":     {good, map[string]string{"Origin": strings.Replace(w.URL, "https", "http", 1), "Sec-Fetch-Site": ""}},
			"origin with our host inside": {good, map[string]string{"Origin": w.URL + ".evil.example", "Sec-Fetch-Site": ""}},
		} {
			r := b.request("POST", route, tt.form.Encode())
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", w.URL)
			for k, v := range tt.header {
				r.Header.Del(k)
				if v != "" {
					r.Header.Set(k, v)
				}
			}
			if a := b.do(r); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s: %d", route, name, a.StatusCode)
			}
		}
		if w.flow.total() != calls {
			t.Errorf("%s: Okta heard of forged forms: %v", route, w.flow.calls)
		}
		if route == "/_mfa/signout" && b.get(protected).StatusCode != http.StatusOK {
			t.Error("a forged form ended the session")
		}
	}
}

// A form that was used is stale, and so is one of a step that has passed.
func TestReusedFormIsStale_S39(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	form := url.Values{"csrf": {b.get(protected).csrf(t)}, "f.identifier": {"bob"}, "f.password": {"pw"}}
	b.post("/_mfa/identify", form)
	a := b.post("/_mfa/identify", form)
	if a.StatusCode != 403 || a.shows() != "error stale" || w.flow.count("start") != 1 {
		t.Errorf("first form again: %d %q, starts %d", a.StatusCode, a.shows(), w.flow.count("start"))
	}
	if !strings.Contains(a.body, `href="/payroll?month=11"`) {
		t.Errorf("no way back:\n%s", a.body)
	}
	choose := url.Values{"csrf": {b.get(protected).csrf(t)}, "choice": {"push"}}
	b.post("/_mfa/answer", choose)
	if a := b.post("/_mfa/answer", choose); a.StatusCode != 403 || w.flow.count("advance") != 1 {
		t.Errorf("second push by the same form: %d, advances %d", a.StatusCode, w.flow.count("advance"))
	}
}

func TestOversizedAndOddForms(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	token := b.get(protected).csrf(t)
	for name, tt := range map[string]struct {
		contentType, body, shows string
		status                   int
	}{
		"over 64 KB":   {"application/x-www-form-urlencoded", "csrf=" + token + "&f.identifier=" + strings.Repeat("a", maxForm), "error too_large", 413},
		"json":         {"application/json", `{"csrf":"` + token + `"}`, "error bad_request", 400},
		"multipart":    {"multipart/form-data; boundary=x", "--x--", "error bad_request", 400},
		"no type":      {"", "csrf=" + token, "error bad_request", 400},
		"bad escape":   {"application/x-www-form-urlencoded", "csrf=%zz", "error bad_request", 400},
		"empty":        {"application/x-www-form-urlencoded", "", "error csrf", 403},
		"query is not": {"application/x-www-form-urlencoded", "", "error csrf", 403},
	} {
		r := b.request("POST", "/_mfa/identify?csrf="+token, tt.body)
		r.Header.Set("Content-Type", tt.contentType)
		if a := b.do(r); a.StatusCode != tt.status || a.shows() != tt.shows {
			t.Errorf("%s: %d %q, want %d %q", name, a.StatusCode, a.shows(), tt.status, tt.shows)
		}
	}
	if w.flow.total() != 0 {
		t.Errorf("Okta heard of it: %v", w.flow.calls)
	}
}

// S30, S32, S33: the way back is sealed in the form, not a parameter, and stays here.
func TestReturnIsSealedAndStaysHere_S30_S32_S33(t *testing.T) {
	w := newWorld(t, straight())
	for _, raw := range []string{"//evil.example/x", "/%5cevil.example", "/%09/evil.example", "/\\evil.example", "/ok?rd=https://evil.example"} {
		b := w.browser(t)
		r := b.request("GET", "/", "")
		u, _ := url.Parse(w.URL)
		r.URL = &url.URL{Scheme: u.Scheme, Host: u.Host, Opaque: "//" + u.Host + raw}
		r.Header.Set("Accept", "text/html")
		page := b.do(r)
		a := b.post("/_mfa/identify?rd=//evil.example", url.Values{"csrf": {page.csrf(t)}, "rd": {"//evil.example"}, "return": {"//evil.example"}, "f.identifier": {"bob"}})
		assertStays(t, raw, a.Header.Get("Location"))
	}
}

// S51: a token of one kind opens nothing of another.
func TestTokensAreGoodForOnePurpose_S51(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	session := b.signIn()
	out := b.get("/_mfa/signout").csrf(t)
	if a := b.post("/_mfa/identify", url.Values{"csrf": {out}}); a.StatusCode != 403 {
		t.Errorf("sign-out token began a sign-in: %d", a.StatusCode)
	}
	if a := b.post("/_mfa/signout", url.Values{"csrf": {session.Value}}); a.StatusCode != 403 {
		t.Errorf("session cookie passed as a form: %d", a.StatusCode)
	}
	r := w.browser(t).request("GET", protected, "")
	r.AddCookie(&http.Cookie{Name: DefaultCookieName, Value: out})
	if a := w.browser(t).do(r); a.StatusCode != 401 {
		t.Errorf("form token passed as a session: %d", a.StatusCode)
	}
}

func FuzzDecodeForm(f *testing.F) {
	f.Add(form{browser: "b", seq: 3, back: "/x"}.encode())
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeForm(b)
		if err != nil {
			if got != (form{}) {
				t.Errorf("a refused form came back in part: %+v", got)
			}
			return
		}
		if !safeReturn(got.back) {
			t.Errorf("unsafe return %q", got.back)
		}
		again, err := decodeForm(got.encode())
		if err != nil || again != got {
			t.Errorf("%+v does not survive: %+v %v", got, again, err)
		}
	})
}
