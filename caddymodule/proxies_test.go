package caddymodule

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/oktasim"
)

// sample is a file of deploy with the changes that a test needs; each has to find its place.
func sample(t *testing.T, name string, changes ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(string(text), changes[i]) {
			t.Fatalf("deploy/%s no longer has %q", name, changes[i])
		}
		text = bytes.ReplaceAll(text, []byte(changes[i]), []byte(changes[i+1]))
	}
	return string(text)
}

// gateSample is deploy/gate.Caddyfile with the simulated org behind it, listening at addr.
func gateSample(t *testing.T, w *world, addr string) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	return sample(t, "gate.Caddyfile",
		"org https://acme.okta.com", "org "+w.org+"\n\t\tauthorization_server default\n\t\tmin_poll_interval 20ms\n\t\tredirect_uri https://app.example.com/_mfa/callback",
		"{env.OKTA_CLIENT_ID}", testClientID, "{file./run/secrets/okta_client_secret}", "{env.SIDEGATE_TEST_CLIENT_SECRET}",
		"\tservers {", "\tadmin off\n\tpersist_config off\n\tauto_https disable_redirects\n\tstorage file_system "+filepath.Join(w.storage, "data")+"\n\tlog {\n\t\toutput discard\n\t}\n\tservers "+addr+" {", // not for the other Caddy in this process
		":9091", ":"+port)
}

// certificate writes a certificate and its key for a test's server.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	c := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})), 0o600),
		writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), 0o600)
}

// startServer runs a program until the test ends.
func startServer(t *testing.T, program, addr string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + program); err != nil {
			t.Skipf("%s is not installed, see internal/deps.sh", program)
		}
	}
	awaitListener(t, addr, startProcess(t, path, args...))
}

// startProcess runs a program until the test ends; ended tells if that is earlier.
func startProcess(t *testing.T, path string, args ...string) (ended <-chan error) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.CommandContext(context.Background(), path, args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tell, over := make(chan error, 1), make(chan struct{})
	go func() {
		tell <- cmd.Wait()
		close(over)
	}()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("stopping %s: %v", path, err)
		}
		<-over
		if t.Failed() {
			t.Logf("%s says:\n%s", path, &log)
		}
	})
	return tell
}

// startNginx runs nginx with one file of sites until the test ends.
func startNginx(t *testing.T, sites, addr string) {
	t.Helper()
	dir := t.TempDir()
	var paths strings.Builder
	for _, of := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		paths.WriteString("\t" + of + "_temp_path " + filepath.Join(dir, of) + ";\n")
	}
	conf := writeFile(t, "daemon off;\nmaster_process off;\npid "+dir+"/pid;\nerror_log stderr;\nevents {}\nhttp {\n\taccess_log off;\n"+paths.String()+sites+"\n}\n", 0o600)
	startServer(t, "nginx", addr, "-p", dir, "-c", conf, "-e", "stderr")
}

// awaitListener waits until a server has a certificate for app.test at addr.
func awaitListener(t *testing.T, addr string, ended <-chan error) {
	t.Helper()
	awaitConn(t, ended, func() (net.Conn, error) {
		return tls.Dial("tcp", addr, &tls.Config{ServerName: "app.test", InsecureSkipVerify: true}) //nolint:gosec // as in through
	})
}

// awaitConn waits until what was started takes a connection; ended is nil for what does not end.
func awaitConn(t *testing.T, ended <-chan error, dial func() (net.Conn, error)) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		var conn net.Conn
		if conn, err = dial(); err == nil {
			conn.Close()
			return
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		default:
		}
	}
	t.Fatalf("nobody listens: %v", err)
}

// through is a browser of https://app.test that reaches it at addr.
func (w *world) through(addr string) *browser {
	b := w.browser(addr)
	b.https = &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the test made the certificate
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	w.t.Cleanup(b.https.CloseIdleConnections)
	return b
}

