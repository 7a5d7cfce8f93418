package main

import (
	"fmt"
	"net"
	"strconv"
)

// The ports that people will remember.
const (
	usualSite   = 8080
	usualOkta   = 8081
	usualLegacy = 8082
)

const loopback = "127.0.0.1"

// listen opens the usual port, or a free one when that is taken or free ports are wanted.
func listen(usual int, free bool) (net.Listener, error) {
	if !free && available(usual) {
		if l, err := net.Listen("tcp", address(usual)); err == nil {
			return l, nil
		}
	}
	l, err := net.Listen("tcp", address(0))
	if err != nil {
		return nil, fmt.Errorf("opening a port on %s: %w", loopback, err)
	}
	return l, nil
}

// sitePort is the port for Caddy to open: the usual one, or one that is free now. Sites that share a sign-in have to know it.
func sitePort(free bool) (int, error) {
	if !free && available(usualSite) {
		return usualSite, nil
	}
	l, err := net.Listen("tcp", address(0))
	if err != nil {
		return 0, fmt.Errorf("finding a port on %s: %w", loopback, err)
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// available reports whether nobody serves the port on either loopback address. Both are asked, because a
// browser that is told "localhost" tries ::1 first and would end up with the neighbour.
func available(port int) bool {
	for _, host := range []string{loopback, "::1"} {
		c, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			c.Close()
			return false
		}
	}
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }
