package upstream

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/store/storetest"
)

const jsModule = "/usr/lib/nginx/modules/ngx_http_js_module.so"

// throughNginx runs a real nginx with the examples, a script and a configuration, and sends it each line of input as a request. It
// returns what came of each, as the drivers of other languages print it.
func throughNginx(t *testing.T, examples []string, input string) string {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = "/usr/sbin/nginx"
	}
	for _, file := range []string{nginx, jsModule} {
		if _, err := os.Stat(file); err != nil {
			t.Skipf("%s is not installed, see internal/deps.sh", file)
		}
	}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, map[string]string{"ada@example.com": "ok 00u1"}[strings.Join(r.Header["Remote-User"], ",")])
	}))
	t.Cleanup(app.Close)
	dir := t.TempDir()
	socket := filepath.Join(dir, "socket")
	script, sites := examples[0], examples[1]
	for _, change := range [][2]string{
		{"127.0.0.1:8079", "127.0.0.1:" + storetest.FreePort(t)}, {"listen 8080", "listen unix:" + socket}, {"http://127.0.0.1:9000", app.URL},
		{"/etc/nginx/assertion.js", filepath.Join(dir, "assertion.js")}, {"/var/cache/nginx/jwks", filepath.Join(dir, "jwks")},
		{"proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;", ""},
	} {
		if !strings.Contains(sites, change[0]) {
			t.Fatalf("the example no longer has %q", change[0])
		}
		sites, script = strings.ReplaceAll(sites, change[0], change[1]), strings.ReplaceAll(script, change[0], change[1])
	}
	for _, of := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		sites += of + "_temp_path " + filepath.Join(dir, of) + ";\n"
	}
	conf := "daemon off;\nmaster_process off;\nload_module " + jsModule + ";\npid " + dir + "/pid;\nerror_log stderr info;\nevents {}\nhttp {\naccess_log off;\n" + sites + "}\n"
	for name, text := range map[string]string{"assertion.js": script, "nginx.conf": conf} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var log bytes.Buffer
	cmd := exec.CommandContext(ctx, nginx, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		stop()
		if <-ended; t.Failed() {
			t.Logf("nginx says:\n%s", &log)
		}
	})
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	defer client.CloseIdleConnections()
	storetest.Eventually(t, "nginx listens", func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	var out strings.Builder
	for line := range strings.Lines(input) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		req, err := http.NewRequestWithContext(t.Context(), f[0], "http://app.test"+f[1]+"?month=11", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Remote-Assertion", f[2])
		req.Header.Set("Remote-User", "root")
		fmt.Fprintln(&out, nginxSays(t, client, req))
	}
	return out.String()
}

// nginxSays is "no" where the app was not reached.
func nginxSays(t *testing.T, client *http.Client, req *http.Request) string {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusUnauthorized {
		return "no"
	}
	return body.String()
}
