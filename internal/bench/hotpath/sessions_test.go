package main

import (
	"testing"

	"sidegate.example/sidegate/internal/bench/server"
)

// The gate under test lets in the sessions that the benchmark makes: what refuses them must not be measured, and `make bench` must
// not fail long after the change that broke it.
func TestTheGateLetsTheSessionsIn(t *testing.T) {
	upstream, err := server.Upstream()
	if err != nil {
		t.Fatal(err)
	}
	address, err := server.Caddy(gate(false), server.Proxy(upstream))
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMint()
	if err != nil {
		t.Fatal(err)
	}
	people, err := m.requests(3)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := load(t.Context(), address, once(people)); n != 3 || err != nil {
		t.Errorf("%d of 3 were let in: %v", n, err)
	}
	if n, err := load(t.Context(), address, once([][]byte{request("")})); n != 0 || err == nil {
		t.Error("who has no session was let in")
	}
}
