package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// streams are event streams held open.
type streams struct {
	http2 bool
	conns []net.Conn
	heard []chan time.Time // when the nth browser heard of a change
}

// open sends each request on a connection of its own and returns when all answers have begun.
func (s *streams) open(address string, requests []string) error {
	from := len(s.conns)
	s.conns = append(s.conns, make([]net.Conn, len(requests))...)
	s.heard = append(s.heard, make([]chan time.Time, len(requests))...)
	errs := make([]error, len(requests))
	var wg sync.WaitGroup
	turn := make(chan struct{}, 64)
	for i, request := range requests {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			errs[i] = s.openOne(from+i, address, request)
		})
	}
	wg.Wait()
	return firstError(errs)
}

func (s *streams) openOne(i int, address, request string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return fmt.Errorf("dialling: %w", err)
	}
	s.conns[i] = conn
	ask := overHTTP1
	if s.http2 {
		ask = overHTTP2
	}
	in, err := ask(conn, request)
	if err != nil {
		return err
	}
	if err := until(in, "retry:"); err != nil {
		return err
	}
	s.heard[i] = make(chan time.Time, 1)
	go func() {
		if until(in, "event: change") == nil {
			s.heard[i] <- time.Now()
		}
		close(s.heard[i])
	}()
	return nil
}

// until reads lines as far as one that begins with prefix.
func until(in *bufio.Reader, prefix string) error {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("waiting for %q: %w", prefix, err)
		}
		if strings.HasPrefix(line, prefix) {
			return nil
		}
	}
}

// alive counts the streams that the server has not ended.
func (s *streams) alive() int {
	n := 0
	for _, heard := range s.heard {
		select {
		case <-heard:
		default:
			n++
		}
	}
	return n
}

func (s *streams) close() {
	for _, c := range s.conns {
		if c != nil {
			_ = c.Close()
		}
	}
}

// overHTTP1 sends a request and returns the lines of the answer from the header on.
func overHTTP1(conn net.Conn, request string) (*bufio.Reader, error) {
	if _, err := conn.Write([]byte(request)); err != nil {
		return nil, fmt.Errorf("asking for events: %w", err)
	}
	in := bufio.NewReaderSize(conn, 512)
	status, err := in.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("waiting for the answer: %w", err)
	}
	if !strings.HasPrefix(status, "HTTP/1.1 200") {
		return nil, fmt.Errorf("the event stream was answered %q", strings.TrimSpace(status))
	}
	return in, nil
}

// overHTTP2 does the same on TLS; what it returns begins with the body.
func overHTTP2(conn net.Conn, request string) (*bufio.Reader, error) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "https", site
	client := &http.Transport{
		DialContext:     func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		TLSClientConfig: trusting(), ForceAttemptHTTP2: true,
	}
	answer, err := client.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("asking for events: %w", err)
	}
	if answer.StatusCode != http.StatusOK || answer.ProtoMajor != 2 {
		return nil, fmt.Errorf("the event stream was answered %s over %s", answer.Status, answer.Proto)
	}
	return bufio.NewReaderSize(answer.Body, 512), nil
}

// trusting takes the certificate that the server has just made for itself.
func trusting() *tls.Config {
	return &tls.Config{ServerName: site, InsecureSkipVerify: true} //nolint:gosec // on loopback, between two processes of ours
}
