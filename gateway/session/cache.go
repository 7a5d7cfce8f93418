package session

import (
	"strings"

	"github.com/maypok86/otter/v2"
)

// maxOpened bounds the cache in bytes, about: 32768 sessions of the usual size.
const maxOpened = 32 << 20

// weight is about what an entry takes: the cookie, its claims and the headers made of them.
func weight(k cacheKey, s *Opened) uint32 {
	n := max(1024, 512+len(k.cookie))
	for _, g := range s.Identity.Groups {
		n += 2*len(g) + 16
	}
	for _, c := range s.Identity.Claims {
		for _, v := range c.Values {
			n += len(v) + 16
		}
	}
	return uint32(n)
}

// Cache holds the claims of cookies that were opened: a hit costs less than a tenth of opening one (see bench_test.go).
// Only cookies whose seal was good get in, so that nobody without a session can fill it. Whether
// a session is still alive is decided for every request again, hit or not. Safe for concurrent use.
type Cache struct {
	opened *otter.Cache[cacheKey, *Opened]
}

// cacheKey holds the binding too: a cookie good under one policy says nothing about another (immunity S13).
type cacheKey struct {
	cookie string
	Binding
}

// NewCache makes an empty Cache of at most 32 MB.
func NewCache() *Cache {
	return &Cache{opened: otter.Must(&otter.Options[cacheKey, *Opened]{MaximumWeight: maxOpened, Weigher: weight})}
}

func (c *Cache) get(b Binding, cookie string) (*Opened, bool) {
	if c == nil {
		return nil, false
	}
	return c.opened.GetIfPresent(cacheKey{cookie, b})
}

// put clones the cookie, which is a part of a request's header; b must be one of bound.
func (c *Cache) put(b Binding, cookie string, opened *Opened) {
	if c == nil {
		return
	}
	c.opened.Set(cacheKey{strings.Clone(cookie), b}, opened)
}
