package identityengine_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/oktasim"
)

const (
	tokenPath    = "/oauth2/default/v1/token"
	userinfoPath = "/oauth2/default/v1/userinfo"
)

// approved is a sign-in whose phone has said yes, and whose next token calls meet fault.
func approved(t *testing.T, user string, fault oktasim.Fault) *bench {
	t.Helper()
	b := newBench(t)
	b.later(-200 * time.Second) // so that the token at the end is not from the future
	b.approve(user)
	fault.Path = "/v1/token"
	b.org.Inject(fault)
	return b
}

func (b *bench) approve(user string) {
	b.Helper()
	p := b.pushed(user)
	err := b.org.Approve(p.ID)
	if b.step.Wait.Number != "" {
		err = b.org.Tap(p.ID, b.step.Wait.Number)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// wantCompleting checks the page of a sign-in that has only the tokens left to get: it asks for nothing, speaks of no
// phone, and holds no factor that could be counted again.
func (b *bench) wantCompleting(wait time.Duration) {
	b.Helper()
	b.want(flows.KindWait)
	if m := b.step.Messages; len(m) != 1 || m[0].Key != "sidegate.accepted" || m[0].Text == "" || m[0].Error {
		b.Errorf("the messages are %+v", m)
	}
	if *b.step.Wait != (flows.Wait{Interval: wait, Completing: true}) {
		b.Errorf("wait is %+v, want %v and nothing to tap", *b.step.Wait, wait)
	}
	if b.step.Factor != "" || b.step.Device != "" || len(b.step.Choices) != 0 || len(b.step.Fields) != 0 {
		b.Errorf("the page is %+v, want no factor, no device and nothing to press", b.step)
	}
}

// P8: Okta gives the interaction code once. A token endpoint that is away for a moment must not strand the person
// whose phone has approved.
func TestTokenOutageAfterApprovalIsRiddenOut(t *testing.T) {
	reset := http.Header{"X-Rate-Limit-Limit": {"5"}, "X-Rate-Limit-Remaining": {"1"}, "Retry-After": {"7"}}
	for name, c := range map[string]struct {
		fault oktasim.Fault
		wait  time.Duration
	}{
		"503":             {oktasim.Fault{Kind: "status", Status: 503}, time.Second},
		"500 html":        {oktasim.Fault{Kind: "status", Status: 500, Body: "<html>"}, time.Second},
		"429":             {oktasim.Fault{Kind: "status", Status: 429, Body: `{"error":"invalid_grant"}`, Header: reset}, 7 * time.Second},
		"400 unavailable": {oktasim.Fault{Kind: "body", Status: 400, Body: `{"error":"temporarily_unavailable"}`}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			for user, want := range map[string]identity.Factor{pushUser: identity.Push, numberUser: identity.NumberChallenge} {
				b := approved(t, user, c.fault)
				polls := b.called(pollPath)
				b.poll()
				b.wantCompleting(c.wait)
				b.poll()
				b.want(flows.KindDone)
				if p := b.step.Identity.Proofs; len(p) != 2 || p[1].Factor != want {
					t.Errorf("the proofs are %+v", p)
				}
				if n, m := b.called(pollPath)-polls, b.called(tokenPath); n != 1 || m != 2 {
					t.Errorf("%d polls and %d token calls were made, want 1 and 2", n, m)
				}
			}
		})
	}
}

// P8: the same for a code, which would not be taken a second time.
func TestTokenOutageAfterCodeIsRiddenOut(t *testing.T) {
	b := newBench(t)
	b.start(totpUser, password)
	b.org.Inject(oktasim.Fault{Path: "/v1/token", Kind: "status", Status: 503})
	b.code(b.org.TOTP(totpUser))
	b.wantCompleting(time.Second)
	for _, a := range []flows.Answer{{}, {Choice: "resend"}, {Choice: "other"}, {Values: map[string]string{"totp": "123456"}}} {
		_, _, err := b.engine.Advance(t.Context(), b.cc, b.state, a)
		wantReason(t, err, flows.ReasonBadAnswer)
	}
	b.take(b.engine.Poll(t.Context(), b.cc, b.state))
	b.wantDone(totpUser, "Timo Totp", identity.Password, identity.TOTP)
}

// A longer outage: the State with the code stays good, until the code is too old to be worth a call.
func TestInteractionCodeIsKeptForItsLifeOnly(t *testing.T) {
	b := approved(t, pushUser, oktasim.Fault{Kind: "status", Status: 503, Times: -1})
	b.poll()
	b.wantCompleting(time.Second)
	for range 5 {
		b.later(10 * time.Second)
		s, _, err := b.engine.Poll(t.Context(), b.cc, b.state)
		wantReason(t, err, flows.ReasonUnavailable)
		if !bytes.Equal(s, b.state) {
			t.Fatalf("the state was replaced by %s", s)
		}
	}
	b.later(10 * time.Second)
	before := len(b.org.Requests())
	b.take(b.engine.Poll(t.Context(), b.cc, b.state))
	b.wantDenied(flows.DeniedUnavailable, true)
	b.wantCause("did not answer while the interaction code was good")
	if n := len(b.org.Requests()) - before; b.state != nil || n != 0 {
		t.Errorf("the state is %q and %d calls were made, want neither", b.state, n)
	}
}

// An answer that was lost may have used the code up: then Okta refuses the next call, and that is the end.
func TestLostTokenAnswerEndsTheSignIn(t *testing.T) {
	b := approved(t, pushUser, oktasim.Fault{Kind: "truncate"})
	b.poll()
	b.wantCompleting(time.Second)
	b.poll()
	b.wantDenied(flows.DeniedExpired, true)
	b.wantCause("token: HTTP 400 invalid_grant")
}

// Once the code is spent the tokens are kept, and checked as soon as they can be.
func TestOutageAfterTheCodeIsSpentIsRiddenOut(t *testing.T) {
	for path, endpoint := range map[string]string{
		"/v1/keys": "keys", "/.well-known/openid-configuration": "metadata", "/v1/userinfo": "userinfo",
	} {
		for _, status := range []int{503, 429} {
			b := newBench(t, func(s *settings) { s.sim.Policy.ThinIDToken = true })
			b.later(-100 * time.Second)
			b.approve(pushUser)
			b.org.Inject(oktasim.Fault{Path: path, Kind: "status", Status: status})
			b.poll()
			b.wantCompleting(map[int]time.Duration{503: time.Second, 429: 30 * time.Second}[status])
			b.later(2 * time.Minute) // the code would not live so long
			b.poll()
			b.wantDone(pushUser, "Paula Push", identity.Password, identity.Push)
			if n := b.called(tokenPath); n != 1 {
				t.Errorf("%s: %d token calls", endpoint, n)
			}
		}
	}
}

// What Okta gives once is handed out before anything else is asked: from each such State another process gets to the same
// end, and asks only for what is missing.
func TestSuccessIsKeptAhead(t *testing.T) {
	b := newBench(t, func(s *settings) { s.sim.Policy.ThinIDToken = true })
	b.later(-200 * time.Second)
	b.approve(pushUser)
	var kept []flows.State
	var asked []int
	b.org.Inject(oktasim.Fault{Path: "/v1/token", Kind: "status", Status: 503})
	ctx := flows.WithKeeper(t.Context(), func(_ context.Context, s flows.State, step flows.Step) {
		if step.Kind != flows.KindWait || step.Wait == nil || !step.Wait.Completing || len(step.Choices) > 0 {
			t.Errorf("kept with the page %+v", step)
		}
		kept, asked = append(kept, s), append(asked, b.called(tokenPath), b.called(userinfoPath))
	})
	b.take(b.engine.Poll(ctx, b.cc, b.state)) // gets the code, and no tokens
	first := b.state
	b.take(b.engine.Poll(ctx, b.cc, b.state)) // gets the tokens
	b.wantDone(pushUser, "Paula Push", identity.Password, identity.Push)
	if len(kept) != 2 || fmt.Sprint(asked) != "[0 0 2 0]" {
		t.Fatalf("%d kept, when %v calls of token and userinfo had been made", len(kept), asked)
	}
	if !bytes.Equal(kept[0], first) {
		t.Errorf("kept is\n%s, and the state is\n%s", kept[0], first)
	}
	b.take(b.engine.Poll(t.Context(), b.cc, kept[1]))
	b.wantDone(pushUser, "Paula Push", identity.Password, identity.Push)
	if n := b.called(tokenPath); n != 2 {
		t.Errorf("%d token calls, want 2: the tokens were kept", n)
	}
	b.take(b.engine.Poll(t.Context(), b.cc, kept[0])) // spent by now
	b.wantDenied(flows.DeniedExpired, true)
}

// A poll that is refused without a known reason may have met another call; many in a row are an end (§5.7.1).
func TestRefusedPollsEndTheWait(t *testing.T) {
	const nameless = `{"version":"1.0.0","messages":{"type":"array","value":[]}}`
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"E0000020":   {400, badRequest},
		"no message": {400, nameless},
		"no content": {400, ``},
		"no IDX":     {401, `{"errorCode":"E0000011"}`},
		"html":       {404, `<html>`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.later(-200 * time.Second)
			b.pushed(numberUser)
			first := b.step
			refuse := func(times int) {
				b.org.Inject(oktasim.Fault{Path: pollPath, Kind: "body", Status: c.status, Body: c.body, Times: times})
			}
			refuse(4)
			for range 4 {
				if b.poll(); !reflect.DeepEqual(b.step, first) {
					t.Fatalf("the page became %+v\nwant %+v", b.step, first)
				}
			}
			b.poll() // an answer in between: the count begins anew
			b.want(flows.KindWait)
			refuse(5)
			for range 4 {
				b.poll()
				b.want(flows.KindWait)
			}
			b.poll()
			b.wantDenied(flows.DeniedExpired, true)
			b.wantCause(fmt.Sprintf("poll: HTTP %d", c.status))
		})
	}
}

