package decision

import (
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// good is a session that may pass; change spoils it.
func good(change func(*session.Claims)) *session.Claims {
	c := &session.Claims{
		ID: session.ID{1},
		Identity: identity.Identity{Subject: "00u1", Proofs: []identity.Proof{
			{Factor: identity.Password, At: now}, {Factor: identity.Push, At: now},
		}},
		IssuedAt:  now.Add(-2 * time.Hour),
		SeenAt:    now.Add(-time.Minute),
		ExpiresAt: now.Add(10 * time.Hour),
	}
	if change != nil {
		change(c)
	}
	return c
}

// opened is c as the gate has it; nil stays nil.
func opened(c *session.Claims) *session.Opened {
	if c == nil {
		return nil
	}
	return &session.Opened{Claims: *c}
}

func TestDecide(t *testing.T) {
	hour := Demand{Idle: time.Hour, Lifetime: 12 * time.Hour}
	for _, tt := range []struct {
		name    string
		c       *session.Claims
		d       Demand
		revoked bool
		want    Verdict
	}{
		{"good", good(nil), hour, false, Verdict{Allow: true}},
		{"absent", nil, hour, false, Verdict{Why: WhyAnonymous}},
		{"absent and revoked", nil, hour, true, Verdict{Why: WhyAnonymous}},
		{"S44 revoked", good(nil), hour, true, Verdict{Why: WhyRevoked}},
		{"empty", &session.Claims{}, hour, false, Verdict{Why: WhyInvalid}},
		{"no id", good(func(c *session.Claims) { c.ID = session.ID{} }), hour, false, Verdict{Why: WhyInvalid}},
		{"nobody", good(func(c *session.Claims) { c.Identity.Subject = "" }), hour, false, Verdict{Why: WhyInvalid}},
		{"issued in the future", good(func(c *session.Claims) { c.IssuedAt = now.Add(maxSkew + 1) }), hour, false, Verdict{Why: WhyInvalid}},
		{"seen in the future", good(func(c *session.Claims) { c.SeenAt = now.Add(maxSkew + 1) }), hour, false, Verdict{Why: WhyInvalid}},
		{"a clock a little ahead", good(func(c *session.Claims) { c.IssuedAt, c.SeenAt = now.Add(maxSkew), now.Add(maxSkew) }), hour, false, Verdict{Allow: true}},
		{"S61 at its end", good(func(c *session.Claims) { c.ExpiresAt = now }), hour, false, Verdict{Why: WhyExpired}},
		{"just before its end", good(func(c *session.Claims) { c.ExpiresAt = now.Add(1) }), hour, false, Verdict{Allow: true}},
		{"S57 no end", good(func(c *session.Claims) { c.ExpiresAt = time.Time{} }), hour, false, Verdict{Why: WhyExpired}},
		{"idle", good(func(c *session.Claims) { c.SeenAt = now.Add(-time.Hour) }), hour, false, Verdict{Why: WhyIdle}},
		{"not quite idle", good(func(c *session.Claims) { c.SeenAt = now.Add(-time.Hour + 1) }), hour, false, Verdict{Allow: true}},
		{"never seen", good(func(c *session.Claims) { c.SeenAt = time.Time{} }), hour, false, Verdict{Why: WhyIdle}},
		{"no idle time demanded", good(nil), Demand{Lifetime: 12 * time.Hour}, false, Verdict{Why: WhyIdle}},
		{"negative idle time", good(nil), Demand{Idle: -time.Hour, Lifetime: 12 * time.Hour}, false, Verdict{Why: WhyIdle}},
		{"no lifetime demanded", good(nil), Demand{Idle: time.Hour}, false, Verdict{Why: WhyExpired}},
		{"lifetime made shorter since", good(nil), Demand{Idle: time.Hour, Lifetime: 2 * time.Hour}, false, Verdict{Why: WhyExpired}},
		{"lifetime made shorter, still in it", good(nil), Demand{Idle: time.Hour, Lifetime: 2*time.Hour + 1}, false, Verdict{Allow: true}},
		{"S47 password alone", good(func(c *session.Claims) { c.Identity.Proofs = c.Identity.Proofs[:1] }), hour, false, Verdict{Why: WhyNoFactor}},
		{"S71 no proof at all", good(func(c *session.Claims) { c.Identity.Proofs = nil }), hour, false, Verdict{Why: WhyNoFactor}},
		{"expired and idle", good(func(c *session.Claims) { c.SeenAt, c.ExpiresAt = now.Add(-9*time.Hour), now }), hour, false, Verdict{Why: WhyExpired}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Decide(opened(tt.c), now, tt.d, tt.revoked); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// Every fault on top of every other: one is enough, whatever else holds.
func TestAnyFaultIsEnough(t *testing.T) {
	faults := []func(*session.Claims){
		func(c *session.Claims) { c.ID = session.ID{} },
		func(c *session.Claims) { c.Identity.Subject = "" },
		func(c *session.Claims) { c.IssuedAt = now.Add(time.Hour) },
		func(c *session.Claims) { c.SeenAt = now.Add(-time.Hour) },
		func(c *session.Claims) { c.ExpiresAt = now },
		func(c *session.Claims) { c.Identity.Proofs = nil },
	}
	for set := range 1 << len(faults) {
		for _, revoked := range []bool{false, true} {
			c := good(func(c *session.Claims) {
				for i, spoil := range faults {
					if set>>i&1 == 1 {
						spoil(c)
					}
				}
			})
			v := Decide(opened(c), now, Demand{Idle: time.Hour, Lifetime: 12 * time.Hour}, revoked)
			if want := set == 0 && !revoked; v.Allow != want || (v.Why == WhyNone) != want {
				t.Errorf("faults %b, revoked %t: %+v", set, revoked, v)
			}
		}
	}
}

// S61: somebody who never pauses is signed out at the end all the same, and somebody who pauses too long earlier.
func TestS61SlidingNeverPassesTheEnd(t *testing.T) {
	const idle, lifetime = time.Hour, 12 * time.Hour
	c := good(func(c *session.Claims) { c.IssuedAt, c.SeenAt, c.ExpiresAt = now, now, now.Add(lifetime) })
	var last time.Duration
	for at := time.Duration(0); at <= 3*lifetime; at += idle / 2 {
		clock := now.Add(at)
		if !Decide(opened(c), clock, Demand{Idle: idle, Lifetime: lifetime}, false).Allow {
			continue
		}
		last = at
		if session.Slide(c, clock, idle) {
			next := *c
			next.SeenAt = clock
			c = &next
		}
	}
	if last != lifetime-idle/2 {
		t.Errorf("the last request that passed came after %v", last)
	}
}
