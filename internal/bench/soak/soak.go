package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"sidegate.example/sidegate/internal/bench/measure"
)

// waiting is a server with a tenth of the browsers waiting, and with all of them. The difference is what each
// costs, free of what a server costs once: its code, its workers, its connections to Okta.
type waiting struct {
	few, all snapshot
	cpu      float64            // share of one core while all wait
	calls    map[string]float64 // to Okta, per second
}

// snapshot is a server's memory.
type snapshot struct {
	measure.State
	asIs uint64 // resident bytes, garbage and all
}

// few is how many browsers wait at first.
func (o options) few() int { return o.browsers / 10 }

// measureFloor holds the streams open at the bare handler.
func measureFloor(o options) (waiting, error) {
	floor, err := spawn(roleFloor, "", o)
	if err != nil {
		return waiting{}, err
	}
	defer floor.Stop()
	// The same request as to the gate, with cookies of the same length.
	like := &browser{address: addressOf(9999), events: "/_mfa/events?seq=1", cookies: map[string]string{
		"__Host-okta_mfa_signin": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "__Host-okta_mfa_device": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	}}
	s := &streams{http2: o.http2}
	defer s.close()
	stage := func(n int) (snap snapshot, err error) {
		if err := s.open(floor.Address, slices.Repeat([]string{like.streamRequest()}, n)); err != nil {
			return snap, err
		}
		time.Sleep(o.refresh)
		if snap.asIs, err = floor.RSS(); err != nil {
			return snap, err
		}
		snap.State, err = floor.Ask()
		return snap, err
	}
	var w waiting
	if w.few, err = stage(o.few()); err != nil {
		return waiting{}, err
	}
	w.all, err = stage(o.browsers - o.few())
	return w, err
}

// soak is one run against the gate.
type soak struct {
	options

	okta    oktaClient
	gate    *measure.Child
	streams streams
}

// wait brings the browsers to their wait pages, watches them wait and measures.
func (s *soak) wait() (waiting, error) {
	var w waiting
	var err error
	if err := s.arrive(0, s.few()); err != nil {
		return waiting{}, err
	}
	if w.few, err = s.betweenPolls(); err != nil {
		return waiting{}, err
	}
	began := time.Now()
	if err := s.arrive(s.few(), s.browsers); err != nil {
		return waiting{}, err
	}
	fmt.Printf("%d people signed in as far as the push in %s\n", s.browsers-s.few(), time.Since(began).Round(time.Second))
	if err := s.watched(&w); err != nil {
		return waiting{}, err
	}
	if w.all, err = s.betweenPolls(); err != nil {
		return waiting{}, err
	}
	if n := s.streams.alive(); n != s.browsers {
		return waiting{}, fmt.Errorf("%d of %d event streams ended early", s.browsers-n, s.browsers)
	}
	return w, nil
}

// arrive brings people to the push, opens their streams and waits until all are polled in turn.
func (s *soak) arrive(from, to int) error {
	browsers, err := s.signInAll(s.gate.Address, from, to)
	if err != nil {
		return err
	}
	var requests []string
	for _, b := range browsers {
		requests = append(requests, b.streamRequest())
	}
	if err := s.streams.open(s.gate.Address, requests); err != nil {
		return err
	}
	time.Sleep(3 * s.refresh)
	return nil
}

// betweenPolls measures what the waiting browsers hold for good. The org answers nobody meanwhile, because the
// garbage of thousands of polls that pass during a collection would be counted with it.
func (s *soak) betweenPolls() (snapshot, error) {
	var snap snapshot
	var err error
	if snap.asIs, err = s.gate.RSS(); err != nil {
		return snap, err
	}
	if err := s.okta.hold(); err != nil {
		return snap, err
	}
	time.Sleep(time.Second) // for the answers that are on their way
	snap.State, err = s.gate.Ask()
	return snap, errors.Join(err, s.okta.release())
}

// watched counts, while nobody does anything, the calls to Okta and the CPU time.
func (s *soak) watched(w *waiting) error {
	calls, err := s.okta.counts()
	if err != nil {
		return err
	}
	cpu, err := s.gate.CPU()
	if err != nil {
		return err
	}
	began := time.Now()
	time.Sleep(s.watch)
	later, err := s.okta.counts()
	if err != nil {
		return err
	}
	cpuLater, err := s.gate.CPU()
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	w.cpu = (cpuLater - cpu).Seconds() / took
	w.calls = map[string]float64{}
	for path, n := range later.Calls {
		if more := n - calls.Calls[path]; more > 0 {
			w.calls[path] = float64(more) / took
		}
	}
	return nil
}

// approve approves some pushes one after the other and returns how long after the answer to the poll that
// saw it each browser knew.
func (s *soak) approve() ([]time.Duration, error) {
	defer s.streams.close()
	time.Sleep(3 * s.refresh) // the polls that were held back come all at once
	var delays []time.Duration
	for i := range s.approvals {
		n := i * s.browsers / s.approvals
		if err := s.okta.approve(n); err != nil {
			return nil, err
		}
		select {
		case heard, ok := <-s.streams.heard[n]:
			if !ok {
				return nil, errors.New("a stream ended without the news")
			}
			c, err := s.okta.counts()
			if err != nil {
				return nil, err
			}
			delays = append(delays, heard.Sub(time.Unix(0, c.Approved)))
		case <-time.After(10*s.refresh + 10*time.Second):
			return nil, fmt.Errorf("%s was approved and the browser never heard of it", login(n))
		}
	}
	return delays, nil
}
