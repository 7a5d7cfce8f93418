package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func TestOptions(t *testing.T) {
	for _, tc := range []struct {
		args string
		want options
		err  string
	}{
		{"", options{refresh: 2 * time.Second, payrollFactors: payrollFactors}, ""},
		{"-ports=free -zone=off -json -behind-proxy -embedded-push-shows-server -enroll-by-password -print-caddyfile -refresh=300ms -payroll-factors=push", options{
			freePorts: true, zoneOff: true, json: true, behindProxy: true, embeddedPushShowsServer: true, enrollByPassword: true,
			printCaddyfile: true, refresh: 300 * time.Millisecond, payrollFactors: "push"}, ""},
		{"-zone=maybe", options{}, "-zone=maybe: say on or off"},
		{"-ports=80", options{}, "-ports=80: say usual or free"},
		{"-refresh=0s", options{}, "-refresh=0s is not a time span above zero"},
		{"now", options{}, `unknown argument "now"; see -help`},
	} {
		got, err := parseOptions(strings.Fields(tc.args), io.Discard)
		switch {
		case tc.err != "":
			if err == nil || err.Error() != tc.err {
				t.Errorf("%q: error %v, want %q", tc.args, err, tc.err)
			}
		case err != nil || got != tc.want:
			t.Errorf("%q: %+v, %v; want %+v", tc.args, got, err, tc.want)
		}
	}
	if _, err := parseOptions([]string{"-help"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help gave %v, want flag.ErrHelp", err)
	}
}

// A usual port that is taken, on either loopback address, must not be shared with the neighbour.
func TestTakenPortIsNotUsed(t *testing.T) {
	for _, host := range []string{"127.0.0.1:0", "[::1]:0"} {
		taken, err := net.Listen("tcp", host)
		if err != nil {
			t.Logf("this machine has no %s: %v", host, err)
			continue
		}
		defer taken.Close()
		port := taken.Addr().(*net.TCPAddr).Port
		if available(port) {
			t.Errorf("%s is taken and counts as available", taken.Addr())
		}
		l, err := listen(port, false)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if got := l.Addr().(*net.TCPAddr).Port; got == port {
			t.Errorf("listening on %d, which the neighbour has", port)
		}
	}
}

func TestUsualPortIsUsedWhenFree(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	got, err := listen(port, false)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if got.Addr().(*net.TCPAddr).Port != port {
		t.Errorf("listening on %s, want port %d", got.Addr(), port)
	}
}

// The legacy app repeats what it received; nothing of it may be markup.
func TestLegacyAppEscapes(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/x?a=%3Cb%3E", strings.NewReader("note=%3Cscript%3E"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Remote-User", "<b>pat")
	w := httptest.NewRecorder()
	legacyApp().ServeHTTP(w, r)
	body := w.Body.String()
	for _, want := range []string{`<strong id="who">&lt;b&gt;pat</strong>`, `<q id="received">&lt;script&gt;</q>`, "POST /x?a=%3Cb%3E"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q:\n%s", want, body)
		}
	}
}

// The whole demo: it says where it is, challenges a stranger, and leaves in time and nothing behind. One
// Caddy runs per process, so this is the only test that starts one.
func TestDemoStartsAndLeaves(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-json", "-ports=free"}, in, io.Discard) }()
	var at places
	if err := json.NewDecoder(out).Decode(&at); err != nil {
		t.Fatal(err)
	}
	if len(at.People) != 10 {
		t.Errorf("%d test users, want 10", len(at.People))
	}
	if got := status(t, at.Site+"/some/page"); got != http.StatusUnauthorized {
		t.Errorf("a stranger got %d from the site, want 401", got)
	}
	for _, p := range at.People {
		if got := status(t, p.Phone); got != http.StatusOK {
			t.Errorf("%s gave %d, want 200", p.Phone, got)
		}
	}
	began := time.Now()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the demo ended with %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the demo took %s to end, at most 2 s", took)
	}
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

func status(t *testing.T, address string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	res, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}
