package transaction_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/transaction"
)

// observer writes down what it hears.
type observer struct {
	mu         sync.Mutex
	signIns    []string
	challenges []string
	ended      []transaction.Ended
	refused    []transaction.Ended
	pending    int
}

func (o *observer) SignIn(e transaction.Ended) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.signIns = append(o.signIns, e.Result)
	o.ended = append(o.ended, e)
}

func (o *observer) Challenge(c transaction.Challenged) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.challenges = append(o.challenges, fmt.Sprintf("%s %s %v", c.Factor, c.Result, c.Took.Round(time.Second)))
}

func (o *observer) Refused(e transaction.Ended) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused = append(o.refused, e)
}

func (o *observer) Pending(delta int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pending += delta
}

// rig is a Manager with one org behind it, in a bubble of fake time.
type rig struct {
	*testing.T
	*transaction.Manager
	org   *org
	heard *observer
}

// within runs test in a bubble; the Manager is closed at its end, and the bubble fails if a goroutine is left.
func within(t *testing.T, cfg transaction.Config, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, Manager: transaction.NewManager(cfg), org: newOrg(), heard: &observer{}}
		defer r.Close()
		r.SetEngine(engine, 1, r.org, r.heard)
		test(r)
		r.org.mu.Lock()
		defer r.org.mu.Unlock()
		if r.org.overlap {
			t.Error("two calls for one State were in flight at the same time")
		}
		if r.org.outdated {
			t.Error("a call was made with a State that had been replaced")
		}
	})
}

func client(t testing.TB, addr string) flows.ClientContext {
	c, err := flows.NewClientContext(addr, "Mozilla/5.0 (X11; Linux x86_64)", "en", "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// address is another one for each i, below 1<<17.
func address(i int) string { return fmt.Sprintf("198.%d.%d.%d", 18+i>>16, i>>8&255, i&255) }

func typed(user string) flows.Answer {
	return flows.Answer{Values: map[string]string{flows.FieldIdentifier: user, flows.FieldPassword: "pw"}}
}

func choose(id string) flows.Answer { return flows.Answer{Choice: id} }

func digits(code string) flows.Answer {
	return flows.Answer{Values: map[string]string{"code": code}}
}

func (r *rig) begin(user string) transaction.View {
	r.Helper()
	return r.beginFrom("203.0.113.7", user)
}

func (r *rig) beginFrom(addr, user string) transaction.View {
	r.Helper()
	v, err := r.tryFrom(addr, user)
	if err != nil {
		r.Fatalf("Begin: %v", err)
	}
	return v
}

func (r *rig) tryFrom(addr, user string) (transaction.View, error) {
	r.Helper()
	return r.Begin(context.Background(), transaction.Begin{Engine: engine, Site: site, Client: client(r, addr), Answer: typed(user)})
}

func (r *rig) answer(v transaction.View, a flows.Answer) (transaction.View, error) {
	return r.Answer(context.Background(), v.ID, site, v.Seq, client(r, "203.0.113.7"), a)
}

func (r *rig) watch(v transaction.View) *transaction.Watch {
	r.Helper()
	w, ok := r.Watch(v.ID, site)
	if !ok {
		r.Fatalf("Watch: no transaction")
	}
	return w
}

func (r *rig) get(v transaction.View) transaction.View {
	r.Helper()
	got, ok := r.Get(v.ID, site)
	if !ok {
		r.Fatalf("Get: no transaction")
	}
	return got
}

// polled lets one poll of v happen.
func (r *rig) polled(v transaction.View) {
	w := r.watch(v)
	defer w.Close()
	time.Sleep(interval * 11 / 10)
	synctest.Wait()
}

// unwatched lets one poll of v happen, and then nobody looks any more.
func (r *rig) unwatched(v transaction.View) {
	r.polled(v)
	time.Sleep(time.Hour)
	synctest.Wait()
}

func (r *rig) wantKind(v transaction.View, kind flows.Kind) {
	r.Helper()
	if v.Step.Kind != kind {
		r.Fatalf("step is %q, want %q", v.Step.Kind, kind)
	}
}

func (r *rig) wantDenied(v transaction.View, why flows.DeniedReason) {
	r.Helper()
	r.wantKind(v, flows.KindDenied)
	if v.Step.Denied.Reason != why || !v.Step.Denied.Final {
		r.Fatalf("denied for %+v, want final %q", *v.Step.Denied, why)
	}
}

func (r *rig) wantSeen(want counts) {
	r.Helper()
	if got := r.org.seen(); got != want {
		r.Fatalf("Okta saw %+v, want %+v", got, want)
	}
}

// wantNoRedemption: no session can come of id.
func (r *rig) wantNoRedemption(id string, want error) {
	r.Helper()
	_, _, err := r.Redeem(id, site, func(identity.Identity) (string, error) {
		r.Error("a session was minted")
		return "", nil
	})
	if !errors.Is(err, want) {
		r.Fatalf("Redeem: %v, want %v", err, want)
	}
}

func isTold(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// What a request does, for one that has all the time.

func (r *rig) Get(id, site string) (transaction.View, bool) {
	v, err := r.Manager.Get(context.Background(), id, site)
	return v, err == nil
}

func (r *rig) Watch(id, site string) (*transaction.Watch, bool) {
	w, err := r.Manager.Watch(context.Background(), id, site)
	return w, err == nil
}

func (r *rig) Touch(id, site string) { r.Manager.Touch(context.Background(), id, site) }

func (r *rig) Redeem(id, site string, mint func(identity.Identity) (string, error)) (string, identity.Identity, error) {
	return r.Manager.Redeem(context.Background(), id, site, mint)
}
