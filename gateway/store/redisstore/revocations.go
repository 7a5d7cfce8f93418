package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"sidegate.example/sidegate/gateway/store"
)

// revocations keeps all revocations in one sorted set, by the time at which each may be forgotten.
type revocations struct{ *Redis }

const (
	purposeRevocation = "revocation"
	// page is how many revocations or documents are read at once.
	page = 1000
)

// knownRevocations are those made here and those heard of: kept until they may be forgotten, so that one which did not get
// through, or which Redis has lost, is given again, also when the replica that made it is gone. All give the same bytes, so that
// Redis keeps one.
type knownRevocations struct {
	mu     sync.Mutex
	sealed map[string]time.Time // until
	lost   map[string]time.Time // those of them that are to be given again
	again  func()               // of who follows, nil for nobody
}

// revoking keeps and tells a revocation, and forgets those that are over. KEYS: all. ARGV: revocation, until and now in
// milliseconds, channel. One that is there already is told to nobody.
var revoking = redis.NewScript(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
if redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1]) == 1 then redis.call('PUBLISH', ARGV[4], ARGV[1]) end
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if last[2] then redis.call('PEXPIREAT', KEYS[1], last[2]) end
return 1
`)

func (v revocations) name() string    { return v.cfg.Prefix + "{revocations}" }
func (v revocations) channel() string { return v.cfg.Prefix + "revocations:changes" }

// Revoke implements store.Revocations.
func (v revocations) Revoke(ctx context.Context, r store.Revocation) error {
	doc, err := json.Marshal(r)
	if err != nil {
		return v.failed(opRevocation, err)
	}
	sealed, err := v.seal(ctx, purposeRevocation, doc)
	if err != nil {
		return err
	}
	v.known.keep(string(sealed), r.Until)
	if err := v.put(ctx, string(sealed), r.Until); err != nil {
		v.known.lose(map[string]time.Time{string(sealed): r.Until})
		return err
	}
	return nil
}

// put fails where others could not read it.
func (v revocations) put(ctx context.Context, sealed string, until time.Time) error {
	if err := v.sameRing(ctx); err != nil {
		return err
	}
	err := revoking.Run(ctx, v.client, []string{v.name()}, sealed, until.UnixMilli(), time.Now().UnixMilli(), v.channel()).Err()
	if err != nil {
		return v.failed(opRevocation, err)
	}
	return nil
}

// Follow implements store.Revocations.
func (v revocations) Follow(ctx context.Context, apply func(store.Revocation), refused func()) {
	again := make(chan struct{}, 1)
	v.known.followed(func() {
		select {
		case again <- struct{}{}:
		default:
		}
	})
	defer v.known.followed(nil)
	var wg sync.WaitGroup
	wg.Go(func() { v.putAgain(ctx, again) })
	defer wg.Wait()
	v.subscribe(ctx, v.channel(), func(ctx context.Context) error {
		// Without keys nothing that is read can be understood, and it would be passed over.
		if _, err := v.seal(ctx, purposeRevocation, nil); err != nil {
			return err
		}
		if err := v.sameRing(ctx); err != nil {
			if errors.Is(err, errAnotherRing) {
				refused()
			}
			return err
		}
		missing := v.known.all()
		if err := v.readAll(ctx, apply, missing); err != nil {
			return err
		}
		v.known.lose(missing)
		apply(store.Revocation{})
		return nil
	}, func(sealed []byte) {
		if v.apply(ctx, sealed, apply) != nil && errors.Is(v.sameRing(ctx), errAnotherRing) {
			refused()
		}
	})
}

var errAnotherRing = errors.New("this Redis is used with another key ring, so that nobody knows who is signed out")

// sameRing refuses a Redis that others use with another key ring: none of them can read what another one has revoked, while
// the sessions of a cookie_secret are good on all. The first to come leaves its name for the ring, which outlasts all its keys.
func (v revocations) sameRing(ctx context.Context) error {
	ours, err := v.cfg.Sealer.Name(ctx, "ring")
	if err != nil {
		return v.failed(opSealing, err)
	}
	name := v.cfg.Prefix + "{ring}"
	first, err := v.client.Get(ctx, name).Result()
	if errors.Is(err, redis.Nil) {
		if err := v.client.SetArgs(ctx, name, ours, redis.SetArgs{Mode: "NX"}).Err(); err != nil && !errors.Is(err, redis.Nil) {
			return v.failed(opRevocation, err)
		}
		first, err = v.client.Get(ctx, name).Result()
	}
	switch {
	case err != nil:
		return v.failed(opRevocation, err)
	case first != ours:
		return v.failed(opKeyRing, fmt.Errorf("%w: give all replicas one (Caddy's storage shared, or key_ring_secret); "+
			"if the other one is gone for good, change cookie_secret, if there is one, and delete %s", errAnotherRing, name))
	}
	return nil
}

// putAgain gives what is lost again, whenever that is asked for, until all of it is there.
func (v revocations) putAgain(ctx context.Context, again <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-again:
		}
		for !v.putLost(ctx) {
			pause := time.NewTimer(againAfter)
			select {
			case <-ctx.Done():
				pause.Stop()
				return
			case <-pause.C:
			}
		}
	}
}

func (v revocations) putLost(ctx context.Context) bool {
	lost := v.known.takeLost()
	for sealed, until := range lost {
		if time.Now().Before(until) && v.put(ctx, sealed, until) != nil {
			v.known.lose(lost)
			return false
		}
		delete(lost, sealed)
	}
	return true
}

// readAll applies all revocations that are kept, and takes them out of missing.
func (v revocations) readAll(ctx context.Context, apply func(store.Revocation), missing map[string]time.Time) error {
	for at := int64(0); ; at += page {
		// The last to be forgotten come first: whatever is added or forgotten meanwhile, none is passed over.
		all, err := v.client.ZRevRangeByScore(ctx, v.name(), &redis.ZRangeBy{
			Min: strconv.FormatInt(time.Now().UnixMilli(), 10), Max: "+inf", Offset: at, Count: page,
		}).Result()
		if err != nil {
			return v.failed(opRevocation, err)
		}
		for _, sealed := range all {
			delete(missing, sealed)
			_ = v.apply(ctx, []byte(sealed), apply) // counted
		}
		if len(all) < page {
			return nil
		}
	}
}

func (v revocations) apply(ctx context.Context, sealed []byte, apply func(store.Revocation)) error {
	doc, err := v.open(ctx, purposeRevocation, sealed)
	if err != nil {
		return err
	}
	var r store.Revocation
	if err := json.Unmarshal(doc, &r); err != nil {
		return v.failed(opRevocation, err)
	}
	v.known.keep(string(sealed), r.Until)
	apply(r)
	return nil
}

func (k *knownRevocations) keep(sealed string, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sealed == nil {
		k.sealed = map[string]time.Time{}
	}
	k.sealed[sealed] = until
}

// all are those that are not over; the others are forgotten.
func (k *knownRevocations) all() map[string]time.Time {
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.sealed, func(_ string, until time.Time) bool { return !now.Before(until) })
	return maps.Clone(k.sealed)
}

// lose has some given again.
func (k *knownRevocations) lose(some map[string]time.Time) {
	if len(some) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lost == nil {
		k.lost = map[string]time.Time{}
	}
	maps.Copy(k.lost, some)
	if k.again != nil {
		k.again()
	}
}

func (k *knownRevocations) takeLost() map[string]time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	lost := k.lost
	k.lost = nil
	return lost
}

func (k *knownRevocations) followed(again func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.again = again
}
