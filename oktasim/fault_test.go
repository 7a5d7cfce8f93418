package oktasim_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

const keysPath = "/oauth2/default/v1/keys"

func TestFaultKinds(t *testing.T) {
	for name, c := range map[string]struct {
		fault  oktasim.Fault
		status int
		body   string // part of it
		header [2]string
	}{
		"429 is Okta's":       {oktasim.Fault{Kind: "status", Status: 429}, 429, `"errorCode":"E0000047"`, [2]string{"X-Rate-Limit-Remaining", "0"}},
		"500 is Okta's":       {oktasim.Fault{Kind: "status", Status: 500}, 500, `{"message":"internal server error"}`, [2]string{}},
		"status with body":    {oktasim.Fault{Kind: "status", Status: 503, Body: "<html>"}, 503, "<html>", [2]string{}},
		"status with header":  {oktasim.Fault{Kind: "status", Status: 429, Header: http.Header{"retry-after": {"7"}}}, 429, "", [2]string{"Retry-After", "7"}},
		"body":                {oktasim.Fault{Kind: "body", Body: "[]"}, 200, "[]", [2]string{"Content-Type", "application/ion+json; okta-version=1.0.0"}},
		"foreign href":        {oktasim.Fault{Kind: "foreign_href"}, 200, `"href":"https://evil.example/idp/idx/identify"`, [2]string{}},
		"redirect":            {oktasim.Fault{Kind: "redirect"}, 302, "", [2]string{"Location", "https://evil.example/idp/idx/introspect"}},
		"redirect to a place": {oktasim.Fault{Kind: "redirect", Status: 307, Body: "http://x.test/"}, 307, "", [2]string{"Location", "http://x.test/"}},
		"mutate":              {oktasim.Fault{Mutate: func(b []byte) []byte { return append(b, "tail"...) }}, 200, "}tail", [2]string{}},
		"gzip bomb":           {oktasim.Fault{Kind: "gzip_bomb"}, 200, "\x1f\x8b", [2]string{"Content-Encoding", "gzip"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newBench(t).begin()
			c.fault.Path = "/idp/idx/introspect"
			s.org.Inject(c.fault)
			a := s.step("introspect", nil)
			if a.status != c.status || !strings.Contains(string(a.body), c.body) {
				t.Fatalf("status %d, body %.300q", a.status, a.body)
			}
			if got := a.header.Get(c.header[0]); got != c.header[1] {
				t.Fatalf("%s: %q, want %q", c.header[0], got, c.header[1])
			}
			s.step("introspect", nil).wantStep(200, "identify") // once only
		})
	}
}

func TestOversizeIsValidJSON(t *testing.T) {
	s := newBench(t).begin()
	s.org.Inject(oktasim.Fault{Kind: "oversize"})
	a := s.step("introspect", nil).wantStep(200, "identify")
	if len(a.body) < 16<<20 {
		t.Fatalf("only %d bytes", len(a.body))
	}
}

func TestFaultTimesAndPaths(t *testing.T) {
	b := newBench(t)
	keys := func() int { return b.do("GET", orgURL+keysPath, "", nil).status }
	b.org.Inject(oktasim.Fault{Path: "/v1/userinfo", Kind: "status", Status: 500, Times: -1})
	b.org.Inject(oktasim.Fault{Path: "/oauth2/*/v1/keys", Kind: "status", Status: 503, Times: 2})
	b.org.Inject(oktasim.Fault{Path: "/v1/keys", Kind: "status", Status: 502, Times: -1})
	for i, want := range []int{503, 503, 502, 502} {
		if got := keys(); got != want {
			t.Fatalf("request %d: %d, want %d", i, got, want)
		}
	}
	b.org.ClearFaults()
	if got := keys(); got != 200 {
		t.Fatalf("after ClearFaults: %d", got)
	}
}

func TestInjectPanicsOnWhatCannotWork(t *testing.T) {
	for name, f := range map[string]oktasim.Fault{
		"misspelt kind": {Kind: "truncated"}, "no kind": {}, "no status": {Kind: "status"}, "bad glob": {Kind: "delay", Path: "["},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("accepted")
				}
			}()
			newBench(t).org.Inject(f)
		})
	}
}

// A fault that keeps the request from the state machine leaves the state as it was; one that spoils the
// answer does not.
func TestFaultAndState(t *testing.T) {
	t.Run("status: no push was sent", func(t *testing.T) {
		s := newBench(t).begin()
		s.password(pushUser, password)
		s.org.Inject(oktasim.Fault{Path: "/idp/idx/challenge", Kind: "status", Status: 500})
		s.choose("push")
		if n := len(s.org.Pushes(pushUser)); n != 0 {
			t.Fatalf("%d pushes", n)
		}
	})
	t.Run("foreign_href: the push is out", func(t *testing.T) {
		s := newBench(t).begin()
		s.password(pushUser, password)
		s.org.Inject(oktasim.Fault{Path: "/idp/idx/challenge", Kind: "foreign_href"})
		s.choose("push")
		if n := len(s.org.Pushes(pushUser)); n != 1 {
			t.Fatalf("%d pushes", n)
		}
	})
}

// network serves the org over loopback, for what only a connection shows.
func network(t *testing.T) (*oktasim.Org, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	org, err := oktasim.New(oktasim.Config{URL: url, Users: oktasim.DefaultUsers()})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = org.Handler()
	server.Start()
	t.Cleanup(server.Close)
	return org, url
}

func get(t *testing.T, ctx context.Context, url string) (int, []byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

func TestTruncateEndsTheConnectionHalfWay(t *testing.T) {
	org, url := network(t)
	org.Inject(oktasim.Fault{Kind: "truncate"})
	_, body, err := get(t, t.Context(), url+keysPath)
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(body) == 0 {
		t.Fatalf("%d bytes, error %v; want some and ErrUnexpectedEOF", len(body), err)
	}
}

func TestGzipBombUnpacksTo64MiB(t *testing.T) {
	org, url := network(t)
	org.Inject(oktasim.Fault{Kind: "gzip_bomb"})
	_, body, err := get(t, t.Context(), url+keysPath)
	if err != nil || len(body) < 64<<20 {
		t.Fatalf("%d bytes, error %v", len(body), err)
	}
}

func TestHangEndsWithTheClient(t *testing.T) {
	org, url := network(t)
	org.Inject(oktasim.Fault{Kind: "hang"})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := get(t, ctx, url+keysPath); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want the deadline", err)
	}
	if status, _, err := get(t, t.Context(), url+keysPath); status != 200 || err != nil {
		t.Fatalf("afterwards: %d, %v", status, err)
	}
}

func TestClearFaultsReleasesWhatHangs(t *testing.T) {
	org, url := network(t)
	org.Inject(oktasim.Fault{Kind: "hang", Mutate: func(b []byte) []byte { return b }})
	status := make(chan int, 1)
	go func() {
		code, _, _ := get(t, t.Context(), url+keysPath)
		status <- code
	}()
	for len(org.Requests()) == 0 { // until it hangs
		select {
		case <-status:
			t.Fatal("did not hang")
		case <-time.After(time.Millisecond):
		}
	}
	org.ClearFaults()
	if got := <-status; got != 200 {
		t.Fatalf("status %d after ClearFaults", got)
	}
}
