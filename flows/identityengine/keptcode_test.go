package identityengine_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/oktasim"
)

// What the org's rate limit says of the token endpoint is kept, and the code waits for it.
func TestTokenCallIsNotSentIntoARateLimit(t *testing.T) {
	b := newBench(t)
	b.later(-200 * time.Second)
	b.approve(pushUser)
	limited := http.Header{
		"X-Rate-Limit-Limit": {"50"}, "X-Rate-Limit-Remaining": {"0"},
		"X-Rate-Limit-Reset": {strconv.FormatInt(b.now().Add(24*time.Second).Unix(), 10)},
	}
	b.org.Inject(oktasim.Fault{Path: "/v1/token", Kind: "body", Status: 400, Body: `{"error":"access_denied"}`, Header: limited})
	b.poll()
	b.wantDenied(flows.DeniedPolicy, true)

	b.approve(numberUser)
	b.poll()
	b.wantCompleting(b.quarterOf(time.Minute))
	if n := b.called(tokenPath); n != 1 {
		t.Errorf("%d token calls were made, want that of the first person only", n)
	}
	b.later(25 * time.Second) // Okta counts in whole seconds
	b.take(b.engine.Poll(t.Context(), b.cc, b.state))
	b.wantDone(numberUser, "Nadia Number", identity.Password, identity.NumberChallenge)
}

// quarterOf is a quarter of what is left to a code that came now, whose time is kept in whole seconds.
func (b *bench) quarterOf(life time.Duration) time.Duration {
	return (life - b.now().Sub(b.now().Truncate(time.Second))) / 4
}

// A 429 may name no time, or one beyond the life of the code: a sign-in that was approved must not die of that wait.
func TestRateLimitLeavesTimeForTheKeptCode(t *testing.T) {
	for name, h := range map[string]http.Header{"no time": {}, "five minutes": {"Retry-After": {"300"}}} {
		t.Run(name, func(t *testing.T) {
			h.Set("X-Rate-Limit-Reset", "") // the window is open: the limit is that on concurrent calls
			b := approved(t, pushUser, oktasim.Fault{Kind: "status", Status: 429, Header: h, Times: 4})
			b.poll()
			b.wantCompleting(b.quarterOf(time.Minute))
			age := time.Duration(0)
			for range 3 {
				wait := b.step.Wait.Interval
				b.later(wait)
				age += wait
				_, _, err := b.engine.Poll(t.Context(), b.cc, b.state)
				failed := wantReason(t, err, flows.ReasonRateLimited)
				if failed.RetryAfter < time.Second || failed.RetryAfter > (time.Minute-age)/4 {
					t.Errorf("after %v the next try is in %v", age, failed.RetryAfter)
				}
				b.step.Wait.Interval = failed.RetryAfter
			}
			b.poll()
			b.wantDone(pushUser, b.step.Identity.Name, identity.Password, identity.Push)
		})
	}
}

// At the end of the code's life the wait is the shortest one, not none.
func TestLastTriesOfTheKeptCodeAreApart(t *testing.T) {
	b := approved(t, pushUser, oktasim.Fault{Kind: "status", Status: 429, Times: 2})
	b.poll()
	b.later(58 * time.Second)
	_, _, err := b.engine.Poll(t.Context(), b.cc, b.state)
	if failed := wantReason(t, err, flows.ReasonRateLimited); failed.RetryAfter != time.Second {
		t.Errorf("the next try is in %v, want the shortest wait", failed.RetryAfter)
	}
}
