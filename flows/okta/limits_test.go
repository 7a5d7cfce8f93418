package okta_test

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
)

func TestRetryAfter(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	in := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	for name, c := range map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"nothing":        {nil, time.Minute},
		"reset":          {map[string]string{"X-Rate-Limit-Reset": in(20 * time.Second), "Retry-After": "7"}, 20 * time.Second},
		"reset is past":  {map[string]string{"X-Rate-Limit-Reset": in(-time.Hour)}, time.Second},
		"reset far away": {map[string]string{"X-Rate-Limit-Reset": in(time.Hour)}, 5 * time.Minute},
		"retry after":    {map[string]string{"Retry-After": "7"}, 7 * time.Second},
		"retry at":       {map[string]string{"Retry-After": now.Add(9 * time.Second).UTC().Format(http.TimeFormat)}, 9 * time.Second},
		"nonsense":       {map[string]string{"X-Rate-Limit-Reset": "soon", "Retry-After": "later"}, time.Minute},
		"negative":       {map[string]string{"Retry-After": "-5"}, time.Second},
	} {
		client, _ := org(t, func(w http.ResponseWriter, _ *http.Request) {
			for k, v := range c.header {
				w.Header().Set(k, v)
			}
			w.WriteHeader(http.StatusTooManyRequests)
		}, func(cfg *okta.Config) { cfg.Now = func() time.Time { return now } })
		_, err := client.Do(t.Context(), browser(t, "t"), okta.Request{URL: pollURL})
		if got := wantReason(t, err, flows.ReasonRateLimited).RetryAfter; got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// What Okta announces is kept before it has to be enforced, and polls leave the last tenth to people.
func TestAnnouncedLimits(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var calls, remaining atomic.Int32
	limit := "100"
	client, _ := org(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("X-Rate-Limit-Limit", limit)
		w.Header().Set("X-Rate-Limit-Remaining", strconv.Itoa(int(remaining.Load())))
		w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(now.Add(30*time.Second).Unix(), 10))
	}, func(cfg *okta.Config) { cfg.Now = func() time.Time { return now } })
	try := func(r okta.Request, left int32) error {
		remaining.Store(left)
		_, err := client.Do(context.Background(), browser(t, "t"), r)
		return err
	}
	poll, press := okta.Request{URL: pollURL, Poll: true}, okta.Request{URL: pollURL}
	for _, c := range []struct {
		r    okta.Request
		left int32
		sent bool
		wait time.Duration
	}{
		// Calls come back one after the other, at the pace of eight tenths of the limit.
		{poll, 11, true, 0}, {poll, 10, true, 0}, {poll, 9, false, 31 * time.Second}, {press, 1, true, 0},
		{poll, 1, false, 31750 * time.Millisecond}, {press, 0, true, 0}, {press, 99, false, 32500 * time.Millisecond},
		{okta.Request{URL: "/idp/idx/challenge"}, 50, true, 0},
	} {
		before := calls.Load()
		err := try(c.r, c.left)
		if sent := calls.Load() > before; sent != c.sent {
			t.Fatalf("%+v: sent %v, want %v", c, sent, c.sent)
		}
		if !c.sent {
			if got := wantReason(t, err, flows.ReasonRateLimited).RetryAfter; got != c.wait {
				t.Errorf("%+v: RetryAfter is %v", c, got)
			}
		}
	}
	now = now.Add(30 * time.Second)
	wantReason(t, try(poll, 99), flows.ReasonRateLimited) // Okta counts in whole seconds
	now = now.Add(time.Second)
	if err := try(poll, 99); err != nil {
		t.Errorf("the next window is refused: %v", err)
	}
	for _, limit = range []string{"0", "4", "9"} { // of concurrent calls, of one user name, of one phone
		if err := try(poll, 0); err != nil {
			t.Fatal(err)
		}
		if err := try(press, 0); err != nil {
			t.Errorf("0 of %s was taken for an empty bucket of the org: %v", limit, err)
		}
	}
}

