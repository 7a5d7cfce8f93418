package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

// oracle is a flow that can tell what Okta says of people.
type oracle struct {
	*script
	mu    sync.Mutex
	says  flows.Standing
	err   error
	asked []flows.Standing

	panics bool
	hangs  bool // until who asks gives up
}

func (o *oracle) Recheck(ctx context.Context, c flows.ClientContext, s flows.Standing) (flows.Standing, error) {
	if !c.Valid() {
		return flows.Standing{}, errors.New("asked without the browser's context")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, s)
	if o.panics {
		panic("no such case")
	}
	if o.hangs {
		<-ctx.Done()
	}
	return o.says, o.err
}

func (o *oracle) say(s flows.Standing, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.says, o.err = s, err
}

func (o *oracle) times() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.asked)
}

// rechecking is a gate that asks every 15 minutes and lets staff in, with bob's session, in a bubble of time.
type rechecking struct {
	*Gate
	t      *testing.T
	flow   *oracle
	cookie *http.Cookie
	client string // its address
	family session.ID
	bare   bool      // handed over: without a renewal
	issued time.Time // zero is now
}

const bobsFirst = "rt-1"

func newRechecking(t *testing.T, state *State, flow *oracle, change ...func(*Config)) *rechecking {
	t.Helper()
	rules, err := decision.NewRules([]decision.Scope{{Allow: []decision.Condition{{Subject: decision.Groups, Values: []string{"staff"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Flow: flow, Engine: "e", State: state, Policy: "p", Keys: keys(t), Headers: DefaultHeaders, Recheck: 15 * time.Minute,
		IdleTimeout: 12 * time.Hour, Rules: rules,
		Applies: func(*http.Request) uint64 { return 1 }}
	for _, f := range change {
		f(&c)
	}
	gate, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &rechecking{Gate: gate, t: t, flow: flow, client: clientIP}
}

// enter makes bob's session.
func (r *rechecking) enter() {
	r.t.Helper()
	x := exchange{Gate: r.Gate, policy: "p", site: "example.com", r: httptest.NewRequest("GET", "/", nil), facts: Facts{ClientIP: clientIP}}
	id, now := *bob(), time.Now()
	id.Groups, id.Renewal = []string{"staff", "finance"}, bobsFirst
	if r.bare {
		id.Renewal = ""
	}
	claims := session.Claims{ID: session.NewID(), Identity: id, IssuedAt: now, SeenAt: now, ExpiresAt: now.Add(12 * time.Hour), Family: r.family}
	if !r.issued.IsZero() {
		claims.IssuedAt = r.issued
	}
	value, err := x.newSession(claims)
	if err == nil {
		err = x.register(&claims, nil, standing{Renewal: string(id.Renewal)})
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.cookie = &http.Cookie{Name: DefaultCookieName, Value: value}
}

// request is one of bob's that a page sends by itself.
func (r *rechecking) request() *http.Request {
	req := httptest.NewRequest("GET", "https://example.com/", nil)
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Sec-Fetch-Mode", "cors")
	req.AddCookie(r.cookie)
	return req
}

// ask sends a request of bob's and waits until nothing is under way any more; groups are what the upstream sees.
func (r *rechecking) ask() (status int, groups string) {
	r.t.Helper()
	req, w := r.request(), httptest.NewRecorder()
	allowed := r.Handle(w, req, Facts{ClientIP: r.client, Secure: true}).Allowed()
	synctest.Wait()
	if allowed {
		return http.StatusOK, req.Header.Get("Remote-Groups")
	}
	return w.Code, ""
}

func (r *rechecking) want(what string, status int, groups string) {
	r.t.Helper()
	if s, g := r.ask(); s != status || g != groups {
		r.t.Errorf("%s: %d %q, want %d %q", what, s, g, status, groups)
	}
}

var active = flows.Standing{Subject: "00u1", Active: true, Renewal: "rt-2", Groups: []string{"staff", "finance"}}

// S54: who is suspended is out, who lost the group is out, who changed groups goes on with the new ones, all at the next
// request after the one that had Okta asked, which itself did not wait.
func TestRecheck_S54(t *testing.T) {
	for name, c := range map[string]struct {
		says   flows.Standing
		status int
		groups string
	}{
		"still so":          {active, 200, "staff,finance"},
		"suspended":         {flows.Standing{Subject: "00u1"}, 401, ""},
		"no longer staff":   {flows.Standing{Subject: "00u1", Active: true, Groups: []string{"finance"}}, 403, ""},
		"in no group":       {flows.Standing{Subject: "00u1", Active: true, Groups: []string{}}, 403, ""},
		"another group too": {flows.Standing{Subject: "00u1", Active: true, Groups: []string{"staff", "board"}}, 200, "staff,board"},
		"groups not told":   {flows.Standing{Subject: "00u1", Active: true}, 200, "staff,finance"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				state := NewState()
				defer state.Close()
				flow := &oracle{script: straight(), says: c.says}
				r := newRechecking(t, state, flow)
				r.enter()
				time.Sleep(15*time.Minute - time.Second)
				r.want("before it is due", 200, "staff,finance")
				if flow.times() != 0 {
					t.Fatal("asked too early")
				}
				time.Sleep(time.Second)
				r.want("the request that asks", 200, "staff,finance")
				r.want("the next one", c.status, c.groups)
				r.want("and another", c.status, c.groups)
				if flow.times() != 1 || !reflect.DeepEqual(flow.asked[0], flows.Standing{Subject: "00u1", Renewal: bobsFirst, Groups: []string{"staff", "finance"}}) {
					t.Errorf("asked %+v", flow.asked)
				}
				// A replica that has not asked, or this one after a reload, hears of it.
				again := newRechecking(t, state, flow)
				again.cookie = r.cookie
				again.want("after a reload, at once", c.status, c.groups)
				if flow.times() != 1 {
					t.Errorf("asked %d times", flow.times())
				}
			})
		})
	}
}

// S54: the renewal of the last answer is what the next question is put with, once per interval.
func TestRecheckRotates_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: active}
		r := newRechecking(t, state, flow)
		r.enter()
		for range 60 {
			time.Sleep(time.Minute)
			r.want("all the time", 200, "staff,finance")
		}
		var renewals []string
		for _, s := range flow.asked {
			renewals = append(renewals, s.Renewal)
		}
		if want := []string{bobsFirst, "rt-2", "rt-2", "rt-2"}; !slices.Equal(renewals, want) {
			t.Errorf("asked with %q, want %q", renewals, want)
		}
		list, err := state.Sessions(t.Context(), func(*SessionInfo) bool { return true })
		if err != nil || len(list) != 1 || list[0].Login != "bob" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// turnstile keeps no change of a document for who has no more time, as a store out of this process does, and none at all while shut.
type turnstile struct {
	store.Turns
	shut atomic.Bool
}

func (t *turnstile) Commit(ctx context.Context, turn store.Turn, doc []byte, ttl time.Duration, tell bool) error {
	if t.shut.Load() {
		return errors.Join(errors.New("connection refused"), t.Release(ctx, turn))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.Turns.Commit(ctx, turn, doc, ttl, tell)
}

// S77: a question without an answer that has spent the renewal all the same leaves the new one for the next, however long it took.
func TestRecheckWithoutAnAnswerRotates_S77(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		state.memory.Turns = &turnstile{Turns: state.memory.Turns}
		flow := &oracle{script: straight(), says: flows.Standing{Renewal: "rt-2"}, err: errors.New("no keys"), hangs: true}
		r := newRechecking(t, state, flow)
		r.enter()
		time.Sleep(15 * time.Minute)
		r.want("the request that asks", 200, "staff,finance")
		time.Sleep(time.Minute)
		flow.hangs = false
		flow.say(active, nil)
		replica := newRechecking(t, state, flow)
		replica.cookie = r.cookie
		replica.want("another replica asks", 200, "staff,finance")
		time.Sleep(time.Minute)
		r.want("and on", 200, "staff,finance")
		if flow.times() != 2 || flow.asked[1].Renewal != "rt-2" {
			t.Errorf("asked %+v", flow.asked)
		}
	})
}

// S77: the store is away at the moment in which Okta's answer comes, or its renewal without one: the next question is put with that
// renewal, which is kept then for the other replicas.
func TestRecheckRenewalOutlivesTheStore_S77(t *testing.T) {
	for name, err := range map[string]error{"with an answer": nil, "without an answer": errors.New("no keys")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				state := NewState()
				defer state.Close()
				turns := &turnstile{Turns: state.memory.Turns}
				state.memory.Turns = turns
				docs := &offStore{Documents: state.documents}
				state.documents = docs
				flow := &oracle{script: straight(), says: active, err: err}
				r := newRechecking(t, state, flow)
				r.enter()
				time.Sleep(15 * time.Minute)
				turns.shut.Store(true)
				r.want("the request that asks", 200, "staff,finance")
				docs.off.Store(true)
				time.Sleep(recheckPause)
				r.want("the next, which cannot be put", 200, "staff,finance")
				docs.off.Store(false)
				flow.say(flows.Standing{}, errors.New("connection refused"))
				time.Sleep(recheckPause)
				r.want("the next, which has no answer", 200, "staff,finance")
				turns.shut.Store(false)
				time.Sleep(recheckPause)
				r.want("the next, with the store", 200, "staff,finance")
				flow.say(flows.Standing{Subject: "00u1", Active: true, Renewal: "rt-3"}, nil)
				replica := newRechecking(t, state, flow)
				replica.cookie = r.cookie
				time.Sleep(15 * time.Minute)
				replica.want("another replica", 200, "staff,finance")
				var renewals []string
				for _, s := range flow.asked {
					renewals = append(renewals, s.Renewal)
				}
				if want := []string{bobsFirst, "rt-2", "rt-2", "rt-2"}; !slices.Equal(renewals, want) {
					t.Errorf("asked with %q, want %q", renewals, want)
				}
			})
		})
	}
}

