package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// streams are event streams held open.
type streams struct {
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
	if _, err := conn.Write([]byte(request)); err != nil {
		return fmt.Errorf("asking for events: %w", err)
	}
	in := bufio.NewReaderSize(conn, 512)
	status, err := in.ReadString('\n')
	if err != nil {
		return fmt.Errorf("waiting for the answer: %w", err)
	}
	if !strings.HasPrefix(status, "HTTP/1.1 200") {
		return fmt.Errorf("the event stream was answered %q", strings.TrimSpace(status))
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
