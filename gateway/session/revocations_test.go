package session

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestS44RevokedSessionsStayRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Revocations
		a, b := NewID(), NewID()
		if r.Revoked(a) {
			t.Error("revoked before anybody said so")
		}
		end := time.Now().Add(12 * time.Hour)
		r.Revoke(a, end)
		r.Revoke(a, end.Add(-11*time.Hour)) // an older copy of the cookie is revoked too: the later end counts
		if !r.Revoked(a) || r.Revoked(b) {
			t.Errorf("a %t, b %t", r.Revoked(a), r.Revoked(b))
		}
		time.Sleep(12 * time.Hour) // the cookie lives up to and not including this moment
		r.Revoke(b, time.Now().Add(time.Hour))
		if !r.Revoked(a) || r.Len() != 2 {
			t.Errorf("forgotten too early: %t, %d", r.Revoked(a), r.Len())
		}
		time.Sleep(time.Minute)
		r.Revoke(NewID(), time.Now().Add(time.Hour))
		if r.Revoked(a) || !r.Revoked(b) || r.Len() != 2 {
			t.Errorf("a %t, b %t, %d remembered", r.Revoked(a), r.Revoked(b), r.Len())
		}
	})
}

func TestRevocationsAreForgottenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Revocations
		most := 0
		for range 10000 {
			r.Revoke(NewID(), time.Now().Add(10*time.Minute))
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
				id := NewID()
				r.Revoke(id, time.Now().Add(time.Hour))
				if !r.Revoked(id) {
					t.Error("not revoked")
				}
			}
		})
	}
	wg.Wait()
	if r.Len() != 1600 {
		t.Errorf("%d remembered", r.Len())
	}
	id := NewID()
	if n := testing.AllocsPerRun(100, func() { r.Revoked(id) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