// S63: who begins to sign in again and again uses up no more than leaves a quarter of the limit to those who are further: a
// verification and a poll go out, and the one who begins is told when to come back.
func TestBeginningLeavesAShare(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	left, reset := 600, now.Add(30*time.Second)
	client, _ := org(t, func(w http.ResponseWriter, _ *http.Request) {
		left--
		w.Header().Set("X-Rate-Limit-Limit", "600")
		w.Header().Set("X-Rate-Limit-Remaining", strconv.Itoa(left))
		w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(reset.Unix(), 10))
	}, func(cfg *okta.Config) { cfg.Now = func() time.Time { return now } })
	do := func(r okta.Request) error {
		_, err := client.Do(t.Context(), browser(t, "t"), r)
		return err
	}
	const users = "/api/v1/users/joe"
	begin, further := okta.Request{URL: users, Begin: true}, okta.Request{URL: users}
	flood := func() (begun int) {
		for range 1000 {
			if do(begin) != nil {
				continue
			}
			begun++
			for range 2 { // what else a sign-in begins with
				if err := do(further); err != nil {
					t.Fatal(err)
				}
			}
		}
		return begun
	}
	if n := flood(); n < 149 || n > 151 || left < 140 {
		t.Errorf("%d sign-ins began, and %d calls are left; want 150 and 150", n, left)
	}
	wantReason(t, do(begin), flows.ReasonRateLimited)
	for _, r := range []okta.Request{further, {URL: users, Poll: true}} {
		if err := do(r); err != nil {
			t.Errorf("who is further has to wait: %v", err)
		}
	}
	now, left = reset.Add(time.Second), 600
	reset = now.Add(30 * time.Second)
	if n := flood(); n < 149 || n > 151 {
		t.Errorf("%d sign-ins began in the next window, want 150", n)
	}
	left = 50 // others use the limit, too
	for range 2 {
		if err := do(further); err != nil {
			t.Error(err)
		}
	}
	if do(begin) == nil {
		t.Error("the last tenth is spent on a new sign-in")
	}
}

// A token's own limit counts all its calls together, and Okta does not say so: windows of one limit that end in the same
// second are one.
func TestOneBucketBehindSeveralEndpoints(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var remaining, reset atomic.Int64
	calls := 0
	client, _ := org(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("X-Rate-Limit-Limit", "600")
		w.Header().Set("X-Rate-Limit-Remaining", strconv.FormatInt(remaining.Load(), 10))
		w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(reset.Load(), 10))
	}, func(cfg *okta.Config) { cfg.Now = func() time.Time { return now } })
	do := func(url string, left, ends int64) error {
		remaining.Store(left)
		reset.Store(now.Unix() + ends)
		_, err := client.Do(t.Context(), browser(t, "t"), okta.Request{URL: url})
		return err
	}
	const users, verify, authn = "/api/v1/users/joe", "/api/v1/users/00u/factors/opf/verify", "/api/v1/authn"
	for _, err := range []error{do(users, 500, 30), do(authn, 400, 31), do(verify, 0, 30)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	wantReason(t, do(users, 9, 30), flows.ReasonRateLimited)
	if err := do(authn, 300, 31); err != nil {
		t.Errorf("a window that ends at another time is another one: %v", err)
	}
	if calls != 4 {
		t.Errorf("%d calls, want 4", calls)
	}
}

// A clock of Okta's that is ahead does not stop sign-ins for as long as it is.
func TestResetFarAway(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	client, _ := org(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Rate-Limit-Limit", "100")
		w.Header().Set("X-Rate-Limit-Remaining", "0")
		w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(now.Add(24*time.Hour).Unix(), 10))
	}, func(cfg *okta.Config) { cfg.Now = func() time.Time { return now } })
	do := func() error {
		_, err := client.Do(t.Context(), browser(t, "t"), okta.Request{URL: pollURL})
		return err
	}
	if err := do(); err != nil {
		t.Fatal(err)
	}
	wantReason(t, do(), flows.ReasonRateLimited)
	now = now.Add(time.Minute + time.Second)
	if err := do(); err != nil {
		t.Error(err)
	}
}
