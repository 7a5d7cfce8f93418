package okta

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"sidegate.example/sidegate/flows"
)

const (
	// longestWindow is the length of Okta's rate-limit windows; a reset further away is a clock that
	// differs from ours, and must not stop sign-ins for as long as it is off.
	longestWindow = time.Minute
	// defaultRetry is the wait after a 429 that names none.
	defaultRetry = time.Minute
	minRetry     = time.Second
	maxRetry     = 5 * time.Minute
	// resetMargin is added to the end of a window: Okta names it in whole seconds, and tells its own clients to wait one
	// more (factors-api.md §8.4).
	resetMargin = time.Second
	// leastLimit is the smallest limit that is taken for the org's own: Okta announces in the same headers that one user
	// name or one phone has had enough, and a stranger who uses that up must not stop everybody else.
	leastLimit = 10
)

// limits is what Okta last said of each endpoint's bucket. All sign-ins share the org's limits, so they share
// this view.
type limits struct {
	mu      sync.Mutex
	buckets map[string]bucket // by name, a closed set
}

type bucket struct {
	limit, remaining int
	reset            time.Time
	put              int // calls put off to the next window
	begun            int // calls of this window that began a sign-in
}

// urgency is what gives way to what when the rate limit runs low.
type urgency int

const (
	// pressed is a call that a person waits for who has begun to sign in: it is made as long as there is any.
	pressed urgency = iota
	polled
	begun
)

// beginCalls is how many calls a sign-in begins with; only the first of them is marked.
const beginCalls = 3

// mayGo reports whether what is left of the bucket is enough for a call: polls, and whoever begins, leave the last tenth to
// those who are further, and whoever begins, a quarter of all.
func (b *bucket) mayGo(u urgency) bool {
	switch u {
	case polled:
		return b.remaining*10 > b.limit
	case begun:
		return b.remaining*10 > b.limit && b.begun*beginCalls*4 < b.limit*3
	}
	return b.remaining > 0
}

// refuse fails a call that would only meet a 429, or that others go before. Calls are put off one after the other, at the
// pace that the next window bears: all at once they would empty it.
func (l *limits) refuse(to endpoint, u urgency, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.buckets[to.bucket]
	end := b.reset.Add(resetMargin)
	if !known || !now.Before(end) {
		return nil
	}
	if b.mayGo(u) {
		if u == begun {
			b.begun++
			l.buckets[to.bucket] = b
		}
		return nil
	}
	wait := end.Sub(now) + time.Duration(float64(b.put)*float64(longestWindow)/(pollShare*float64(b.limit)))
	b.put++
	l.buckets[to.bucket] = b
	return &flows.Error{
		Reason:     flows.ReasonRateLimited,
		RetryAfter: min(max(wait, minRetry), maxRetry),
		Err:        fmt.Errorf("%s: not sent: %d of %d calls are left in this window", to.name, b.remaining, b.limit),
	}
}

// announced is the limit that Okta last named for the bucket; 0 when it has named none.
func (l *limits) announced(bucket string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buckets[bucket].limit
}

// learn takes the headers of an answer. Okta leaves them out of some, and says 0 of 0 when the limit
// on concurrent calls was met, which says nothing about the window; see leastLimit for other small numbers.
func (l *limits) learn(to endpoint, h http.Header, now time.Time) {
	limit, err1 := strconv.Atoi(h.Get("X-Rate-Limit-Limit"))
	remaining, err2 := strconv.Atoi(h.Get("X-Rate-Limit-Remaining"))
	reset, ok := resetTime(h)
	if err1 != nil || err2 != nil || !ok || limit < leastLimit {
		return
	}
	if latest := now.Add(longestWindow); reset.After(latest) {
		reset = latest
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buckets == nil {
		l.buckets = map[string]bucket{}
	}
	// Answers overtake each other: within one window the smaller number is the newer one.
	next := bucket{limit: limit, remaining: remaining, reset: reset}
	if b := l.buckets[to.bucket]; b.reset.Equal(reset) && b.limit == limit {
		next.remaining, next.put, next.begun = min(remaining, b.remaining), b.put, b.begun
	}
	l.buckets[to.bucket] = next
	// Okta does not say which endpoints share a bucket. Windows that end in the same second, with the same limit, are
	// taken for one: a token's own limit counts all its calls together.
	for name, b := range l.buckets {
		if name != to.bucket && b.limit == limit && b.reset.Equal(reset) && b.remaining > next.remaining {
			b.remaining = next.remaining
			l.buckets[name] = b
		}
	}
}

func resetTime(h http.Header) (time.Time, bool) {
	sec, err := strconv.ParseInt(h.Get("X-Rate-Limit-Reset"), 10, 64)
	if err != nil || sec <= 0 {
		return time.Time{}, false
	}
	return time.Unix(sec, 0), true
}

// retryAfter is how long a 429 asks to wait.
func retryAfter(h http.Header, now time.Time) time.Duration {
	wait := defaultRetry
	if reset, ok := resetTime(h); ok {
		wait = reset.Sub(now)
	} else if sec, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32); err == nil {
		wait = time.Duration(sec) * time.Second
	} else if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, minRetry), maxRetry)
}
