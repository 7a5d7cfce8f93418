package identityengine

import (
	"context"
	"errors"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"sidegate.example/sidegate/flows"
)

// The fetch of keys runs on a goroutine of its own: a panic of the library that reads them must end neither the
// process nor the next fetch.
func TestPanicOverKeysIsAnError(t *testing.T) {
	k := &keyring{}
	set := jwk.NewSet()
	_, err := k.share(t.Context(), "stale", func(context.Context) (jwk.Set, error) { panic("a key of no kind") })
	failed := new(flows.Error)
	if !errors.As(err, &failed) || failed.Reason != flows.ReasonMalformed {
		t.Fatalf("the error is %v, want a *flows.Error of reason %s", err, flows.ReasonMalformed)
	}
	got, err := k.share(t.Context(), "stale", func(context.Context) (jwk.Set, error) { return set, nil })
	if err != nil || got != set {
		t.Errorf("afterwards the keys are %v, %v", got, err)
	}
}
