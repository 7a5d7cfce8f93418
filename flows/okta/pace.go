package okta

import (
	"sync"
	"time"
)

const (
	// pollShare is the part of a bucket that polls may use; the rest is for what people do themselves.
	pollShare = 0.8
	// maxPaced bounds how many are counted as waiting.
	maxPaced = 50_000
	// paceGrace is for how long after its poll was due somebody still counts as waiting.
	paceGrace = 30 * time.Second
)

// pace knows who waits on which bucket, so that all of them share it fairly (factors-api.md §8.4).
type pace struct {
	mu      sync.Mutex
	buckets map[string]map[string]time.Time // by bucket, a closed set; then by key, until when it counts
	swept   time.Time
}

// Pace is the time that whoever polls url should leave before the next poll: at least shortest, and so long that all who
// wait together use no more than their share of the limit that Okta has announced. key names the one who waits and is kept
// until Unpace, or until its poll is long overdue. Those who begin to wait at once are spread: the first ones poll soon,
// the later ones later.
func (c *Client) Pace(url, key string, shortest time.Duration) time.Duration {
	local, err := c.local(url)
	if err != nil {
		return shortest
	}
	bucket := endpointOf(local.EscapedPath()).bucket
	limit := c.limits.announced(bucket)
	now := c.now()
	p := &c.pace
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.swept) > paceGrace {
		p.sweep(now)
	}
	waiting := p.buckets[bucket]
	if waiting == nil {
		waiting = map[string]time.Time{}
		if p.buckets == nil {
			p.buckets = map[string]map[string]time.Time{}
		}
		p.buckets[bucket] = waiting
	}
	others := len(waiting)
	if _, known := waiting[key]; known {
		others--
	}
	every := shortest
	if limit > 0 {
		every = max(shortest, time.Duration(float64(others+1)*float64(longestWindow)/(pollShare*float64(limit))))
	}
	if len(waiting) < maxPaced || others < len(waiting) {
		waiting[key] = now.Add(every + paceGrace)
	}
	return every
}

// Unpace says that key does not wait on url any more.
func (c *Client) Unpace(url, key string) {
	local, err := c.local(url)
	if err != nil {
		return
	}
	c.pace.mu.Lock()
	defer c.pace.mu.Unlock()
	delete(c.pace.buckets[endpointOf(local.EscapedPath()).bucket], key)
}

// sweep forgets those who have not polled for long. It costs a look through the map now and then, and no goroutine.
func (p *pace) sweep(now time.Time) {
	p.swept = now
	for _, waiting := range p.buckets {
		for key, until := range waiting {
			if now.After(until) {
				delete(waiting, key)
			}
		}
	}
}