// checkProxied goes the whole way in through a proxy that asks the gate, and tries what a client can write into its headers.
func checkProxied(t *testing.T, w *world, sim *oktasim.Org, addr string) {
	t.Helper()
	b := w.through(addr)
	spoof := func(change func(http.Header)) {
		b.header = http.Header{"User-Agent": {agent}, "Accept": {"text/html"}}
		change(b.header)
	}
	forge := func(h http.Header) {
		for name, value := range map[string]string{"Remote-User": "admin", "Remote_User": "admin", "Remote.User": "admin", "Remote-Groups": "admins", "Remote_Groups": "admins",
			"Remote-Prolonged": "x=y", "X-Forwarded-For": "1.3.3.7", "X-Forwarded-Host": "other.example.com", "X-Forwarded-Proto": "http", "X-Forwarded-Uri": "/open", "X-Forwarded-Method": "OPTIONS",
			"X-Original-URL": "https://other.example.com/open"} {
			h[name] = []string{value}
		}
	}
	// Nobody is let in, whatever is claimed, and the page is there at the address that was asked for.
	for _, change := range []func(http.Header){func(http.Header) {}, forge} {
		spoof(change)
		a := b.get("/payroll?month=11")
		if a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, `data-view="signin"`) {
			t.Fatalf("a stranger gets %d\n%s", a.StatusCode, a.body)
		}
		if a := b.do(http.MethodPost, "/payroll", map[string][]string{"x": {"y"}}); a.StatusCode != http.StatusUnauthorized {
			t.Fatalf("a stranger's POST gets %d", a.StatusCode)
		}
	}
	w.up.none(t, "a stranger")
	for _, path := range []string{"/_mfa/auth", "/_mfa/auth/page", "/.sidegate"} {
		if a := b.get(path); a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusUnauthorized {
			t.Errorf("from outside %s is %d", path, a.StatusCode)
		}
	}
	// The whole sign-in.
	spoof(func(http.Header) {})
	b.waitAtPush()
	push := approve(t, sim)
	if push.Address != "127.0.0.1" || push.UserAgent != agent {
		t.Errorf("the phone shows %q, %q", push.Address, push.UserAgent)
	}
	if a := b.arrive(); a.body != upstreamBody {
		t.Fatalf("the app's answer is %q", a.body)
	}
	w.up.take(t)
	// What the app sees of a signed-in person who lies.
	for _, change := range []func(http.Header){func(http.Header) {}, forge, func(h http.Header) { h.Set("Connection", "close, Remote-User") }} {
		spoof(change)
		b.cookies["theme"] = "dark"
		if a := b.get("/payroll?month=11"); a.StatusCode != http.StatusOK || len(a.Header["Set-Cookie"]) > 0 {
			t.Fatalf("status %d, Set-Cookie %q", a.StatusCode, a.Header["Set-Cookie"])
		}
		r := w.up.take(t)
		only(t, r.Header, "Remote-User", "bob")
		only(t, r.Header, "Remote-Name", "Bob")
		only(t, r.Header, "Remote-Groups", "")
		if got := r.Header.Get("Cookie"); got != "theme=dark" || r.URL.RequestURI() != "/payroll?month=11" {
			t.Errorf("the app was asked for %s with the cookies %q", r.URL.RequestURI(), got)
		}
		if got := r.Header.Get("X-Forwarded-For"); got != "127.0.0.1" {
			t.Errorf("the app is told of %q", got)
		}
		if got := r.Header.Get("X-Forwarded-Host"); strings.Contains(got, "other.example.com") {
			t.Errorf("the app is told that it is %q", got)
		}
		delete(b.cookies, "theme")
	}
	if a := b.do(http.MethodPost, "/transfer", map[string][]string{"to": {"eve"}}); a.StatusCode != http.StatusOK {
		t.Errorf("a POST: %d", a.StatusCode)
	}
	if r := w.up.take(t); r.Method != http.MethodPost || r.ContentLength != 6 {
		t.Errorf("the app got %s with %d bytes", r.Method, r.ContentLength)
	}
	// Out again.
	page := b.get("/_mfa/signout")
	b.submit("/_mfa/signout", map[string][]string{"csrf": {find(t, csrfInput, page)}})
	if a := b.get("/payroll"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("after signing out: %d", a.StatusCode)
	}
	w.up.none(t, "after signing out")
}

// deploy/nginx.conf and deploy/gate.Caddyfile under a real nginx, as it is and with the connections to the gate kept open for the next
// question, which newer ones than Debian's do by default.
func TestNginxAsksTheGate(t *testing.T) {
	for name, changes := range map[string][]string{
		"as it is": nil,
		"connections kept open": {"server {\n\tlisten", "upstream gate {\n\tserver GATE;\n\tkeepalive 8;\n}\nserver {\n\tlisten", "127.0.0.1:9091", "gate",
			"proxy_pass_request_body off;", "proxy_pass_request_body off;\n\t\tproxy_http_version 1.1;\n\t\tproxy_set_header Connection \"\";"},
	} {
		t.Run(name, func(t *testing.T) {
			w, sim := newSimulated(t)
			gate, front := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
			w.run(adapt(t, gateSample(t, w, gate)))
			startNginxSample(t, front, gate, w.up.Listener.Addr().String(), changes...)
			checkProxied(t, w, sim, front)
		})
	}
}

