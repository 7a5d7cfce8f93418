package storetest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy is between a client and a server, for as long as the test lasts.
type Proxy struct {
	// Addr is where it listens.
	Addr string
	// Lose loses the next answer, with its connection.
	Lose atomic.Bool
	// Hang keeps all answers back. Asked says that something was asked since.
	Hang, Asked atomic.Bool

	server string
	over   chan struct{}
	wg     sync.WaitGroup
}

// NewProxy starts one before the server at an address.
func NewProxy(t *testing.T, server string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), server: server, over: make(chan struct{})}
	t.Cleanup(func() { close(p.over); _ = l.Close(); p.wg.Wait() })
	p.wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", p.server)
			if err != nil {
				_ = in.Close()
				continue
			}
			p.between(in, out)
		}
	})
	return p
}

// between hands on between a client and the server until either has gone.
func (p *Proxy) between(in, out net.Conn) {
	p.wg.Go(func() {
		defer out.Close() //nolint:errcheck // it is over
		_, _ = io.Copy(out, io.TeeReader(in, asked{p}))
	})
	p.wg.Go(func() {
		defer in.Close() //nolint:errcheck // it is over
		buf := make([]byte, 4096)
		for {
			n, err := out.Read(buf)
			if err != nil || p.Lose.Swap(false) {
				return
			}
			if p.Hang.Load() {
				<-p.over
				return
			}
			if _, err := in.Write(buf[:n]); err != nil {
				return
			}
		}
	})
}

// asked notes that something is.
type asked struct{ *Proxy }

func (a asked) Write(b []byte) (int, error) {
	if a.Hang.Load() {
		a.Asked.Store(true)
	}
	return len(b), nil
}
