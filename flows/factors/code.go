package factors

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/gateway/identity"
)

// fieldCode is the input of a code or an answer.
const fieldCode = "passCode"

// code verifies what was typed. What cannot be a code never leaves: to Okta, an empty one would be a new challenge (§5.1).
func (a *attempt) code(ctx context.Context, in string) (flows.State, flows.Step, error) {
	e, s := a.engine, &a.state
	f := s.pending()
	in = readCode(f.Factor, in)
	if in == "" {
		a.wrong = []flows.Message{msgCodeFormat}
		return a.show()
	}
	name := "passCode"
	if f.Factor == identity.SecurityQuestion {
		name = "answer"
	}
	count := e.count.TakeCode
	for i, id := range f.IDs {
		wait, err := count(ctx, s.User)
		if err != nil {
			return nil, flows.Step{}, err
		}
		if wait > 0 && i > 0 {
			break
		}
		if wait > 0 {
			return a.tooMany()
		}
		count = e.count.TakeCall
		v, err := a.verify(ctx, f, id, map[string]any{name: in})
		if err != nil {
			if !limits.Judged(err) {
				e.count.ReturnCode(ctx, s.User)
			}
			return nil, flows.Step{}, err
		}
		switch v.outcome {
		case accepted:
			return a.accepted(ctx, v)
		case wrong: // with several accounts of Okta Verify the code may be another one's
		default:
			return a.unaccepted(ctx, f, v)
		}
	}
	wait, err := e.count.WaitCode(ctx, s.User)
	if err != nil {
		return nil, flows.Step{}, err
	}
	if wait > 0 {
		return a.tooMany()
	}
	a.wrong = []flows.Message{msgWrongCode}
	return a.show()
}

// unaccepted is for what is neither right nor wrong.
func (a *attempt) unaccepted(ctx context.Context, f *factor, v *verdict) (flows.State, flows.Step, error) {
	again := func(m flows.Message) (flows.State, flows.Step, error) {
		a.engine.count.ReturnCode(ctx, a.state.User)
		a.wrong = []flows.Message{m}
		return a.show()
	}
	switch v.outcome {
	case replayed:
		return again(msgReplayed)
	case late:
		return again(msgLate)
	case asking:
		if f.Factor == identity.HardwareOTP { // a token out of step: Okta wants the code after this one (§5.2)
			return again(msgNextCode)
		}
		a.wrong = []flows.Message{msgWrongCode}
		return a.show()
	case gone, tooSoon, quota, failed, unsure:
		a.engine.count.ReturnCode(ctx, a.state.User)
	}
	return a.refuse(ctx, v)
}

// readCode takes the spaces out that apps show; "" when what is left is no code of this factor. An answer to a question
// keeps what is inside.
func readCode(f identity.Factor, in string) string {
	if f == identity.SecurityQuestion {
		if in = strings.TrimSpace(in); len(in) <= maxText && utf8.ValidString(in) && !strings.ContainsFunc(in, unicode.IsControl) {
			return in
		}
		return ""
	}
	in = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, in)
	if f == identity.HardwareOTP || f == identity.Email {
		if len(in) < 4 || len(in) > 64 || strings.ContainsFunc(in, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return ""
		}
		return in
	}
	shortest := 6
	if f == identity.Voice {
		shortest = 4 // codes that are spoken have five digits in Okta's examples
	}
	if len(in) < shortest || len(in) > 8 || strings.ContainsFunc(in, func(r rune) bool { return r < '0' || r > '9' }) {
		return ""
	}
	return in
}
