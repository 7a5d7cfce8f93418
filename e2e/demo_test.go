package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// leaveWithin is how long the demo may take to end after SIGTERM, open streams or not.
const leaveWithin = 2 * time.Second

// startWithin is generous: the demo may run under the race detector on a busy machine.
const startWithin = 30 * time.Second

// demo is a running demo process.
type demo struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr bytes.Buffer
	places
}

// places is the line that the demo prints with -json.
type places struct {
	Site    string   `json:"site"`
	Payroll string   `json:"payroll"`
	Vault   string   `json:"vault"`
	Wiki    string   `json:"wiki"`
	Okta    string   `json:"okta"`
	Phone   string   `json:"phone"`
	Legacy  string   `json:"legacy"`
	People  []person `json:"people"`
}

// person is a test user.
type person struct {
	Login    string `json:"login"`
	Password string `json:"password"`
	Phone    string `json:"phone"`
	Inbox    string `json:"inbox"`
}

// startDemo starts a demo on free ports for one test. At the end of the test SIGTERM must end it
// cleanly and in time, with whatever the test left open.
func startDemo(t *testing.T, args ...string) *demo {
	t.Helper()
	needBrowser(t)
	bin, err := demoBinary()
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{t: t}
	args = append([]string{"-json", "-ports=free", "-refresh=300ms", "-behind-proxy"}, args...)
	d.cmd = exec.Command(bin, args...)
	d.cmd.Stderr = &d.stderr
	// A race-built program sleeps for a second before it ends, which is not what the test measures.
	d.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	stdout, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.stop)
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(stdout).ReadString('\n')
		line <- text
	}()
	select {
	case text := <-line:
		if err := json.Unmarshal([]byte(text), &d.places); err != nil {
			d.cmd.Process.Kill()
			d.cmd.Wait()
			t.Fatalf("the demo printed %q: %v\n%s", text, err, &d.stderr)
		}
	case <-time.After(startWithin):
		t.Fatalf("the demo printed nothing within %s", startWithin)
	}
	return d
}

func (d *demo) stop() {
	if d.cmd.ProcessState != nil {
		return
	}
	began := time.Now()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Errorf("SIGTERM to the demo: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- d.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			d.t.Errorf("the demo ended with %v\n%s", err, &d.stderr)
		}
		took := time.Since(began)
		d.t.Logf("the demo ended in %s", took.Round(time.Millisecond))
		if took > leaveWithin {
			d.t.Errorf("the demo took %s to end; at most %s", took, leaveWithin)
		}
	case <-time.After(5 * leaveWithin):
		d.cmd.Process.Kill()
		<-done
		d.t.Errorf("the demo did not end after SIGTERM\n%s", &d.stderr)
	}
	if strings.Contains(d.stderr.String(), "DATA RACE") {
		d.t.Errorf("data race in the demo:\n%s", &d.stderr)
	}
}

// person finds a test user by the first part of the login.
func (d *demo) person(name string) person {
	d.t.Helper()
	for _, p := range d.People {
		if strings.HasPrefix(p.Login, name+"@") {
			return p
		}
	}
	d.t.Fatalf("the demo has no user %q", name)
	return person{}
}

// push is a push as the phone shows it.
type push struct {
	State     string   `json:"state"`
	Address   string   `json:"address"`
	UserAgent string   `json:"user_agent"`
	Numbers   []string `json:"numbers"`
}

// pushes are all pushes of a person, newest last.
func (d *demo) pushes(p person) []push {
	d.t.Helper()
	var list []push
	d.simGet("/sim/pushes?login="+url.QueryEscape(p.Login), &list)
	return list
}

// totp is the code that the person's phone shows now.
func (d *demo) totp(p person) string {
	d.t.Helper()
	var answer struct{ Code string }
	d.simGet("/sim/totp?login="+url.QueryEscape(p.Login), &answer)
	return answer.Code
}

// mail is the newest that a person was sent.
type mail struct {
	Channel, To, Code, Link string
}

func (d *demo) newestMail(p person) mail {
	d.t.Helper()
	var list []mail
	d.simGet("/sim/inbox?login="+url.QueryEscape(p.Login), &list)
	if len(list) == 0 {
		d.t.Fatalf("%s was sent nothing", p.Login)
	}
	return list[len(list)-1]
}

// codes are what a person's apps and tokens show.
func (d *demo) codes(p person) (codes struct{ TOTP, Google, Token string }) {
	d.t.Helper()
	d.simGet("/sim/codes?login="+url.QueryEscape(p.Login), &codes)
	return codes
}

// scan has a person's phone read a QR code.
func (d *demo) scan(p person, content string) {
	d.t.Helper()
	if status := d.tryScan(p, content); status != http.StatusNoContent {
		d.t.Fatalf("the phone could not scan %q: %d", content, status)
	}
}

func (d *demo) tryScan(p person, content string) (status int) {
	d.t.Helper()
	return trySimPost(d.t, d.Okta+"/sim/scan", map[string]string{"login": p.Login, "content": content})
}

// oktaCalls are the calls that the simulated org answered, one per line, for failures.
func (d *demo) oktaCalls() string {
	d.t.Helper()
	var calls []struct {
		Method, Path string
		Status       int
	}
	d.simGet("/sim/requests", &calls)
	var lines strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&lines, "%s %s %d\n", c.Method, c.Path, c.Status)
	}
	return lines.String()
}

// readBody reads and closes a response's body.
func readBody(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (d *demo) simGet(path string, into any) {
	d.t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Get(d.Okta + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		d.t.Fatalf("GET %s: %s", path, res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		d.t.Fatal(fmt.Errorf("GET %s: %w", path, err))
	}
}