// S77: while Okta gives no answer the session lives to its absolute end, or to the end of the grace where there is one; asked
// is in measured steps.
func TestRecheckWhileOktaIsDown_S77(t *testing.T) {
	for name, c := range map[string]struct {
		grace, lives time.Duration
	}{"without a grace": {0, 12 * time.Hour}, "with a grace": {time.Hour, time.Hour}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				state := NewState()
				defer state.Close()
				flow := &oracle{script: straight(), err: errors.New("connection refused")}
				r := newRechecking(t, state, flow, func(cfg *Config) { cfg.RecheckGrace = c.grace })
				r.enter()
				began := time.Now()
				status := 0
				for status != http.StatusUnauthorized {
					time.Sleep(time.Minute)
					status, _ = r.ask()
				}
				if lived := time.Since(began); lived < c.lives || lived > c.lives+time.Minute {
					t.Errorf("lived for %s, want %s", lived, c.lives)
				}
				if most := int(c.lives / time.Minute); flow.times() > most || flow.times() < most/4 {
					t.Errorf("asked %d times", flow.times())
				}
				if c.grace == 0 {
					return
				}
				flow.say(active, nil) // the next question after the outage
				r.enter()
				time.Sleep(2 * time.Hour)
				r.want("after hours without a request and without an outage", 200, "staff,finance")
				r.want("and on", 200, "staff,finance")
			})
		})
	}
}

