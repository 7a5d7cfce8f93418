package storetest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Server is a real redis-server, for as long as the test lasts.
type Server struct {
	// Addr is where it listens; it stays the same after Kill and Start.
	Addr string

	t    *testing.T
	dir  string
	args []string

	mu  sync.Mutex
	cmd *exec.Cmd
	log *syncBuffer
}

// syncBuffer is written by a process that goes on.
type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// Redis starts a server with these arguments on top. It keeps its data across Kill and Start when they say so
// ("--appendonly", "yes").
func Redis(t *testing.T, args ...string) *Server {
	t.Helper()
	port := FreePort(t)
	s := newServer(t, port, append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"}, args...)...)
	s.Start()
	return s
}

func newServer(t *testing.T, port string, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed; internal/deps.sh installs it as root on Debian")
	}
	dir, err := os.MkdirTemp("", "redis") // t.TempDir fails when a server that just ended still wrote there
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: "127.0.0.1:" + port, t: t, dir: dir, args: append(args, "--dir", dir)}
	t.Cleanup(func() {
		s.Kill()
		_ = os.RemoveAll(dir)
	})
	return s
}

// Start starts the server again, and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.mu.Lock()
	s.log = new(syncBuffer)
	s.cmd = exec.Command("redis-server", s.args...) //nolint:gosec // a test's own
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Dir = s.log, s.log, s.dir
	err := s.cmd.Start()
	s.mu.Unlock()
	if err != nil {
		s.t.Fatal(err)
	}
	Eventually(s.t, "redis-server listens", func() bool {
		conn, err := net.Dial("tcp", s.Addr)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
}

// Kill ends the server as a power cut does.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// CLI gives what redis-cli prints for a command.
func (s *Server) CLI(args ...string) string {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.Addr)
	out, err := exec.Command("redis-cli", append([]string{"--raw", "-p", port}, args...)...).CombinedOutput() //nolint:gosec // a test's own
	if err != nil {
		s.t.Fatalf("redis-cli %v: %v: %s%s", args, err, out, s.log.String())
	}
	return string(out)
}

// Sentinel starts a server, a replica of it and a Sentinel that knows the server as "mymaster". The Sentinel makes the
// replica the server within a few seconds after the server was killed.
func Sentinel(t *testing.T) (sentinel, server *Server) {
	t.Helper()
	server = Redis(t)
	host, port, _ := net.SplitHostPort(server.Addr)
	replica := Redis(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	Eventually(t, "the replica follows", func() bool { return strings.Contains(replica.CLI("info", "replication"), "master_link_status:up") })
	at := FreePort(t)
	sentinel = newServer(t, at)
	file := filepath.Join(sentinel.dir, "sentinel.conf")
	config := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor mymaster %s %s 1\nsentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 3000\n", at, sentinel.dir, host, port)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel.args = []string{file, "--sentinel"}
	sentinel.Start()
	Eventually(t, "the Sentinel knows the replica", func() bool {
		return strings.Contains(sentinel.CLI("info", "sentinel"), "slaves=1")
	})
	return sentinel, server
}

// Cluster starts a cluster of three.
func Cluster(t *testing.T) []*Server {
	t.Helper()
	var nodes []*Server
	args := []string{"--cluster", "create"}
	for range 3 {
		port, bus := FreePort(t), FreePort(t)
		s := newServer(t, port, "--port", port, "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning", "--cluster-enabled", "yes",
			"--cluster-port", bus)
		s.Start()
		nodes = append(nodes, s)
		args = append(args, s.Addr)
	}
	nodes[0].CLI(append(args, "--cluster-yes")...)
	Eventually(t, "the cluster stands", func() bool {
		for _, n := range nodes {
			if !strings.Contains(n.CLI("cluster", "info"), "cluster_state:ok") {
				return false
			}
		}
		return true
	})
	return nodes
}

// FreePort is free now; nothing keeps it free until the server listens, except that the system gives out others first.
func FreePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only looked at
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
