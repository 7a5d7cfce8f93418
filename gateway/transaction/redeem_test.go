package transaction_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/transaction"
)

// done is a transaction of ann's that Okta has let in.
func (r *rig) done() transaction.View {
	r.Helper()
	v, _ := r.answer(r.begin("ann"), choose("totp"))
	v, err := r.answer(v, digits("123456"))
	if err != nil {
		r.Fatal(err)
	}
	r.wantKind(v, flows.KindDone)
	return v
}

// Two tabs that wait on one push get the same session; ten seconds later the id is worth nothing (S46).
func TestRedeemGivesTheSameForTenSeconds(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.done()
		mints := 0
		mint := func(i identity.Identity) (string, error) { mints++; return "sealed", nil }
		for range 3 {
			got, who, err := r.Redeem(v.ID, site, mint)
			if err != nil || got != "sealed" || who.Subject != "ann" {
				t.Fatalf("Redeem: %q for %q: %v", got, who.Subject, err)
			}
			time.Sleep(3 * time.Second)
		}
		if mints != 1 {
			t.Errorf("%d sessions were minted, want 1", mints)
		}
		time.Sleep(time.Second)
		r.wantNoRedemption(v.ID, transaction.ErrGone)
		if _, ok := r.Get(v.ID, site); ok {
			t.Error("the transaction is still there")
		}
	})
}

func TestRedeemTriesAgainWhenTheMintFailed(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.done()
		broken := errors.New("no key")
		if _, _, err := r.Redeem(v.ID, site, func(identity.Identity) (string, error) { return "", broken }); !errors.Is(err, broken) {
			t.Fatalf("Redeem: %v, want the mint's error", err)
		}
		if got, _, err := r.Redeem(v.ID, site, bySubject); err != nil || got != "session of ann" {
			t.Errorf("Redeem: %q, %v", got, err)
		}
	})
}

func TestRedeemAfterCancel(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		v := r.done()
		r.Cancel(context.Background(), v.ID, site)
		r.wantNoRedemption(v.ID, transaction.ErrGone)
		if seen := r.org.seen(); seen.cancels != 0 {
			t.Error("a sign-in that was over was cancelled at Okta")
		}
	})
}

// A transaction that nobody redeems is not good for ever.
func TestRedeemAfterTheLifetime(t *testing.T) {
	within(t, transaction.Config{Lifetime: time.Minute}, func(r *rig) {
		v := r.done()
		time.Sleep(time.Minute)
		r.wantNoRedemption(v.ID, transaction.ErrGone)
	})
}

// S71: success without a subject, or with no proof but the password, is no success, whatever an engine says.
func TestS71SuccessWithoutProofIsRefused(t *testing.T) {
	password := []identity.Proof{{Factor: identity.Password}}
	push := []identity.Proof{{Factor: identity.Push}}
	for name, who := range map[string]*identity.Identity{
		"nobody":        nil,
		"no proof":      {Subject: "ann"},
		"password only": {Subject: "ann", Proofs: password},
		"no subject":    {Proofs: push},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, transaction.Config{}, func(r *rig) {
				r.org.onStart = func(flows.Answer) (flows.Step, error) {
					return flows.Step{Kind: flows.KindDone, Identity: who}, nil
				}
				v := r.begin("ann")
				r.wantDenied(v, flows.DeniedNoFactor)
				r.wantNoRedemption(v.ID, transaction.ErrNotDone)
			})
		})
	}
}

// A refusal without a reason is a refusal all the same.
func TestDeniedWithoutReasonIsFinal(t *testing.T) {
	within(t, transaction.Config{}, func(r *rig) {
		r.org.onStart = func(flows.Answer) (flows.Step, error) { return flows.Step{Kind: flows.KindDenied}, nil }
		r.wantDenied(r.begin("ann"), flows.DeniedUnsupported)
	})
}