// startNginxSample runs nginx with deploy/nginx.conf for app.test at front, after the changes, in which GATE is the gate.
func startNginxSample(t *testing.T, front, gate, app string, changes ...string) {
	t.Helper()
	cert, key := certificate(t)
	_, port, _ := net.SplitHostPort(front)
	for i := range changes {
		changes[i] = strings.ReplaceAll(changes[i], "GATE", gate)
	}
	if len(changes) == 0 {
		changes = []string{"127.0.0.1:9091", gate}
	}
	startNginx(t, sample(t, "nginx.conf", append(changes, "listen 443 ssl", "listen "+front+" ssl", "legacy.example.com", "app.test", "$server_name", "$server_name:"+port,
		"/etc/nginx/legacy.pem", cert, "/etc/nginx/legacy.key", key, "10.0.0.5:8080", app)...), front)
}

// nginx asks the gate twice, and a sign-in can end in between: what the second answer has for the app does not reach the browser,
// and what prolongs the session does.
func TestNginxKeepsTheAppsHeaders(t *testing.T) {
	w, front := newWorld(t), "127.0.0.1:"+freePort(t)
	gate := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/_mfa/auth" {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		for _, name := range []string{"Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups", "Remote-Assertion", "Cookie", "Set-Cookie"} {
			rw.Header().Set(name, "theme=dark")
		}
		rw.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(gate.Close)
	startNginxSample(t, front, gate.Listener.Addr().String(), w.up.Listener.Addr().String())
	a := w.through(front).get("/payroll")
	for name := range a.Header {
		if strings.HasPrefix(name, "Remote-") || name == "Cookie" {
			t.Errorf("the browser is told %s", name)
		}
	}
	if a.StatusCode != http.StatusNoContent || a.Header.Get("Set-Cookie") == "" {
		t.Errorf("%d, %v", a.StatusCode, a.Header)
	}
	w.up.none(t, "the gate had said no")
}

// deploy/haproxy.cfg, haproxy.lua and gate.Caddyfile under a real HAProxy. When the gate is gone, nobody gets in.
func TestHAProxyAsksTheGate(t *testing.T) {
	w, sim := newSimulated(t)
	gate, front := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	w.run(adapt(t, gateSample(t, w, gate)))
	cert, key := certificate(t)
	both := ""
	for _, name := range []string{cert, key} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		both += string(text)
	}
	script := writeFile(t, sample(t, "haproxy.lua"), 0o600)
	_, port, _ := net.SplitHostPort(front)
	conf := writeFile(t, sample(t, "haproxy.cfg", "bind :443", "bind "+front, "legacy.example.com", "app.test:"+port, "/etc/haproxy/haproxy.lua", script,
		"/etc/haproxy/legacy.pem", writeFile(t, both, 0o600), "127.0.0.1:9091", gate, "10.0.0.5:8080", w.up.Listener.Addr().String()), 0o600)
	startServer(t, "haproxy", front, "-db", "-f", conf)
	checkProxied(t, w, sim, front)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if a := w.through(front).get("/payroll"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without the gate: %d, want 503", a.StatusCode)
	}
	w.up.none(t, "without the gate")
}

// deploy/forward_auth.Caddyfile: the other Caddy is in this process, with the gate beside it.
func TestForwardAuthAsksTheGate(t *testing.T) {
	w, sim := newSimulated(t)
	gate, front := "127.0.0.1:"+freePort(t), freePort(t)
	text := gateSample(t, w, gate) + sample(t, "forward_auth.Caddyfile", "legacy.example.com {", "https://app.test:"+front+" {\n\tbind 127.0.0.1\n\ttls internal",
		"127.0.0.1:9091", gate, "10.0.0.5:8080", w.up.Listener.Addr().String())
	text = strings.Replace(text, "\tadmin off\n", "\tadmin off\n\tskip_install_trust\n", 1)
	w.run(adapt(t, text))
	awaitListener(t, "127.0.0.1:"+front, nil)
	checkProxied(t, w, sim, "127.0.0.1:"+front)
}

func TestSamplesAreFormatted(t *testing.T) {
	for _, name := range []string{"gate.Caddyfile", "forward_auth.Caddyfile"} {
		if text := sample(t, name); format(text) != text {
			t.Errorf("caddy fmt wants deploy/%s to be\n%s", name, format(text))
		}
	}
}
