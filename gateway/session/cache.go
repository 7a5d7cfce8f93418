package session

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"time"

	"github.com/allegro/bigcache/v3"
	"github.com/maypok86/otter/v2"

	"sidegate.example/sidegate/gateway/identity"
)

const (
	// maxOpened bounds what is kept of cookies, in MB: about 40,000 sessions of the usual size.
	maxOpened = 32
	// maxBulks bounds the Bulks in bytes, about.
	maxBulks = 32 << 20
	// shards is how many requests can look something up while another is kept, at most.
	shards = 64
)

// Cache holds what was made of cookies that were opened: a hit costs a tenth of opening one (see bench_test.go). Only cookies
// whose seal was good get in, so that nobody without a session can fill it. Whether a session is still alive is decided for every
// request again, hit or not. Safe for concurrent use.
//
// It is kept as bytes, and read again for each request. Kept as objects, ten thousand sessions are what the garbage collector
// goes through in each of its rounds, which cost every request several times what the reading does: 5 % of it.
type Cache struct {
	opened *bigcache.BigCache
	bulks  *otter.Cache[Digest, *Bulk]
}

// NewCache makes an empty Cache of at most 64 MB.
func NewCache() *Cache {
	opened, err := bigcache.New(context.Background(), bigcache.Config{
		Shards: shards, HardMaxCacheSize: maxOpened, MaxEntrySize: 512, Hasher: hasher(maphash.MakeSeed()),
		LifeWindow: 24 * time.Hour, // what is older makes room first
	})
	if err != nil {
		panic(err) // the configuration is ours
	}
	weight := func(_ Digest, b *Bulk) uint32 { return uint32(b.size()) }
	return &Cache{opened: opened, bulks: otter.Must(&otter.Options[Digest, *Bulk]{MaximumWeight: maxBulks, Weigher: weight})}
}

// hasher is seeded, so that nobody can choose cookies that push each other out.
type hasher maphash.Seed

// Sum64 implements bigcache.Hasher.
func (h hasher) Sum64(s string) uint64 { return maphash.String(maphash.Seed(h), s) }

// get is the session of a cookie without what of it is elsewhere; nil where it is not there. A cookie that is good under
// one binding says nothing about another (immunity S13).
func (c *Cache) get(to *bound, cookie string) *Opened {
	if c == nil {
		return nil
	}
	entry, err := c.opened.Get(cookie)
	if err != nil {
		return nil
	}
	r := reader{rest: string(entry)} // one allocation that all strings share
	if r.string() != to.sealName {
		return nil
	}
	s := &Opened{Entitled: r.uvarint(), Handle: r.string(), Kin: r.string(),
		Header: identity.Header{User: r.string(), Name: r.string(), Email: r.string(), Groups: r.string()}}
	if r.broken || parseClaims(r.rest, &s.Claims) != nil {
		return nil
	}
	return s
}

// put keeps what was made of a cookie with this payload.
func (c *Cache) put(to *bound, cookie, payload string, s *Opened) {
	if c == nil {
		return
	}
	h := &s.Header
	entry := make([]byte, 0, 128+len(to.sealName)+len(payload)+len(h.User)+len(h.Name)+len(h.Email)+len(h.Groups))
	entry = binary.AppendUvarint(appendString(entry, to.sealName), s.Entitled)
	for _, text := range [...]string{s.Handle, s.Kin, h.User, h.Name, h.Email, h.Groups} {
		entry = appendString(entry, text)
	}
	_ = c.opened.Set(cookie, append(entry, payload...)) // what is too large is opened each time
}

// bulk is a Bulk that was seen before; nil where it was not.
func (c *Cache) bulk(d Digest) *Bulk {
	if c == nil {
		return nil
	}
	b, _ := c.bulks.GetIfPresent(d)
	return b
}

func (c *Cache) putBulk(d Digest, b *Bulk) {
	if c != nil {
		c.bulks.Set(d, b)
	}
}
