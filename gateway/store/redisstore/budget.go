package redisstore

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/redis/go-redis/v9"

	"sidegate.example/sidegate/gateway/store"
)

// budget keeps the times of events in a sorted set, by Redis' own clock, which all replicas share.
type budget struct{ *Redis }

// taking returns the microseconds to wait. KEYS: events. ARGV: limit, window in microseconds, event ("" to look only), how
// many events are kept. An event that is there already is one whose answer was lost.
var taking = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
if ARGV[3] ~= '' and redis.call('ZSCORE', KEYS[1], ARGV[3]) then return 0 end
local last = redis.call('ZREVRANGE', KEYS[1], limit - 1, limit - 1, 'WITHSCORES')
if last[2] then
	local wait = tonumber(last[2]) + window - now
	if wait > 0 then return wait end
end
if ARGV[3] == '' then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[4])
redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), math.ceil(window / 1000)))
return 0
`)

// returning takes the latest event back, once for each token however often it is run: an answer may be lost. KEYS: events, that
// this was done. ARGV: milliseconds for which an answer may be missed.
var returning = redis.NewScript(`
if redis.call('SET', KEYS[2], '', 'NX', 'PX', ARGV[1]) then redis.call('ZPOPMAX', KEYS[1]) end
return 0
`)

// Take implements store.Budget.
func (b budget) Take(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	return b.take(ctx, key, limit, window, rand.Text())
}

// Wait implements store.Budget.
func (b budget) Wait(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	return b.take(ctx, key, limit, window, "")
}

func (b budget) take(ctx context.Context, key string, limit int, window time.Duration, event string) (time.Duration, error) {
	if limit <= 0 {
		return window, nil
	}
	name, err := b.key(ctx, opBudget, key)
	if err != nil {
		return 0, err
	}
	limit = min(limit, store.MaxEvents)
	wait, err := taking.Run(ctx, b.client, []string{name}, limit, window.Microseconds(), event, store.MaxEvents).Int64()
	if err != nil {
		return 0, b.failed(opBudget, err)
	}
	return time.Duration(wait) * time.Microsecond, nil
}

// Return implements store.Budget.
func (b budget) Return(ctx context.Context, key string) error {
	name, err := b.key(ctx, opBudget, key)
	if err != nil {
		return err
	}
	if err := returning.Run(ctx, b.client, []string{name, name + ":" + rand.Text()}, time.Minute.Milliseconds()).Err(); err != nil {
		return b.failed(opBudget, err)
	}
	return nil
}

// Reset implements store.Budget.
func (b budget) Reset(ctx context.Context, key string) error {
	name, err := b.key(ctx, opBudget, key)
	if err != nil {
		return err
	}
	if err := b.client.Del(ctx, name).Err(); err != nil {
		return b.failed(opBudget, err)
	}
	return nil
}
