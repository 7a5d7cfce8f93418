package caddymodule

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// logged is the usual configuration with every log line of every level in one file.
func (w *world) logged(site string) (js []byte, file string) {
	file = filepath.Join(w.storage, "log")
	text := strings.Replace(w.caddyfile("http://:0", "log\n\t"+site), "output discard", "output file "+file+"\n\t\tlevel DEBUG", 1)
	return adapt(w.t, text), file
}

type logLine struct {
	Level, Logger, Msg string
	UserID             string `json:"user_id"`
	Request            struct{ URI string }
}

func readLog(t *testing.T, file string) (lines []logLine, text string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for scanner := bufio.NewScanner(strings.NewReader(string(raw))); scanner.Scan(); {
		var l logLine
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			t.Fatalf("%v: %s", err, scanner.Bytes())
		}
		lines = append(lines, l)
	}
	return lines, string(raw)
}

// TestMailedLinkIsInNoLog (S27): what a mailed link carries is in no log, and no page of the gate tells it on as a Referer;
// where a browser does all the same, the upstream does not see it. Error routes write no line of their own.
func TestMailedLinkIsInNoLog(t *testing.T) {
	w := newWorld(t)
	site := "okta_mfa {\n\t\tself_service recover unlock activate\n\t}\n\treverse_proxy " + w.up.Listener.Addr().String() +
		"\n\thandle_errors {\n\t\trespond \"sorry\"\n\t}"
	js, file := w.logged(site)
	b := w.browser(w.run(js))
	for path, want := range map[string]int{
		"/_mfa/activate?token=" + canary:       http.StatusOK,
		"/_mfa/recover?token=" + canary:        http.StatusOK,
		"/_mfa/email?otp=CANARY7890&state=1":   http.StatusOK,
		"/_mfa/email/?otp=" + canary:           http.StatusNotFound, // as a mistake in Okta's settings has it
		"/_mfa/activation?token=" + canary:     http.StatusNotFound,
		"/_mfa/assets/gate.js?token=" + canary: http.StatusNotFound,
		"/_mfa/%65mail?otp=CANARY7890&state=1": http.StatusOK,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := b.do(method, path, nil)
			if a.StatusCode != want || a.Header.Get("Referrer-Policy") != "strict-origin" {
				t.Errorf("%s %s: %d, want %d, with Referrer-Policy %q", method, path, a.StatusCode, want, a.Header.Get("Referrer-Policy"))
			}
		}
	}
	b.get("/_mfa/recover") // a link without its token has a line
	get(t, b.addr, "/payroll?year=5", "Cookie: "+w.cookie("127.0.0.1", bob()), "Referer: http://app.example.com/_mfa/email?otp=12345678&state=1")
	if got := w.up.take(t); got.Header.Get("Referer") != "http://app.example.com/_mfa/email" {
		t.Errorf("the upstream's Referer is %q", got.Header.Get("Referer"))
	}
	get(t, b.addr, "/payroll", "Cookie: "+w.cookie("127.0.0.1", bob()), "Referer: http://app.example.com/search?q=1")
	if got := w.up.take(t); got.Header.Get("Referer") != "http://app.example.com/search?q=1" {
		t.Errorf("the upstream's Referer is %q, want the app's own left alone", got.Header.Get("Referer"))
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	lines, text := readLog(t, file)
	if strings.Contains(text, canary) || strings.Contains(text, "CANARY") {
		t.Error("what a mailed link carries is in the log")
	}
	var seen []string
	for _, l := range lines {
		if strings.HasPrefix(l.Logger, "http.log.access") {
			seen = append(seen, l.Request.URI)
		}
	}
	if want := []string{"/_mfa/recover", "/payroll?year=5", "/payroll"}; !slices.Equal(seen, want) {
		t.Errorf("the access log has lines for %q, want %q", seen, want)
	}
}

// TestLogsHoldNoSecret (S27): a whole sign-in at level DEBUG leaves no password, cookie, token or secret in any log,
// and the access log says who came.
func TestLogsHoldNoSecret(t *testing.T) {
	w, sim := newSimulated(t)
	js, file := w.logged(w.simulated())
	b := w.browser(w.run(js))
	seen := map[string]string{}
	keep := func() {
		for name, value := range b.cookies {
			seen[value] = name
		}
	}
	body := b.stream(b.waitAtPush())
	keep()
	approve(t, sim)
	if event, err := io.ReadAll(body); err != nil || !strings.Contains(string(event), "event: change") {
		t.Fatalf("the stream tells nothing of the approval: %q, %v", event, err)
	}
	b.arrive()
	keep()
	for _, r := range sim.Requests() {
		for _, pair := range strings.FieldsFunc(r.Body, func(c rune) bool { return strings.ContainsRune(`{}",:&=`, c) }) {
			if len(pair) > 30 && !strings.Contains(pair, "/") { // state handles, codes, verifiers, interaction handles
				seen[pair] = "sent to " + r.Path
			}
		}
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	lines, text := readLog(t, file)
	if strings.Contains(text, canary) {
		t.Error("a configured secret or the password is in the log")
	}
	if len(seen) < 6 {
		t.Errorf("only %d secrets to look for", len(seen))
	}
	for value, what := range seen {
		if len(value) > 10 && strings.Contains(text, value) {
			t.Errorf("%s is in the log", what)
		}
	}
	var who []string
	for _, l := range lines {
		if !strings.HasPrefix(l.Logger, "http.log.access") {
			continue
		}
		if l.Request.URI == "/payroll" && l.UserID != "" {
			who = append(who, l.UserID)
		}
		if strings.HasPrefix(l.Request.URI, "/_mfa/events") {
			t.Errorf("the access log has a line for %s", l.Request.URI)
		}
	}
	if len(who) != 1 || who[0] != "bob" {
		t.Errorf("the access log says user_id %q, want bob once", who)
	}
}

// TestLaxTrustIsToldOnce (S12, S22): where Caddy takes the leftmost address of X-Forwarded-For, which the client wrote, the log
// says so and how to mend it, at the first request of a trusted proxy and once.
func TestLaxTrustIsToldOnce(t *testing.T) {
	for server, want := range map[string]int{
		"trusted_proxies static 127.0.0.0/8":                             1,
		"trusted_proxies static 127.0.0.0/8\n\t\ttrusted_proxies_strict": 0,
		"trusted_proxies static 192.0.2.1/32":                            0,
		"":                                                               0,
	} {
		t.Run(server, func(t *testing.T) {
			w := newWorld(t)
			w.server = server
			js, file := w.logged(w.gated())
			b := w.browser(w.run(js))
			for range 3 {
				if a := b.get("/"); a.StatusCode != http.StatusUnauthorized {
					t.Fatalf("status %d", a.StatusCode)
				}
			}
			told := 0
			lines, _ := readLog(t, file)
			for _, l := range lines {
				if strings.Contains(l.Msg, "add trusted_proxies_strict") {
					told++
				}
			}
			if told != want {
				t.Errorf("told %d times, want %d", told, want)
			}
		})
	}
}
