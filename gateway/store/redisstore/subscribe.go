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

// subscribe brings the messages of a channel until ctx ends. joined is called whenever messages may have been missed: when
// the subscription stands, so that none is missed after it; while it fails, the subscription is made anew.
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
	asked := false
	for {
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
		case *redis.Message:
			message([]byte(m.Payload))
		}
	}
}
