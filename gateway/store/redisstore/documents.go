package redisstore

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"sidegate.example/sidegate/gateway/store"
)

// documents keeps each document in a hash: d is the sealed document, r counts its changes, b is the turn that the
// latest came of.
type documents struct{ *Redis }

// putting keeps a document. KEYS: document. ARGV: document, milliseconds to live.
var putting = redis.NewScript(`
redis.call('HSET', KEYS[1], 'd', ARGV[1], 'b', '')
redis.call('HINCRBY', KEYS[1], 'r', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
`)

// taking a document deletes and returns it. KEYS: document. ARGV: channel, notice.
var removing = redis.NewScript(`
local doc = redis.call('HGET', KEYS[1], 'd')
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return doc
`)

// Put implements store.Documents.
func (d documents) Put(ctx context.Context, kind store.Kind, id string, doc []byte, ttl time.Duration) error {
	name, err := d.key(ctx, string(kind), id)
	if err != nil {
		return err
	}
	sealed, err := d.sealUntil(ctx, name, ttl, doc)
	if err != nil {
		return err
	}
	if err := putting.Run(ctx, d.client, []string{name}, sealed, milliseconds(ttl)).Err(); err != nil && !errors.Is(err, redis.Nil) {
		return d.failed(opDocument, err)
	}
	return nil
}

// Get implements store.Documents.
func (d documents) Get(ctx context.Context, kind store.Kind, id string) ([]byte, error) {
	name, err := d.key(ctx, string(kind), id)
	if err != nil {
		return nil, err
	}
	sealed, err := d.client.HGet(ctx, name, "d").Bytes()
	return d.opened(ctx, name, sealed, err)
}

// Take implements store.Documents.
func (d documents) Take(ctx context.Context, kind store.Kind, id string) ([]byte, error) {
	name, err := d.key(ctx, string(kind), id)
	if err != nil {
		return nil, err
	}
	notice, err := d.notice(ctx, kind, store.Change{ID: id})
	if err != nil {
		return nil, err
	}
	sealed, err := removing.Run(ctx, d.client, []string{name}, d.channel(kind), notice).Text()
	return d.opened(ctx, name, []byte(sealed), err)
}

// Delete implements store.Documents.
func (d documents) Delete(ctx context.Context, kind store.Kind, id string) error {
	if _, err := d.Take(ctx, kind, id); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// opened is what Redis answered to a question for a document.
func (d documents) opened(ctx context.Context, name string, sealed []byte, err error) ([]byte, error) {
	switch {
	case errors.Is(err, redis.Nil):
		return nil, store.ErrNotFound
	case err != nil:
		return nil, d.failed(opDocument, err)
	}
	return d.openUntil(ctx, name, sealed)
}

// All implements store.Documents. It looks through all keys of the server.
func (d documents) All(ctx context.Context, kind store.Kind) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		names, err := d.names(ctx, kind)
		if err != nil {
			yield(nil, d.failed(opDocument, err))
			return
		}
		for some := range slices.Chunk(names, page) {
			if !d.some(ctx, some, yield) {
				return
			}
		}
	}
}

// some yields the documents of some names, which are asked for at once, and reports whether to go on.
func (d documents) some(ctx context.Context, names []string, yield func([]byte, error) bool) bool {
	pipe := d.client.Pipeline()
	answers := make([]*redis.StringCmd, len(names))
	for i, name := range names {
		answers[i] = pipe.HGet(ctx, name, "d")
	}
	_, _ = pipe.Exec(ctx) // each answer has its own error
	for i, name := range names {
		sealed, err := answers[i].Bytes()
		doc, err := d.opened(ctx, name, sealed, err)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if !yield(doc, err) || err != nil {
			return false
		}
	}
	return true
}

// names are the keys of all documents of a kind.
func (d documents) names(ctx context.Context, kind store.Kind) ([]string, error) {
	pattern := d.cfg.Prefix + string(kind) + ":{*}"
	var mu sync.Mutex
	seen := map[string]bool{} // SCAN may bring one twice
	scan := func(ctx context.Context, c redis.UniversalClient) error {
		keys := c.Scan(ctx, 0, pattern, 1000).Iterator()
		for keys.Next(ctx) {
			mu.Lock()
			seen[strings.Clone(keys.Val())] = true
			mu.Unlock()
		}
		return keys.Err()
	}
	var err error
	if cluster, ok := d.client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return scan(ctx, c) })
	} else {
		err = scan(ctx, d.client)
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	return names, err
}

// channel is where changes of a kind are told.
func (r *Redis) channel(kind store.Kind) string { return r.cfg.Prefix + string(kind) + ":changes" }
