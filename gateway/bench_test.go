package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// Budgets of the authenticated path, one goroutine, on the machine of performance.md:
//
//	BenchmarkHandleWarm  3 µs, 8 allocations: 10,000 sessions in turn, each opened before
//	BenchmarkHandleCold 15 µs: every cookie is seen for the first time
//	BenchmarkHandleRules 1.3 times BenchmarkHandleWarm of the same run: rules on groups, users and factors in eight scopes, and
//	  100,000 live revocations
//
// make bench prints each beside its budget, and the ratio of a whole Caddy with and without the gate.

func benchGate(b *testing.B, change ...func(*Config)) *Gate {
	b.Helper()
	state := NewState()
	b.Cleanup(state.Close)
	c := Config{Flow: straight(), Engine: "e", State: state, Policy: "p", Keys: keys(b), Headers: DefaultHeaders}
	for _, f := range change {
		f(&c)
	}
	g, err := New(c)
	if err != nil {
		b.Fatal(err)
	}
	return g
}

func benchRequest() *http.Request {
	r := httptest.NewRequest("GET", "https://app.example.com/report?id=1", nil)
	for k, v := range map[string]string{"Accept": "text/html,*/*;q=0.8", "Accept-Encoding": "gzip, br", "Accept-Language": "en-GB,en;q=0.5",
		"User-Agent": agent, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin", "Referer": "https://app.example.com/"} {
		r.Header.Set(k, v)
	}
	return r
}

// cookies mints sessions of n people.
func cookies(b *testing.B, g *Gate, n int) []string {
	b.Helper()
	x := exchange{Gate: g, policy: g.cfg.Policy, r: benchRequest(), site: "app.example.com"}
	now := time.Now()
	out := make([]string, n)
	for i := range out {
		id := *bob()
		id.Subject, id.Login = fmt.Sprintf("00u%017d", i), fmt.Sprintf("person%05d@example.com", i)
		id.Email, id.Groups = id.Login, []string{"staff", "finance"}
		c, err := x.newSession(session.Claims{ID: session.NewID(), Identity: id, IssuedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour)})
		if err != nil {
			b.Fatal(err)
		}
		out[i] = DefaultCookieName + "=" + c
	}
	return out
}

func benchHandle(b *testing.B, g *Gate, cookies []string, budget time.Duration) {
	b.Helper()
	r, w := benchRequest(), httptest.NewRecorder()
	f := Facts{ClientIP: clientIP, Secure: true}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.Header["Cookie"] = cookies[i%len(cookies) : i%len(cookies)+1]
		if i++; !g.Handle(w, r, f).Allowed() {
			b.Fatal("not allowed")
		}
	}
	b.ReportMetric(float64(budget.Nanoseconds()), "ns-budget")
}

func BenchmarkHandleWarm(b *testing.B) { benchWarm(b, benchGate(b)) }

func benchWarm(b *testing.B, g *Gate) {
	b.Helper()
	all := cookies(b, g, 10_000)
	for _, c := range all { // open each once
		r := benchRequest()
		r.Header.Set("Cookie", c)
		g.Handle(httptest.NewRecorder(), r, Facts{ClientIP: clientIP, Secure: true})
	}
	benchHandle(b, g, all, 3*time.Microsecond)
}

func BenchmarkHandleRules(b *testing.B) {
	g := benchGate(b, func(c *Config) {
		var scopes []decision.Scope
		for range 8 {
			scopes = append(scopes, decision.Scope{
				Deny:    []decision.Condition{{Subject: decision.Groups, Values: []string{"suspended", "guests"}}},
				Allow:   []decision.Condition{{Subject: decision.Users, Values: []string{"nobody"}}, {Subject: decision.Groups, Values: []string{"hr", "finance"}}},
				Require: []decision.Requirement{{Class: decision.Push, MaxAge: time.Hour}},
			})
		}
		var err error
		if c.Rules, err = decision.NewRules(scopes); err != nil {
			b.Fatal(err)
		}
		c.Applies = func(*http.Request) uint64 { return 1<<8 - 1 }
	})
	for range 100_000 {
		if err := g.cfg.State.Revoke(b.Context(), store.Revocation{Session: session.NewID().Handle(), Until: time.Now().Add(time.Hour)}); err != nil {
			b.Fatal(err)
		}
	}
	benchWarm(b, g)
}

func BenchmarkHandleCold(b *testing.B) {
	g := benchGate(b)
	benchHandle(b, g, cookies(b, g, 200_000), 15*time.Microsecond) // several times the cache: each is evicted before it comes again
}
