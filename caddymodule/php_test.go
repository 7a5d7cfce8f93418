package caddymodule

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// startPHP runs php-fpm until the test ends and returns its socket and a folder with an app that prints what it sees.
func startPHP(t *testing.T) (socket, root string) {
	t.Helper()
	var fpm string
	for _, pattern := range []string{"/usr/sbin/php-fpm*", "/usr/local/sbin/php-fpm*"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			fpm = found[len(found)-1]
		}
	}
	if fpm == "" {
		t.Skip("php-fpm is not installed, see internal/deps.sh")
	}
	dir := t.TempDir()
	socket, root = filepath.Join(dir, "fpm.sock"), filepath.Join(dir, "www")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	const app = `<?php
header('Content-Type: application/json');
file_get_contents('php://input');
echo json_encode(array_filter($_SERVER, fn($name) => str_contains(strtoupper($name), 'REMOTE'), ARRAY_FILTER_USE_KEY));
`
	conf := "[global]\nerror_log = " + dir + "/log\ndaemonize = no\n[www]\nlisten = " + socket + "\npm = static\npm.max_children = 2\n"
	for name, text := range map[string]string{filepath.Join(root, "index.php"): app, filepath.Join(dir, "fpm.conf"): conf} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"--nodaemonize", "--fpm-config", filepath.Join(dir, "fpm.conf")}
	if os.Getuid() == 0 {
		args = append(args, "--allow-to-run-as-root")
		conf += "user = root\ngroup = root\n"
		if err := os.WriteFile(filepath.Join(dir, "fpm.conf"), []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	awaitConn(t, startProcess(t, fpm, args...), func() (net.Conn, error) { return net.Dial("unix", socket) })
	return socket, root
}

// S16, S17, S18, S19: a PHP app, for which Remote-User, Remote_User and Remote.User are one $_SERVER['HTTP_REMOTE_USER'], sees the
// session's identity and nothing of what the client sends, whatever Caddy lets pass.
func TestPHPSeesTheSessionAlone_S16_S17_S18_S19(t *testing.T) {
	socket, root := startPHP(t)
	for name, server := range map[string]string{
		"by default": "",
		"let in by name": "expected_underscore_headers Remote_User REMOTE_USER REMOTE_GROUPS rEmOtE_uSeR Remote_Name Remote_Email Remote_Assertion\n\t\t" +
			"expected_dot_headers Remote.User REMOTE.user Remote.Groups Remote.Email",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.server = server
			addr := w.start("okta_mfa\n\troot * " + root + "\n\tphp_fastcgi unix/" + socket)
			session := "Cookie: " + w.cookie("127.0.0.1", bob())
			nameless := bob()
			nameless.Groups, nameless.Name, nameless.Email = nil, "", ""
			sees := func(what, request string, want map[string]string) {
				t.Helper()
				a := raw(t, addr, request)
				var got map[string]any
				if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.StatusCode != 200 {
					t.Fatalf("%s: %d, %v\n%s", what, a.StatusCode, err, a.body)
				}
				for key, value := range got {
					if !strings.HasPrefix(key, "HTTP_") {
						continue // REMOTE_ADDR and its like are the server's own
					}
					if want[key] != value {
						t.Errorf("%s: PHP sees %s = %v, want %q", what, key, value, want[key])
					}
				}
				for key, value := range want {
					if got[key] != value {
						t.Errorf("%s: PHP sees %s = %v, want %q", what, key, got[key], value)
					}
				}
				if got["REMOTE_USER"] != "bob" { // which Caddy sets by itself from {http.auth.user.id}
					t.Errorf("%s: PHP sees REMOTE_USER = %v", what, got["REMOTE_USER"])
				}
			}
			whole := map[string]string{"HTTP_REMOTE_USER": "bob", "HTTP_REMOTE_GROUPS": "staff", "HTTP_REMOTE_NAME": "Bob", "HTTP_REMOTE_EMAIL": "bob@example.com"}
			request := func(cookie string, lines ...string) string {
				return "GET /index.php HTTP/1.1\nHost: " + addr + "\n" + cookie + "\n" + strings.Join(lines, "\n")
			}
			sees("an honest request", request(session), whole)
			for _, spoof := range append(spoofs, "REMOTE_USER: admin", "Remote_Assertion: forged", "remote-assertion: forged",
				"Remote-User: admin\nRemote-User: root", "Remote-User: \nRemote_User: admin", strings.Join(spoofs, "\n"),
				"Connection: close, Remote-User", "Connection: Remote-User, Remote_User\nConnection: remote-groups\nRemote_User: admin",
				"Proxy: http://evil.example", "Redirect_Remote_User: admin") {
				sees(spoof, request(session, spoof), whole)
				sees("without claims: "+spoof, request("Cookie: "+w.cookie("127.0.0.1", nameless), spoof), map[string]string{"HTTP_REMOTE_USER": "bob"})
			}
			sees("trailers", "POST /index.php HTTP/1.1\nHost: "+addr+"\n"+session+"\nTransfer-Encoding: chunked\nTrailer: Remote-User, Remote_Groups\nConnection: close\n\n"+
				"3\na=1\n0\nRemote-User: admin\nRemote_Groups: admins\nRemote.Name: Root", whole)
			w.up.none(t, "PHP")
		})
	}
}
