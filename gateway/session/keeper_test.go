package session

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// replica is a Keeper on s with its codec, and what it logged. It is closed before the bubble ends.
type replica struct {
	*Keeper
	*Codec
	log *bytes.Buffer
}

func newReplica(t *testing.T, s Storage) *replica { return newReplicaThat(t, s, Rotation{}) }

func newReplicaThat(t *testing.T, s Storage, rotates Rotation) *replica {
	k := NewKeeper(rotates)
	t.Cleanup(k.Close)
	r := &replica{k, NewCodec(k, nil), &bytes.Buffer{}}
	k.Use(s, slog.New(slog.NewTextHandler(r.log, nil)))
	return r
}

func (r *replica) seal(t *testing.T) string {
	t.Helper()
	return mustSeal(t, r.Codec, testBinding, ordinary(time.Now()))
}

func (r *replica) opens(t *testing.T, cookie string) bool {
	t.Helper()
	_, err := r.Open(t.Context(), testBinding, cookie)
	if err != nil && err != ErrInvalid {
		t.Errorf("opening: %v", err)
	}
	return err == nil
}

func TestKeepersThatStartTogetherShareOneRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSharedStorage()
		a, b := newReplica(t, s), newReplica(t, s)
		var cookies [2]string
		var wg sync.WaitGroup
		for i, r := range []*replica{a, b} {
			wg.Go(func() { cookies[i] = r.seal(t) })
		}
		wg.Wait()
		if _, stores := s.counts(); stores != 1 {
			t.Errorf("%d rings were made", stores)
		}
		if !a.opens(t, cookies[1]) || !b.opens(t, cookies[0]) {
			t.Error("one replica does not open what the other sealed")
		}
	})
}

// A rotation signs nobody out: replica b has no traffic at all between its first request and the last.
func TestRotationSignsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSharedStorage()
		a, b := newReplica(t, s), newReplica(t, s)
		old := a.seal(t)
		if !b.opens(t, old) {
			t.Fatal("b does not open a's cookie")
		}
		time.Sleep(DefaultRotateEvery + rereadEvery)
		synctest.Wait()
		if n := s.keys(t); n != 2 {
			t.Fatalf("%d keys after the rotation", n)
		}
		if c := a.seal(t); c[:8] != old[:8] {
			t.Error("the new key seals before its time")
		}
		time.Sleep(sealAfter)
		fresh := a.seal(t)
		if fresh[:8] == old[:8] {
			t.Error("the new key does not seal after its time")
		}
		for name, r := range map[string]*replica{"a": a, "b": b} {
			if !r.opens(t, old) || !r.opens(t, fresh) {
				t.Errorf("%s: old %t, new %t", name, r.opens(t, old), r.opens(t, fresh))
			}
		}
	})
}

func TestOldKeysGoWhenNoSessionCanNeedThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSharedStorage()
		const day = 24 * time.Hour
		r := newReplicaThat(t, s, Rotation{Every: day, KeepFor: day})
		first := r.seal(t)
		most := 0
		for range 8 {
			time.Sleep(day)
			synctest.Wait()
			most = max(most, s.keys(t))
		}
		if most > 3 {
			t.Errorf("up to %d keys at once", most)
		}
		if r.opens(t, first) {
			t.Error("the first key still opens after eight rotations")
		}
	})
}

func TestS53BrokenStorageIsAnErrorAndNeverReplaced(t *testing.T) {
	secret := "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="
	short := `{"version":1,"keys":[{"secret":"c2hvcnQ=","not_before":"2000-01-01T00:00:00Z"}]}`
	same := `{"secret":"` + secret + `","not_before":"2000-01-01T00:00:00Z"}`
	for name, raw := range map[string]string{
		"empty":           "",
		"garbage":         secret,
		"cut short":       `{"version":1,"keys":[{"secret":"` + secret,
		"other version":   `{"version":2,"keys":[` + same + `]}`,
		"no version":      `{}`,
		"no keys":         `{"version":1,"keys":[]}`,
		"short key":       short,
		"old short key":   strings.Replace(short, "2000", "1990", 1),
		"same key twice":  `{"version":1,"keys":[` + same + `,` + same + `]}`,
		"wrong type":      `{"version":1,"keys":[{"secret":42}]}`,
		"something after": `{"version":1,"keys":[` + same + `]} x`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSharedStorage()
				s.ring = []byte(raw)
				r := newReplica(t, s)
				_, err := r.Seal(t.Context(), testBinding, ordinary(time.Now()))
				if err == nil || strings.Contains(err.Error(), secret) {
					t.Errorf("error %v", err)
				}
				if _, stores := s.counts(); stores != 0 || string(s.ring) != raw {
					t.Error("the stored ring was replaced")
				}
			})
		})
	}
}

// S53: a replica that cannot reach the storage has no key, rather than one of its own.
func TestS53UnreachableStorageIsAnError(t *testing.T) {
	down := errors.New("storage down")
	for name, fail := range map[string]func(*sharedStorage){
		"load":  func(s *sharedStorage) { s.loadErr = down },
		"lock":  func(s *sharedStorage) { s.lockErr = down },
		"store": func(s *sharedStorage) { s.storeErr = down },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSharedStorage()
				fail(s)
				r := newReplica(t, s)
				for range 100 { // a crowd does not storm it
					if _, err := r.Ring(t.Context()); !errors.Is(err, down) {
						t.Fatalf("error %v", err)
					}
				}
				if loads, _ := s.counts(); loads > 2 {
					t.Errorf("%d loads", loads)
				}
				s.set(func() { s.loadErr, s.lockErr, s.storeErr = nil, nil, nil })
				time.Sleep(firstEvery)
				if !r.opens(t, r.seal(t)) {
					t.Error("it does not recover")
				}
			})
		})
	}
}

