package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/internal/bench/server"
)

// What the gate under test is configured with. Nothing listens at org: the hot path never dials it.
const (
	org          = "http://127.0.0.1:9"
	clientID     = "0oabench0000000000d7"
	cookieSecret = "benchmark-only-0123456789abcdef0123456789abcdef0123456789abcdef"
	cookieName   = "__Host-okta_mfa"
	site         = "legacy.test"
)

// gate is the handler under test. A lean one hands on no identity header.
func gate(lean bool) server.Handler {
	h := server.Handler{
		"handler": "okta_mfa", "org": org, "client_id": clientID,
		"client_secret": server.Secret("BENCH_CLIENT_SECRET", "benchmark-only"),
		"cookie_secret": []string{server.Secret("BENCH_COOKIE_SECRET", cookieSecret)},
	}
	if lean {
		h["headers"] = map[string]string{"user": "off", "name": "off", "email": "off", "groups": "off"}
	}
	return h
}

// mint makes the Cookie-bearing requests of n people who have just signed in.
type mint struct {
	codec   *session.Codec
	binding session.Binding
	made    int
}

func newMint() (*mint, error) {
	ring, err := session.RingFromSecrets([]string{cookieSecret})
	if err != nil {
		return nil, fmt.Errorf("making the keys: %w", err)
	}
	return &mint{
		codec:   session.NewCodec(session.Static(ring), nil),
		binding: session.Binding{Cookie: cookieName, Site: site, Policy: policy()},
	}, nil
}

// policy is how caddymodule names the rules of this config: its fingerprint of issuer, client and the scopes of who names none. Should the
// two drift apart, the first request is refused and the test says so.
func policy() string {
	return fingerprint("policy", org, clientID, fingerprint("email", "openid", "profile"))
}

func fingerprint(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// requests returns n requests, each with the cookie of a session of its own.
func (m *mint) requests(n int) ([][]byte, error) {
	all := make([][]byte, n)
	now := time.Now()
	for i := range all {
		m.made++
		cookie, err := m.codec.Seal(context.Background(), m.binding, session.Claims{
			ID: session.NewID(),
			Identity: identity.Identity{
				Subject: fmt.Sprintf("00u%017d", m.made),
				Login:   fmt.Sprintf("ada.lovelace.%d@acme.example", m.made),
				Email:   fmt.Sprintf("ada.lovelace.%d@acme.example", m.made),
				Name:    "Ada Lovelace",
				Groups:  []string{"Everyone", "Finance", "Engineering"},
				Proofs:  []identity.Proof{{Factor: identity.Password, At: now}, {Factor: identity.Push, At: now}},
			},
			IssuedAt: now, SeenAt: now, ExpiresAt: now.Add(12 * time.Hour),
		})
		if err != nil {
			return nil, fmt.Errorf("minting a session: %w", err)
		}
		all[i] = request(cookie)
	}
	return all, nil
}
