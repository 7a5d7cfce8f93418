// Package measure owns what the benchmark commands have in common: processes that are started from
// the running program and pinned to a core, what the kernel says of their CPU time and memory, and
// medians. It knows no HTTP.
package measure

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Child is a process of the running program in another role. It ends when its standard input does, so
// none is left behind when the parent dies.
type Child struct {
	// Address is what the child said when it was ready.
	Address string

	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// Spawn starts the running program again with the arguments args, on one core if core >= 0, and waits
// until it is ready. GOMAXPROCS is 1 on a pinned child.
func Spawn(core int, args ...string) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the program: %w", err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = os.Environ()
	if core >= 0 {
		cmd = exec.Command("taskset", append([]string{"-c", fmt.Sprint(core), self}, args...)...)
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	}
	cmd.Stderr = os.Stderr
	c := &Child{cmd: cmd}
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("preparing %v: %w", args, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("preparing %v: %w", args, err)
	}
	c.stdout = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %v: %w", args, err)
	}
	if c.Address, err = c.line(); err != nil {
		c.Stop()
		return nil, fmt.Errorf("waiting for %v: %w", args, err)
	}
	return c, nil
}

func (c *Child) line() (string, error) {
	s, err := c.stdout.ReadString('\n')
	return strings.TrimSpace(s), err
}

// Stop ends the child and waits for it.
func (c *Child) Stop() {
	_ = c.stdin.Close()
	kill := time.AfterFunc(10*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	_ = c.cmd.Wait() // how a benchmark's server ends is of no interest
}

// State is what a child says of itself.
type State struct {
	Goroutines int
	Heap       uint64 // bytes of live heap objects
	Spans      uint64 // bytes of the pages that hold them, gaps included
	Stacks     uint64 // bytes of goroutine stacks in use
	RSS        uint64 // resident bytes
}

// Ask lets the child collect its garbage and tell its State.
func (c *Child) Ask() (State, error) {
	if _, err := io.WriteString(c.stdin, "state\n"); err != nil {
		return State{}, fmt.Errorf("asking the child: %w", err)
	}
	text, err := c.line()
	if err != nil {
		return State{}, fmt.Errorf("asking the child: %w", err)
	}
	var s State
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return State{}, fmt.Errorf("reading the child's state: %w", err)
	}
	return s, nil
}

// Serve is the child's side: it says where it listens and answers questions until its parent lets it go.
func Serve(address string) error {
	if _, err := fmt.Println(address); err != nil {
		return fmt.Errorf("telling the parent: %w", err)
	}
	in := bufio.NewReader(os.Stdin)
	for {
		_, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listening to the parent: %w", err)
		}
		s, err := state()
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
			return fmt.Errorf("telling the parent: %w", err)
		}
	}
}

// state is taken after two collections, so that finalizers have run and stacks have shrunk.
func state() (State, error) {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if err := heapProfile("BENCH_HEAP_PROFILE"); err != nil {
		return State{}, err
	}
	resident, err := rss(os.Getpid())
	return State{Goroutines: runtime.NumGoroutine(), Heap: m.HeapAlloc, Spans: m.HeapInuse, Stacks: m.StackInuse, RSS: resident}, err
}
