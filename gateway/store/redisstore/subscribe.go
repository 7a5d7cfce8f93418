package redisstore

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// quietFor is how long a subscription may bring nothing before it is asked whether it lives; with no answer in the
	// same time again it is made anew.
	quietFor = 2 * time.Second
	// againAfter is the pause before a subscription is made anew.
	againAfter = 250 * time.Millisecond
)

// rejoinEvery is how often messages count as missed though the subscription stands: Redis brings each once at most, and a
// server that the others have lost, or that has just been replaced, brings none and answers all the same.
var rejoinEvery = time.Minute

// subscribe brings the messages of a channel until ctx ends. joined is called whenever messages may have been missed: when
// the subscription stands, so that none is missed after it, and now and then; when it fails, the subscription is made anew.
func (r *Redis) subscribe(ctx context.Context, channel string, joined func(context.Context) error, message func([]byte)) {
	for ctx.Err() == nil {
		err := r.listen(ctx, channel, joined, message)
		if ctx.Err() != nil {
			return
		}
		r.cfg.Observe(opFollow, err)
		pause := time.NewTimer(againAfter)
		select {
		case <-ctx.Done():
			pause.Stop()
		case <-pause.C:
		}
	}
}

// listen is one subscription, to its end.
func (r *Redis) listen(ctx context.Context, channel string, joined func(context.Context) error, message func([]byte)) error {
	sub := r.client.Subscribe(ctx, channel)
	defer sub.Close() //nolint:errcheck // it is over
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	asked, last := false, time.Time{}
	for {
		if !last.IsZero() && time.Since(last) >= rejoinEvery {
			if err := joined(ctx); err != nil {
				return err
			}
			last = time.Now()
		}
		got, err := sub.ReceiveTimeout(ctx, quietFor)
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && !asked {
			asked = true
			if err = sub.Ping(ctx); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		asked = false
		switch m := got.(type) {
		case *redis.Subscription:
			if err := joined(ctx); err != nil {
				return err
			}
			last = time.Now()
		case *redis.Message:
			message([]byte(m.Payload))
		}
	}
}
