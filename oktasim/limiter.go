package oktasim

import (
	"maps"
	"strconv"
	"sync"
	"time"
)

// limiter counts requests per bucket (an endpoint, a token, a user name) in windows of fixed length.
type limiter struct {
	mu      sync.Mutex
	windows map[string]*window // by bucket
}

type window struct {
	ends time.Time
	used int
}

// allow counts the request in the bucket of its endpoint and reports whether there was room.
func (l *limiter) allow(x *exchange, route string) bool {
	return l.count(x, route, x.cfg.RateLimit, time.Minute)
}

// maxWindows is how many windows are kept before those that are over are forgotten.
const maxWindows = 1000

// count counts the request in a bucket, announces the bucket in the answer's headers, and reports whether there was
// room. A later count in the same exchange announces over an earlier one.
func (l *limiter) count(x *exchange, bucket string, limit int, per time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.windows == nil {
		l.windows = map[string]*window{}
	}
	w := l.windows[bucket]
	if w == nil || !x.now.Before(w.ends) {
		if len(l.windows) >= maxWindows {
			maps.DeleteFunc(l.windows, func(_ string, w *window) bool { return !x.now.Before(w.ends) })
		}
		w = &window{ends: x.now.Add(per)}
		l.windows[bucket] = w
	}
	w.used++
	x.announce(limit, max(0, limit-w.used), w.ends)
	return w.used <= limit
}

func (x *exchange) announceLimit(remaining int, reset time.Time) {
	x.announce(x.cfg.RateLimit, remaining, reset)
}

func (x *exchange) announce(limit, remaining int, reset time.Time) {
	x.header.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	x.header.Set("X-Rate-Limit-Remaining", strconv.Itoa(remaining))
	x.header.Set("X-Rate-Limit-Reset", strconv.FormatInt(reset.Unix(), 10))
}