func TestNoStorageIsAnError(t *testing.T) {
	k := NewKeeper(Rotation{})
	defer k.Close()
	if _, err := k.Ring(t.Context()); err == nil || !strings.Contains(err.Error(), "no storage") {
		t.Errorf("error %v", err)
	}
}

// Live sessions go on when the storage fails, breaks or is emptied later, and the log says so without a secret.
func TestLoadedKeysOutliveTheStorage(t *testing.T) {
	for name, fail := range map[string]func(*sharedStorage){
		"load fails": func(s *sharedStorage) { s.loadErr = errors.New("storage down") },
		"broken":     func(s *sharedStorage) { s.ring = []byte("{") },
		"deleted":    func(s *sharedStorage) { s.ring = nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSharedStorage()
				r := newReplica(t, s)
				cookie := r.seal(t)
				time.Sleep(time.Minute)
				good := s.ring
				s.set(func() { fail(s) })
				time.Sleep(3 * rereadEvery)
				synctest.Wait()
				if !r.opens(t, cookie) || !r.opens(t, r.seal(t)) {
					t.Error("the keys in memory are gone")
				}
				if _, stores := s.counts(); stores != 1 {
					t.Errorf("%d stores", stores)
				}
				if !strings.Contains(r.log.String(), "cannot be read again") {
					t.Errorf("log: %s", r.log)
				}
				s.set(func() { s.ring, s.loadErr = good, nil })
				if b := newReplica(t, s); !b.opens(t, cookie) {
					t.Error("a replica that starts later does not open the cookie")
				}
			})
		})
	}
}

func TestFailedRotationKeepsTheOldKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSharedStorage()
		r := newReplica(t, s)
		cookie := r.seal(t)
		s.set(func() { s.storeErr = errors.New("read only") })
		time.Sleep(DefaultRotateEvery + time.Hour)
		synctest.Wait()
		if !r.opens(t, cookie) || s.keys(t) != 1 || !strings.Contains(r.log.String(), "cannot be rotated") {
			t.Errorf("opens %t, %d keys, log %s", r.opens(t, cookie), s.keys(t), r.log)
		}
		if b := newReplica(t, s); !b.opens(t, cookie) { // its first load finds the rotation due, and failing
			t.Error("a new replica has no keys")
		}
	})
}

// The way to sign everybody out: delete the ring, reload the configuration.
func TestReloadMakesANewRingWhereThereIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSharedStorage()
		a, b := newReplica(t, s), newReplica(t, s)
		cookie := a.seal(t)
		if !b.opens(t, cookie) {
			t.Fatal("b does not open a's cookie")
		}
		time.Sleep(time.Minute)
		s.set(func() { s.ring = nil })
		for _, r := range []*replica{a, b} {
			r.Use(s, nil)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if a.opens(t, cookie) || b.opens(t, cookie) {
			t.Error("the old cookie still opens")
		}
		if fresh := a.seal(t); !b.opens(t, fresh) {
			t.Error("the replicas have different rings")
		}
	})
}

// Replica b was given a ring that a never saw (somebody restored a backup): the first cookie makes a look.
func TestUnknownKeyIDMakesAReread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSharedStorage()
		a := newReplica(t, s)
		a.seal(t)
		time.Sleep(time.Minute)
		s.set(func() { s.ring = nil })
		cookie := newReplica(t, s).seal(t)
		if a.opens(t, cookie) {
			t.Fatal("a opens what it cannot know")
		}
		time.Sleep(time.Second)
		if !a.opens(t, cookie) {
			t.Error("a did not look again")
		}
	})
}

func TestUnknownKeyIDsDoNotStormTheStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSharedStorage()
		r := newReplica(t, s)
		r.seal(t)
		time.Sleep(time.Minute)
		s.set(func() { s.loadErr = errors.New("storage down") })
		before, _ := s.counts()
		for range 300 { // five minutes
			r.opens(t, "AAAAAAAA.x")
			time.Sleep(time.Second)
		}
		after, _ := s.counts()
		if n := after - before; n < 1 || n > 15 {
			t.Errorf("%d loads in five minutes", n)
		}
	})
}

func TestKeeperAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSharedStorage()
		r := newReplica(t, s)
		cookie := r.seal(t)
		r.Close()
		r.Close()
		r.Use(s, nil)
		before, _ := s.counts()
		time.Sleep(time.Hour)
		if after, _ := s.counts(); after != before {
			t.Error("it still reads")
		}
		if !r.opens(t, cookie) {
			t.Error("the keys in memory are gone")
		}
	})
}

// A caller whose browser has gone stops waiting; the load goes on for the others.
func TestFirstLoadAndItsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSharedStorage()
		s.lock <- struct{}{} // another replica is making the ring
		r := newReplica(t, s)
		got := make(chan error, 1)
		go func() {
			_, err := r.Ring(t.Context())
			got <- err
		}()
		synctest.Wait()
		gone, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Ring(gone); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		<-s.lock
		if err := <-got; err != nil {
			t.Errorf("the first caller: %v", err)
		}
	})
}
