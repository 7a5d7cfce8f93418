package access_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/flows/okta/access"
)

// stuck answers 503 once it is released.
type stuck struct {
	release chan struct{}
	calls   int
}

func (s *stuck) RoundTrip(*http.Request) (*http.Response, error) {
	s.calls++
	<-s.release
	return &http.Response{StatusCode: 503, Body: io.NopCloser(strings.NewReader(`{}`)), Header: http.Header{}}, nil
}

// A token endpoint that is down is asked once by all who come at once, and who leaves does not wait for it.
func TestTokenFailsForAll(t *testing.T) {
	key := newOrg(t).key
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{release: make(chan struct{})}
		client, err := okta.New(okta.Config{Org: "https://acme.okta.com", Transport: s})
		if err != nil {
			t.Fatal(err)
		}
		a, err := access.New(access.Config{Client: client, ClientID: "0oasvc", PrivateKey: key, KeyID: "k1"})
		if err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 20)
		do := func(ctx context.Context) {
			_, err := a.Do(ctx, browser(t), get)
			errs <- err
		}
		gone, leave := context.WithCancel(t.Context())
		go do(gone)
		synctest.Wait()
		leave()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("who left was told %v", err)
		}
		for range cap(errs) {
			go do(t.Context())
		}
		synctest.Wait()
		close(s.release)
		for range cap(errs) {
			failed := new(flows.Error)
			if err := <-errs; !errors.As(err, &failed) || failed.Reason != flows.ReasonUnavailable {
				t.Errorf("%v", err)
			}
		}
		if s.calls != 1 {
			t.Errorf("%d token calls, want one for everybody", s.calls)
		}
	})
}
