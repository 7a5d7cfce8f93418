package oktasim_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

func TestRateLimit(t *testing.T) {
	b := newBench(t, func(c *oktasim.Config) { c.RateLimit = 2 })
	reset := strconv.FormatInt(b.now.Add(time.Minute).Unix(), 10)
	for i, want := range []struct {
		status    int
		remaining string
	}{{200, "1"}, {200, "0"}, {429, "0"}} {
		a := b.do("GET", orgURL+keysPath, "", nil)
		h := a.header
		if a.status != want.status || h.Get("X-Rate-Limit-Remaining") != want.remaining || h.Get("X-Rate-Limit-Limit") != "2" || h.Get("X-Rate-Limit-Reset") != reset {
			t.Fatalf("request %d: %d %v", i, a.status, h)
		}
	}
	if a := b.do("GET", orgURL+"/oauth2/v1/keys", "", nil); a.status != 200 {
		t.Fatalf("another endpoint has its own bucket; status %d", a.status)
	}
	b.now = b.now.Add(time.Minute)
	if a := b.do("GET", orgURL+keysPath, "", nil); a.status != 200 {
		t.Fatalf("after the window: %d", a.status)
	}
}

func TestRequestWithoutLengthIsRefused(t *testing.T) {
	b := newBench(t)
	r := httptest.NewRequest(http.MethodPost, orgURL+"/idp/idx/introspect", bytes.NewReader([]byte(`{}`)))
	r.ContentLength = -1
	w := httptest.NewRecorder()
	b.org.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusLengthRequired {
		t.Fatalf("status %d", w.Code)
	}
}

func TestHugeBodyIsRefused(t *testing.T) {
	b := newBench(t)
	a := b.do("POST", orgURL+"/idp/idx/introspect", "application/json", make([]byte, 1<<20+1))
	if a.status != http.StatusRequestEntityTooLarge {
		t.Fatalf("status %d", a.status)
	}
}

func TestUnknownURLsAndMethods(t *testing.T) {
	b := newBench(t)
	for _, c := range [][2]string{{"GET", "/idp/idx/introspect"}, {"POST", "/idp/idx/nothing"}, {"GET", "/"}, {"POST", keysPath}} {
		a := b.do(c[0], orgURL+c[1], "application/json", []byte(`{}`))
		a.want(404, c[0]+" "+c[1], a.str("errorCode"), "E0000007")
	}
}

func TestRecorderKeepsWhatWasReceived(t *testing.T) {
	b := newBench(t)
	b.head = http.Header{"User-Agent": {chrome}, "X-Device-Token": {"d1"}, "X-Forwarded-For": {"203.0.113.7"}}
	b.begin()
	b.do("GET", orgURL+"/phone/", "", nil)
	got := b.org.Requests()
	if len(got) != 2 || got[0].Path != "/oauth2/default/v1/interact" || got[1].Path != "/idp/idx/introspect" {
		t.Fatalf("recorded %+v", got)
	}
	r := got[1]
	if r.Method != "POST" || r.Peer != b.peer || r.Status != 200 || r.Header.Get("X-Device-Token") != "d1" || !bytes.Contains([]byte(r.Body), []byte("interactionHandle")) {
		t.Fatalf("recorded %+v", r)
	}
}

func TestRecorderCanBeOff(t *testing.T) {
	b := newBench(t, func(c *oktasim.Config) { c.NoRecord = true })
	b.begin()
	if got := b.org.Requests(); len(got) != 0 {
		t.Fatalf("recorded %d requests although it is off", len(got))
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, c := range map[string]oktasim.Config{
		"no URL":         {},
		"URL with path":  {URL: "http://h/oauth2"},
		"client, no ID":  {URL: orgURL, Clients: []oktasim.Client{{}}},
		"user, no login": {URL: orgURL, Users: []oktasim.User{{}}},
		"same login":     {URL: orgURL, Users: []oktasim.User{{Login: "a"}, {Login: "A"}}},
		"method":         {URL: orgURL, Users: []oktasim.User{{Login: "a", Methods: []string{"sms"}}}},
		"TOTP secret":    {URL: orgURL, Users: []oktasim.User{{Login: "a", TOTPSecret: "1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := oktasim.New(c); err == nil {
				t.Fatal("accepted")
			}
		})
	}
}
