package main

import (
	"errors"
	"fmt"
	"time"

	"sidegate.example/sidegate/internal/bench/measure"
)

// waiting is a server without browsers and with all of them waiting.
type waiting struct {
	before, during measure.State
	rss            uint64  // resident bytes while they wait, garbage and all
	cpu            float64 // share of one core while they wait

	calls map[string]float64 // to Okta, per second
}

// measureFloor holds the streams open at the bare handler.
func measureFloor(o options) (waiting, error) {
	floor, err := spawn(roleFloor, "", o)
	if err != nil {
		return waiting{}, err
	}
	defer floor.Stop()
	// The same request as to the gate, with cookies of the same length.
	like := &browser{events: "/_mfa/events?seq=1", cookies: map[string]string{
		"__Host-okta_mfa_signin": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "__Host-okta_mfa_device": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	}}
	var w waiting
	if w.before, err = floor.Ask(); err != nil {
		return waiting{}, err
	}
	requests := make([]string, o.browsers)
	for i := range requests {
		requests[i] = like.streamRequest()
	}
	s, err := openStreams(floor.Address, requests)
	defer s.close()
	if err != nil {
		return waiting{}, err
	}
	time.Sleep(o.refresh)
	if w.rss, err = floor.RSS(); err != nil {
		return waiting{}, err
	}
	w.during, err = floor.Ask()
	return w, err
}

// soak is one run against the gate.
type soak struct {
	options

	okta    oktaClient
	gate    *measure.Child
	streams *streams
}

// wait brings the browsers to their wait pages, watches them wait and measures.
func (s *soak) wait() (waiting, error) {
	var w waiting
	var err error
	if w.before, err = s.gate.Ask(); err != nil {
		return waiting{}, err
	}
	began := time.Now()
	browsers, err := signInAll(s.gate.Address, s.browsers)
	if err != nil {
		return waiting{}, err
	}
	fmt.Printf("%d people signed in as far as the push in %s\n", s.browsers, time.Since(began).Round(time.Second))
	requests := make([]string, len(browsers))
	for i, b := range browsers {
		requests[i] = b.streamRequest()
	}
	if s.streams, err = openStreams(s.gate.Address, requests); err != nil {
		return waiting{}, err
	}
	time.Sleep(3 * s.refresh) // until all are polled in turn
	if err := s.watched(&w); err != nil {
		return waiting{}, err
	}
	if w.rss, err = s.gate.RSS(); err != nil {
		return waiting{}, err
	}
	if w.during, err = s.betweenPolls(); err != nil {
		return waiting{}, err
	}
	if n := s.streams.alive(); n != s.browsers {
		return waiting{}, fmt.Errorf("%d of %d event streams ended early", s.browsers-n, s.browsers)
	}
	return w, nil
}

// betweenPolls measures what the waiting browsers hold for good. The org answers nobody meanwhile, because the
// garbage of thousands of polls that pass during a collection would be counted with it.
func (s *soak) betweenPolls() (measure.State, error) {
	if err := s.okta.hold(); err != nil {
		return measure.State{}, err
	}
	time.Sleep(time.Second) // for the answers that are on their way
	state, err := s.gate.Ask()
	return state, errors.Join(err, s.okta.release())
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
