package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// connections is how many requests are under way at each server.
const connections = 16

// source hands out the bytes of one request after the other, nil when there are no more.
type source func() []byte

// load sends requests to address over keep-alive connections until ctx ends or the source is dry, and returns how
// many were answered with 200. Anything else is an error: a benchmark of refusals measures nothing.
func load(ctx context.Context, address string, next source) (int64, error) {
	var done atomic.Int64
	var first sync.Once
	var failed error
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			n, err := worker(ctx, address, next)
			done.Add(n)
			if err != nil {
				first.Do(func() { failed = err })
			}
		})
	}
	wg.Wait()
	return done.Load(), failed
}

func worker(ctx context.Context, address string, next source) (int64, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, fmt.Errorf("dialling the server: %w", err)
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 4096)
	var n int64
	for ctx.Err() == nil {
		request := next()
		if request == nil {
			break
		}
		if _, err := conn.Write(request); err != nil {
			return n, fmt.Errorf("sending: %w", err)
		}
		if err := response(in); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

var contentLength = []byte("Content-Length: ")

// response reads one answer; it knows just enough of HTTP for Caddy's.
func response(in *bufio.Reader) error {
	status, err := in.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("reading the status: %w", err)
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("the server answered %q", bytes.TrimSpace(status))
	}
	length := -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("reading a header: %w", err)
		}
		if len(line) <= 2 {
			break
		}
		if bytes.HasPrefix(line, contentLength) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):]))); err != nil {
				return fmt.Errorf("reading the length: %w", err)
			}
		}
	}
	if length < 0 {
		return errors.New("the answer has no Content-Length")
	}
	if _, err := io.CopyN(io.Discard, in, int64(length)); err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	return nil
}

// request is what Chrome sends when a person follows a link in the legacy app.
func request(cookie string) []byte {
	var b bytes.Buffer
	b.WriteString("GET /reports/2026?page=2 HTTP/1.1\r\n" +
		"Host: " + site + "\r\n" +
		"Connection: keep-alive\r\n" +
		`sec-ch-ua: "Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"` + "\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		`sec-ch-ua-platform: "Windows"` + "\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n" +
		"Sec-Fetch-Site: same-origin\r\n" +
		"Sec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-User: ?1\r\n" +
		"Sec-Fetch-Dest: document\r\n" +
		"Referer: https://" + site + "/reports/\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-GB,en;q=0.9\r\n" +
		"Cookie: legacy=3f1c9a0e77b2")
	if cookie != "" {
		b.WriteString("; " + cookieName + "=" + cookie)
	}
	b.WriteString("\r\n\r\n")
	return b.Bytes()
}

// same repeats one request for ever.
func same(r []byte) source { return func() []byte { return r } }

// inTurn sends each request, then begins again.
func inTurn(requests [][]byte) source {
	var n atomic.Uint64
	return func() []byte { return requests[(n.Add(1)-1)%uint64(len(requests))] }
}

// once sends each request once.
func once(requests [][]byte) source {
	var n atomic.Uint64
	return func() []byte {
		i := n.Add(1) - 1
		if i >= uint64(len(requests)) {
			return nil
		}
		return requests[i]
	}
}
