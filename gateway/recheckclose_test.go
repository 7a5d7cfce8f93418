package gateway

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/flows"
)

// rotating is an Okta that takes a renewal once, and whose answer is a while on its way.
type rotating struct {
	*oracle
	good string
}

func (o *rotating) Recheck(ctx context.Context, c flows.ClientContext, s flows.Standing) (flows.Standing, error) {
	_, _ = o.oracle.Recheck(ctx, c, s)
	if s.Renewal != o.good {
		return flows.Standing{Subject: s.Subject}, nil
	}
	o.good = s.Renewal + "+"
	select {
	case <-time.After(200 * time.Millisecond):
		return flows.Standing{Subject: s.Subject, Active: true, Renewal: o.good, Groups: s.Groups}, nil
	case <-ctx.Done():
		return flows.Standing{}, ctx.Err()
	}
}

// S54: a replica is shut down in good order while Okta answers a recheck: the renewal that Okta has just given is not lost, or the next
// replica's recheck signs the person out.
func TestRecheckDuringAShutDown_S54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state, next := NewState(), NewState()
		defer next.Close()
		flow := &oracle{script: straight(), says: active}
		okta := &rotating{oracle: flow, good: bobsFirst}
		here := newRechecking(t, state, flow, func(c *Config) { c.Flow, c.Store = okta, next.memory })
		there := newRechecking(t, next, flow, func(c *Config) { c.Flow = okta })
		here.joinOnce.Do(here.join)
		synctest.Wait()
		here.enter()
		there.cookie = here.cookie
		time.Sleep(15 * time.Minute)
		go here.Handle(nil, here.request(), Facts{ClientIP: clientIP, Secure: true})
		time.Sleep(100 * time.Millisecond)
		state.Close()
		time.Sleep(time.Minute)
		there.want("the request that asks", 200, "staff,finance")
		time.Sleep(time.Second)
		there.want("and the next", 200, "staff,finance")
	})
}
