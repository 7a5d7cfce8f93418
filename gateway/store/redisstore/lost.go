package redisstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// giveBackEvery is how soon a turn is given back of which no answer told, and how soon that is tried again.
	giveBackEvery = time.Second
	// longHold is no less than what turns are held for.
	longHold = time.Minute
	// maxLost bounds how many are; the others end by themselves.
	maxLost = 1024
)

// lostTurns are turns that were asked for without an answer: they may have been taken, and would be nobody's until their time is
// over.
type lostTurns struct {
	mu sync.Mutex
	// ends is when they are over, by the key of the turn and the token.
	ends map[[2]string]time.Time
}

// lost has the turn of that key given back, unless err says that it was refused. That nobody listens says nothing of an earlier try of
// the client's own.
func (r *Redis) lost(key, token string, hold time.Duration, err error) {
	if refused := redis.Error(nil); errors.As(err, &refused) || errors.Is(err, redis.ErrClosed) {
		return
	}
	l := &r.unanswered
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ends) == maxLost {
		return
	}
	if l.ends == nil {
		l.ends = map[[2]string]time.Time{}
		go r.giveBack()
	}
	l.ends[[2]string{key, token}] = time.Now().Add(hold)
}

// giveBack gives lost turns back until there are none, or the connections are closed.
func (r *Redis) giveBack() {
	again := time.NewTicker(giveBackEvery)
	defer again.Stop()
	for {
		select {
		case <-again.C:
		case <-r.closed.Done():
			return
		}
		turns := r.unanswered.left()
		if turns == nil {
			return
		}
		for _, t := range turns {
			ctx, cancel := context.WithTimeout(r.closed, giveBackEvery)
			gone, err := releasing.Run(ctx, r.client, t[:1], t[1]).Bool()
			cancel()
			if err != nil {
				break // it is away: in a second
			}
			if gone { // otherwise it may yet come in
				r.unanswered.forget(t)
			}
		}
	}
}

// left are those that are not over; nil for none, and then whoever adds one has it given back.
func (l *lostTurns) left() (turns [][2]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for t, end := range l.ends {
		if time.Now().After(end) {
			delete(l.ends, t)
			continue
		}
		turns = append(turns, t)
	}
	if len(l.ends) == 0 {
		l.ends = nil
	}
	return turns
}

func (l *lostTurns) forget(turn [2]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.ends, turn)
}
