package oktasim

import (
	"strconv"
	"sync"
	"time"
)

// limiter counts requests per endpoint in windows of one minute.
type limiter struct {
	mu      sync.Mutex
	windows map[string]*window // by route, so their number is fixed
}

type window struct {
	ends time.Time
	used int
}

// allow counts the request, announces the bucket in the answer's headers, and reports whether there was
// room.
func (l *limiter) allow(x *exchange, route string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.windows == nil {
		l.windows = map[string]*window{}
	}
	w := l.windows[route]
	if w == nil || !x.now.Before(w.ends) {
		w = &window{ends: x.now.Add(time.Minute)}
		l.windows[route] = w
	}
	w.used++
	x.announceLimit(max(0, x.cfg.RateLimit-w.used), w.ends)
	return w.used <= x.cfg.RateLimit
}

func (x *exchange) announceLimit(remaining int, reset time.Time) {
	x.header.Set("X-Rate-Limit-Limit", strconv.Itoa(x.cfg.RateLimit))
	x.header.Set("X-Rate-Limit-Remaining", strconv.Itoa(remaining))
	x.header.Set("X-Rate-Limit-Reset", strconv.FormatInt(reset.Unix(), 10))
}