// A dead cookie has nobody asked about.
func TestRecheckOfADeadSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := NewState()
		defer state.Close()
		flow := &oracle{script: straight(), says: active}
		r := newRechecking(t, state, flow)
		r.enter()
		time.Sleep(12 * time.Hour)
		r.want("after its end", 401, "")
		if flow.times() != 0 {
			t.Errorf("asked %d times", flow.times())
		}
	})
}

// A question that cannot be put, because the engine panics or Okta could not be told of the browser, is one without an answer:
// the server goes on, it is put again, and recheck_grace ends the session.
func TestRecheckThatCannotBeAsked_S77(t *testing.T) {
	for name, breaks := range map[string]func(*rechecking){
		"the engine panics":         func(r *rechecking) { r.flow.panics = true },
		"no address of the browser": func(r *rechecking) { r.client = "" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				state := NewState()
				defer state.Close()
				r := newRechecking(t, state, &oracle{script: &script{}}, func(c *Config) { c.RecheckGrace = time.Hour })
				r.enter()
				breaks(r)
				time.Sleep(16 * time.Minute)
				for range 2 { // the second sees what the first has set going
					if status, _ := r.ask(); status != http.StatusOK {
						t.Errorf("within the grace: %d", status)
					}
					time.Sleep(recheckPause)
				}
				time.Sleep(time.Hour)
				if status, _ := r.ask(); status != http.StatusUnauthorized {
					t.Errorf("after the grace: %d", status)
				}
			})
		})
	}
}
