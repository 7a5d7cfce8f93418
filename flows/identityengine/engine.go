// Package identityengine owns the sign-in through Okta's Identity Engine (IDX): it drives interact,
// introspect, the remediations, the polls and the token exchange, and turns what Okta asks into flows.Step. It
// keeps nothing between calls but Okta's signing keys: all progress is in the flows.State. It serves
// every authenticator and enrolment that needs nothing but a browser, and any other form from the form's own description. What only
// the person's device or a redirect could answer is left for another way where Okta gives one, and is a refusal that names
// it where not. The wire is described in okta/identity-engine.md of the shared references; section numbers in comments
// are of that document.
package identityengine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/identity"
)

const (
	// cancelPath is where the cancel action of every recorded document leads.
	cancelPath = "/idp/idx/cancel"
	// maxPassword bounds what is sent on; Okta's own limit is smaller.
	maxPassword = 4096
	// IDs of the choices that are no factors.
	choiceResend = "resend"
	choiceOther  = "other"
	choiceSkip   = "skip"
)

// Engine implements flows.Flow.
type Engine struct {
	client  *okta.Client
	app     app
	keys    keyring
	minPoll time.Duration
	now     func() time.Time
	count   *limits.Counter

	enroll      EnrollProof
	selfService SelfService
	webAuthn    bool
	firstOnly   bool
	claims      []string
	required    []identity.Factor
}

var _ flows.Flow = (*Engine)(nil)

// Start implements flows.Flow: interact, introspect, identify, and the password at once when there is one, so
// that it is one form for the person even where Okta asks for the identifier first.
func (e *Engine) Start(ctx context.Context, cc flows.ClientContext, redirectURI string, a flows.Answer) (flows.State, flows.Step, error) {
	at := &attempt{engine: e, cc: cc}
	at.state.Redirect = redirectURI
	if a.Choice != "" || a.Values[flows.FieldActivationToken] != "" || a.Values[flows.FieldRecoveryToken] != "" {
		return at.beginWithout(ctx, a)
	}
	password, ok := a.Values[flows.FieldPassword]
	at.both = ok && password != ""
	at.remember = a.Values[flows.FieldRememberMe] == "true"
	s, step, err := at.begin(ctx, a.Values[flows.FieldIdentifier], password)
	at.unjudged(ctx, err)
	return s, step, err
}

// Advance implements flows.Flow.
func (e *Engine) Advance(ctx context.Context, cc flows.ClientContext, s flows.State, a flows.Answer) (flows.State, flows.Step, error) {
	st, err := decodeState(s)
	if err != nil {
		return s, flows.Step{}, err
	}
	at := &attempt{engine: e, cc: cc, state: *st}
	next, step, err := at.advance(ctx, a)
	at.unjudged(ctx, err)
	switch {
	case err != nil && at.left != nil:
		return at.left, flows.Step{}, err
	case err != nil:
		return s, flows.Step{}, err
	}
	return next, step, nil
}

// Poll implements flows.Flow. On an error s is still the State to go on with, unless the reason is
// ReasonExpired. When nothing has changed, the State returned is s itself.
func (e *Engine) Poll(ctx context.Context, cc flows.ClientContext, s flows.State) (flows.State, flows.Step, error) {
	at := &attempt{engine: e, cc: cc, polling: true}
	next, step, err := at.poll(ctx, s)
	if err != nil {
		return s, flows.Step{}, err
	}
	if bytes.Equal(next, s) {
		next = s
	}
	return next, step, nil
}

// Cancel implements flows.Flow. It does nothing for a State that Okta holds nothing for.
func (e *Engine) Cancel(ctx context.Context, cc flows.ClientContext, s flows.State) error {
	if len(s) == 0 {
		return nil
	}
	st, err := decodeState(s)
	if err != nil {
		return err
	}
	if st.Handle == "" {
		return nil
	}
	m := &move{Path: st.Cancel}
	if m.Path == "" {
		m.Path = cancelPath
	}
	at := &attempt{engine: e, cc: cc, state: *st}
	_, err = at.post(ctx, m, nil)
	return err
}

func badAnswer(why string) *flows.Error {
	return &flows.Error{Reason: flows.ReasonBadAnswer, Err: errors.New(why)}
}

// readPassword trims nothing (§10.20).
func readPassword(s string) (string, error) {
	if s == "" || len(s) > maxPassword || !utf8.ValidString(s) {
		return "", badAnswer(fmt.Sprintf("the password must have 1 to %d bytes of text", maxPassword))
	}
	return s, nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// readCode takes the spaces out that apps show in a code; "" when what is left is no code.
func readCode(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
	if len(s) < 6 || len(s) > 8 || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		return ""
	}
	return s
}

// readAnswer is what is sent for a factor's code; "" for what cannot be one, because to Okta that would be an attempt.
func readAnswer(f identity.Factor, typed string) string {
	switch f {
	case identity.TOTP, identity.GoogleOTP, identity.SMS, identity.Voice:
		return readCode(typed)
	case identity.SecurityQuestion:
		if typed = strings.TrimSpace(typed); len(typed) <= maxText && printable(typed) {
			return typed
		}
		return ""
	}
	// E-mailed codes may have letters (§6.2), hardware tokens more than eight characters.
	typed = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, typed)
	if len(typed) < 4 || len(typed) > 64 || strings.ContainsFunc(typed, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return typed
}

// secondFactor reports whether the state's proofs would make a session (immunity S71).
func (s *state) secondFactor() bool {
	id := identity.Identity{}
	for _, p := range s.Proofs {
		id.Proofs = append(id.Proofs, identity.Proof{Factor: p.Factor})
	}
	return id.SecondFactor()
}