// Okta says that the transaction is gone: one answer is enough.
func TestPollOfATransactionThatIsGone(t *testing.T) {
	for key, want := range map[string]flows.DeniedReason{
		"idx.session.expired":                        flows.DeniedExpired,
		"core.system.transaction_resource_not_found": flows.DeniedTimeout,
	} {
		b := newBench(t)
		b.pushed(pushUser)
		b.org.Inject(oktasim.Fault{Path: pollPath, Kind: "body", Status: 404, Body: strings.Replace(badRequest, "E0000020", key, 1)})
		b.poll()
		b.wantDenied(want, true)
	}
}

// The login is what applications go by; an address that people may edit themselves must not become one.
func TestLoginIsNeverTheAddress(t *testing.T) {
	for name, c := range map[string]struct {
		userinfo string
		login    string
	}{
		"none": {`{"sub":"%s","name":"Eve","email":"admin@sidegate.example","email_verified":true}`, ""},
		"one":  {`{"sub":"%s","preferred_username":"eve","email":"admin@sidegate.example"}`, "eve"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(s *settings) { s.sim.Policy.ThinIDToken = true })
			b.start(totpUser, password)
			b.org.Inject(oktasim.Fault{Path: "/v1/userinfo", Mutate: func(body []byte) []byte {
				_, rest, _ := strings.Cut(string(body), `"sub":"`)
				sub, _, _ := strings.Cut(rest, `"`)
				return fmt.Appendf(nil, c.userinfo, sub)
			}})
			b.code(b.org.TOTP(totpUser))
			b.want(flows.KindDone)
			id := b.step.Identity
			if c.login == "" {
				c.login = id.Subject
			}
			if id.Login != c.login || id.Email != "admin@sidegate.example" {
				t.Errorf("the identity is %+v, want login %q", id, c.login)
			}
		})
	}
}
