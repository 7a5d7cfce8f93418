package identityengine_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
)

// replay carries the calls to the simulator and keeps the last answer; once it is frozen, every call gets that one
// again, with another time of expiry as Okta does it.
type replay struct {
	last   []byte
	frozen bool
	calls  int
}

var expiry = regexp.MustCompile(`"expiresAt":"[^"]*\.`)

func (t *replay) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.frozen && r.Method == http.MethodGet { // the keys
		return http.DefaultTransport.RoundTrip(r)
	}
	if !t.frozen {
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		if t.last, err = io.ReadAll(res.Body); err != nil {
			return nil, err
		}
		res.Body = io.NopCloser(bytes.NewReader(t.last))
		return res, nil
	}
	t.calls++
	if at := expiry.FindIndex(t.last); at != nil {
		copy(t.last[at[1]:], fmt.Sprintf("%03d", t.calls%1000))
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Request: r, ContentLength: int64(len(t.last)),
		Body: io.NopCloser(bytes.NewReader(t.last)),
	}, nil
}

// waiting is an engine whose org answers that the phone has not answered, with the State of a person who waits for
// the second time, and the transport.
func waiting(t testing.TB, user string) (*bench, *replay) {
	t.Helper()
	answers := &replay{}
	b := newBench(t, func(s *settings) { s.okta = okta.Config{Org: s.okta.Org, Transport: answers} })
	b.pushed(user)
	b.poll()
	b.want(flows.KindWait)
	answers.frozen = true
	return b, answers
}

// BenchmarkPollWait is what ten thousand people who wait cost, 2,500 times a second.
func BenchmarkPollWait(b *testing.B) {
	for name, user := range map[string]string{"push": pushUser, "number": numberUser} {
		b.Run(name, func(b *testing.B) {
			w, answers := waiting(b, user)
			b.Logf("the document has %d bytes, the state %d", len(answers.last), len(w.state))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := w.engine.Poll(b.Context(), w.cc, w.state); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Garbage of polls is what ten thousand waiting people cost; the limits are about twice what it takes.
func TestPollOfAWaitingPushIsCheap(t *testing.T) {
	w, _ := waiting(t, numberUser)
	allocs := testing.AllocsPerRun(100, func() {
		next, step, err := w.engine.Poll(t.Context(), w.cc, w.state)
		if err != nil || step.Kind != flows.KindWait || &next[0] != &w.state[0] {
			t.Fatalf("%+v %v", step, err)
		}
	})
	if allocs > 82 {
		t.Errorf("a poll without news takes %v allocations, want about 41", allocs)
	}
}

// The simulator moves the expiry like Okta, and nothing else while nobody answers.
func TestStateStaysTheSameWhileNobodyAnswers(t *testing.T) {
	b := newBench(t)
	b.pushed(pushUser)
	b.poll()
	for range 3 {
		before := b.state
		if b.poll(); &b.state[0] != &before[0] {
			t.Fatalf("the State became %s, was %s", b.state, before)
		}
	}
}
