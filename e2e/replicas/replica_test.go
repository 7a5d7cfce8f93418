package replicas

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// patience is how long a test waits for anything; it may run under the race detector on a busy machine.
	patience = 30 * time.Second
	// lookEvery is how often it looks.
	lookEvery = 10 * time.Millisecond
)

// replica is a Caddy process.
type replica struct {
	w    *world
	name string
	dir  string
	// addr is where its sites are; it stays the same when it is started again.
	addr string
	cmd  *exec.Cmd
	log  *processLog
}

// processLog is written to by a process that goes on.
type processLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *processLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *processLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// newReplica starts a replica.
func (w *world) newReplica(name string) *replica {
	w.t.Helper()
	r := &replica{w: w, name: name, dir: filepath.Join(w.dir, name), addr: "127.0.0.1:" + freePort(w.t), log: new(processLog)}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		r.terminate()
		if text := r.log.String(); strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic") {
			w.t.Errorf("%s:\n%s", r.name, text)
		} else if w.t.Failed() {
			w.t.Logf("%s:\n%.4000s", r.name, text)
		}
	})
	r.start()
	return r
}

// start starts the process, again after kill or terminate, and waits until it serves.
func (r *replica) start() {
	r.w.t.Helper()
	if err := r.tryStart(); err != nil {
		r.w.t.Fatal(err)
	}
}

// tryStart is start for goroutines that are not the test's own.
func (r *replica) tryStart() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	file := filepath.Join(r.dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(r.w.caddyfile(r)), 0o600); err != nil {
		return err
	}
	r.cmd = exec.Command(self)
	r.cmd.Dir = r.dir // not beside the tests' sources
	r.cmd.Env = append(os.Environ(), replicaVariable+"="+file, "GORACE=atexit_sleep_ms=0",
		"CLIENT_SECRET="+clientSecret, "API_TOKEN="+apiToken, "KEY_RING_SECRET="+ringSecret)
	r.cmd.Stderr = r.log
	if _, err := r.cmd.StdinPipe(); err != nil { // ends with this process
		return err
	}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := r.cmd.Start(); err != nil {
		return err
	}
	line := make(chan string, 1)
	go func() {
		out := bufio.NewReader(stdout)
		text, _ := out.ReadString('\n')
		line <- strings.TrimSpace(text)
		io.Copy(r.log, out) //nolint:errcheck // to the end of the process
	}()
	select {
	case text := <-line:
		if text == ready {
			return nil
		}
	case <-time.After(patience):
	}
	r.kill()
	return fmt.Errorf("%s did not start:\n%s", r.name, r.log.String())
}

// kill ends the process as kill -9 does.
func (r *replica) kill() {
	if r.cmd != nil {
		r.cmd.Process.Kill() //nolint:errcheck // it may have ended
		r.cmd.Wait()         //nolint:errcheck // by a signal, that is an error
		r.cmd = nil
	}
}

// terminate ends the process as a service manager does.
func (r *replica) terminate() {
	if r.cmd == nil {
		return
	}
	r.cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
	done := make(chan error, 1)
	go func() { done <- r.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			r.w.t.Errorf("%s ended with %v", r.name, err)
		}
	case <-time.After(patience):
		r.w.t.Errorf("%s did not end after SIGTERM", r.name)
		r.cmd.Process.Kill() //nolint:errcheck // as kill
		<-done
	}
	r.cmd = nil
}

// admin asks Caddy's admin API of the replica.
func (r *replica) admin(method, path, contentType, body string) (status int, answer string) {
	r.w.t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", r.socket())
		}}}
	req, err := http.NewRequestWithContext(r.w.t.Context(), method, "http://admin"+path, strings.NewReader(body))
	if err != nil {
		r.w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	res, err := client.Do(req)
	if err != nil {
		r.w.t.Fatalf("%s: %s %s: %v", r.name, method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.w.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// reload gives the replica a new configuration, which differs by a comment at least. Caddy answers when the old one's servers are
// about to shut down. Until they have, each of the two configurations has a socket of its own (SO_REUSEPORT), and Linux resets
// what waits to be accepted by the old one when that closes: what is sent after reload must not run into that.
func (r *replica) reload() {
	r.w.t.Helper()
	r.w.reloads++
	if status, text := r.admin(http.MethodPost, "/load", "text/caddyfile", r.w.caddyfile(r)); status != http.StatusOK {
		r.w.t.Fatalf("%s: reload: %d %s", r.name, status, text)
	}
	r.w.eventually("the old configuration's socket is closed", func() bool { return r.listeners() == 1 })
	r.w.lb.wire.CloseIdleConnections() // Caddy has closed them: a form sent on one would not arrive
}

// listeners is how many sockets listen at the replica's address, as Linux tells; elsewhere it is taken to be one.
func (r *replica) listeners() (n int) {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 1
	}
	_, port, _ := net.SplitHostPort(r.addr)
	number, err := strconv.Atoi(port)
	if err != nil {
		r.w.t.Fatal(err)
	}
	const listening = "0A"
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); strings.HasSuffix(f[1], fmt.Sprintf(":%04X", number)) && f[3] == listening {
			n++
		}
	}
	return n
}

func (r *replica) socket() string { return filepath.Join(r.dir, "admin.sock") }

// freePort finds a port for what has to listen on the same one twice. It is below those that the kernel hands out, so
// that nobody who asks for any port gets it in between; Caddy would share it silently.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10000 + rand.IntN(20000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close() //nolint:errcheck // only looked at
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// eventually waits until something holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for over := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(over) {
			w.t.Fatalf("%s: not within %s", what, patience)
		}
	}
}
