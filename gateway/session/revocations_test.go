package session

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
)

// opened is a session of subject made at the time issued.
func opened(subject string, issued time.Time) *Opened {
	id := NewID()
	return &Opened{Claims: Claims{ID: id, Identity: identity.Identity{Subject: subject}, IssuedAt: issued}, Handle: id.Handle()}
}

func one(s *Opened, until time.Time) store.Revocation {
	return store.Revocation{Session: s.Handle, Until: until}
}

func TestS44RevokedSessionsStayRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Revocations
		a, b := opened("00u1", time.Now()), opened("00u1", time.Now())
		if r.Revoked("", a) {
			t.Error("revoked before anybody said so")
		}
		end := time.Now().Add(12 * time.Hour)
		r.Add(one(a, end))
		r.Add(one(a, end.Add(-11*time.Hour))) // an older copy of the cookie is revoked too: the later end counts
		if !r.Revoked("", a) || r.Revoked("", b) {
			t.Errorf("a %t, b %t", r.Revoked("", a), r.Revoked("", b))
		}
		time.Sleep(12 * time.Hour) // the cookie lives up to and not including this moment
		r.Add(one(b, time.Now().Add(time.Hour)))
		if !r.Revoked("", a) || r.Len() != 2 {
			t.Errorf("forgotten too early: %t, %d", r.Revoked("", a), r.Len())
		}
		time.Sleep(time.Minute)
		r.Add(one(opened("00u1", time.Now()), time.Now().Add(time.Hour)))
		if r.Revoked("", a) || !r.Revoked("", b) || r.Len() != 2 {
			t.Errorf("a %t, b %t, %d remembered", r.Revoked("", a), r.Revoked("", b), r.Len())
		}
	})
}

// S44: all sessions of a person that were made before the moment end, those of others and later ones go on, and news that
// come twice or in the wrong order bring nothing back.
func TestS44AllSessionsOfAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Revocations
		begin := time.Now()
		old, other, same := opened("00u1", begin), opened("00u2", begin), opened("00u1", begin.Add(time.Hour))
		later := opened("00u1", begin.Add(time.Hour+time.Second))
		until := begin.Add(30 * 24 * time.Hour)
		r.Add(store.Revocation{Subject: "00u1", Before: begin.Add(time.Hour + time.Millisecond), Until: until})
		r.Add(store.Revocation{Subject: "00u1", Before: begin.Add(-time.Hour), Until: until.Add(-time.Hour)})
		for name, c := range map[string]struct {
			session *Opened
			want    bool
		}{"older": {old, true}, "another person's": {other, false}, "of that very second": {same, true}, "made afterwards": {later, false}} {
			if got := r.Revoked("", c.session); got != c.want {
				t.Errorf("%s: revoked %t", name, got)
			}
		}
		if r.Revoked("https://other.okta.com", old) {
			t.Error("ended by another org")
		}
		if r.Revoked("", opened("", begin)) {
			t.Error("a revocation without a subject ends nobody's session")
		}
		time.Sleep(30 * 24 * time.Hour)
		r.Add(one(other, time.Now().Add(time.Hour)))
		if !r.Revoked("", old) {
			t.Error("forgotten before its end")
		}
		time.Sleep(time.Minute)
		r.Add(one(other, time.Now().Add(time.Hour)))
		if r.Len() != 1 {
			t.Errorf("%d remembered", r.Len())
		}
	})
}

func TestRevocationsAreForgottenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Revocations
		most := 0
		for i := range 10000 {
			v := one(opened("00u1", time.Now()), time.Now().Add(10*time.Minute))
			if i%2 == 0 {
				v = store.Revocation{Subject: fmt.Sprint(i), Before: time.Now(), Until: v.Until}
			}
			r.Add(v)
			time.Sleep(time.Second)
			most = max(most, r.Len())
		}
		if most > 11*60+1 {
			t.Errorf("%d remembered, but only 600 can be alive", most)
		}
	})
}

func TestRevokedAllocatesNothingAndRacesWithNothing(t *testing.T) {
	var r Revocations
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				s := opened("00u1", time.Now())
				r.Add(one(s, time.Now().Add(time.Hour)))
				if !r.Revoked("", s) {
					t.Error("not revoked")
				}
			}
		})
	}
	wg.Wait()
	if r.Len() != 1600 {
		t.Errorf("%d remembered", r.Len())
	}
	s := opened("00u1", time.Now())
	if n := testing.AllocsPerRun(100, func() { r.Revoked("", s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
