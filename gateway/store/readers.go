package store

import (
	"context"
	"sync"
)

// readers are those who follow.
type readers[T any] map[*reader[T]]struct{}

// reader brings news to one who follows, in order, and keeps nobody waiting who has some.
type reader[T any] struct {
	wake chan struct{}
	mu   sync.Mutex
	news []T
}

// join adds a reader.
func join[T any](all *readers[T]) *reader[T] {
	if *all == nil {
		*all = readers[T]{}
	}
	r := &reader[T]{wake: make(chan struct{}, 1)}
	(*all)[r] = struct{}{}
	return r
}

func tell[T any](all readers[T], news T) {
	for r := range all {
		r.put(news)
	}
}

func (r *reader[T]) put(news ...T) {
	r.mu.Lock()
	r.news = append(r.news, news...)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default: // it is awake
	}
}

// run hands the news on until ctx ends.
func (r *reader[T]) run(ctx context.Context, f func(T)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		r.mu.Lock()
		news := r.news
		r.news = nil
		r.mu.Unlock()
		for _, n := range news {
			f(n)
		}
	}
}
