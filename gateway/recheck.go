package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
)

const (
	// maxChecks bounds what a gate remembers; what is forgotten is read from the session's document again.
	maxChecks = 32768
	// recheckTimeout bounds one question, the reading of the document included.
	recheckTimeout = 15 * time.Second
	// recheckTurn is how long no other replica asks about the session: until what came of it is kept.
	recheckTurn = recheckTimeout + storeTimeout
	// recheckLastWait is how long a question that is under way lasts when this process stops.
	recheckLastWait = time.Second
	// recheckPause is how long a session is not asked for again after a question without an answer.
	recheckPause = 30 * time.Second
	// recheckGlance is how soon another replica's answer is looked for again.
	recheckGlance = 5 * time.Second
)

// check is what this gate knows of one session beyond its cookie. News replace it.
type check struct {
	// good is when Okta last said that the person may be signed in.
	good time.Time
	// next is when it is to be asked again.
	next time.Time
	// failing says that it was asked since good, or may have been, and gave no answer that is known here.
	failing bool
	// groups are those that Okta named last; nil for those of the cookie.
	groups []string
	// renewal has come in place of spent, the document's, while the store was away; "" where what the document has is the latest.
	renewal, spent string
	// asking is set by the request that asks.
	asking atomic.Bool
}

func newChecks() *otter.Cache[string, *check] {
	return otter.Must(&otter.Options[string, *check]{MaximumSize: maxChecks})
}

// checkOf is what is known of a session. A gate that sees one for the first time when it is due reads what another replica, or the
// configuration before, was told of it: once, and not for one whose sign-in says enough.
func (x *exchange) checkOf(s *session.Opened, now time.Time) *check {
	c, ok := x.checks.GetIfPresent(s.Handle)
	if ok {
		return c
	}
	c = &check{good: s.IssuedAt, next: s.IssuedAt.Add(x.cfg.Recheck)}
	if !now.Before(c.next) && now.Before(s.ExpiresAt) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), firstRead) // a client that leaves gains nothing
		defer cancel()
		if doc, err := x.cfg.State.document(ctx, x.cfg.Org, s); err != nil {
			c.failing = true // for all that is known, since the sign-in: recheck_grace counts from there
			x.log.WarnContext(ctx, "what okta last said of a session cannot be read; within recheck_grace it goes on with its cookie's groups", slog.Any("error", err),
				slog.String("user", s.Identity.Login), slog.String("session", s.Handle))
		} else if doc.Checked.After(c.good) {
			c.good, c.groups, c.next = doc.Checked, doc.Groups, doc.Checked.Add(x.cfg.Recheck)
		}
	}
	c, _ = x.checks.SetIfAbsent(s.Handle, c)
	return c
}

// lately is the session of a cookie with the groups that Okta's latest answer named.
func (x *exchange) lately(s *session.Opened, c *check) *session.Opened {
	if c.groups == nil || slices.Equal(c.groups, s.Identity.Groups) {
		return s
	}
	fresh := *s
	fresh.Identity.Groups = c.groups
	fresh.Header, fresh.Entitled = fresh.Identity.Header(), x.cfg.Rules.Entitled(&fresh.Identity)
	return &fresh
}

// overdue reports whether Okta has given no answer about a live session for so long that it must not go on. It has Okta asked
// where that is due, for which no request waits.
func (x *exchange) overdue(s *session.Opened, c *check, now time.Time) bool {
	if !now.Before(c.next) && c.asking.CompareAndSwap(false, true) {
		x.ask(s, c)
	}
	return x.cfg.RecheckGrace > 0 && c.failing && now.After(c.good.Add(x.cfg.RecheckGrace))
}

// ask puts the question in the background, on behalf of the browser whose request made it due.
func (x *exchange) ask(s *session.Opened, c *check) {
	flow, ok := x.cfg.Flow.(flows.Rechecker)
	if !ok {
		return
	}
	x.readSignIn()
	client, err := x.client()
	if err != nil {
		x.checks.Set(s.Handle, c.unanswered())
		x.log.WarnContext(x.r.Context(), "session not rechecked: okta cannot be told of the browser", slog.Any("error", err), slog.String("session", s.Handle))
		return
	}
	g := x.Gate
	g.cfg.State.later(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(g.cfg.State.ctx), recheckTimeout)
		defer cancel()
		// An answer that is on its way may hold the only renewal that Okta takes from now on.
		defer context.AfterFunc(g.cfg.State.ctx, func() { time.AfterFunc(recheckLastWait, cancel) })()
		next := c.unanswered()
		defer func() {
			if r := recover(); r != nil { // here, it would end the whole server
				g.log.ErrorContext(ctx, "session not rechecked: the engine panicked", slog.Any("panic", r), slog.String("session", s.Handle))
			}
			g.checks.Set(s.Handle, next)
		}()
		next = g.answer(ctx, flow, client, s, c)
	})
}

// unanswered is what is known after a question without an answer.
func (c *check) unanswered() *check {
	return &check{good: c.good, groups: c.groups, renewal: c.renewal, spent: c.spent, failing: true, next: time.Now().Add(recheckPause)}
}

// answer is what is known after the question. One replica asks; the others read what it was told.
func (g *Gate) answer(ctx context.Context, flow flows.Rechecker, client flows.ClientContext, s *session.Opened, c *check) *check {
	state, now := g.cfg.State, time.Now()
	next := c.unanswered()
	failed := func(what string, err error) *check {
		g.log.WarnContext(ctx, what, slog.Any("error", err), slog.String("user", s.Identity.Login), slog.String("session", s.Handle))
		return next
	}
	doc, err := state.document(ctx, g.cfg.Org, s)
	if err != nil {
		return failed("session not rechecked: its document cannot be read", err)
	}
	wait, err := state.current().Budget.Take(ctx, recheckKey(doc.Handle), 1, recheckTurn)
	if err != nil {
		return failed("session not rechecked: the store cannot be asked whose turn it is", err)
	}
	// Again, for who had the turn until now may have changed it.
	if doc, err = state.document(ctx, g.cfg.Org, s); err != nil {
		return failed("session not rechecked: its document cannot be read", err)
	}
	if now.Before(doc.Checked.Add(g.cfg.Recheck)) { // later than c.good, or the same, by which it would be due
		return &check{good: doc.Checked, groups: doc.Groups, next: doc.Checked.Add(g.cfg.Recheck)}
	}
	if wait > 0 { // another one is asking
		next.failing, next.next = c.failing, now.Add(recheckGlance)
		return next
	}
	renewal := doc.Renewal
	if c.spent == renewal && c.renewal != "" {
		renewal = c.renewal
	}
	is, err := flow.Recheck(ctx, client, flows.Standing{Subject: s.Identity.Subject, Renewal: renewal, Groups: s.Identity.Groups})
	keep := func(to *check, what string, told standing) *check {
		// What Okta gave is kept, however long that took.
		err := state.settle(context.WithoutCancel(ctx), g.cfg.Org, s, told)
		if err != nil {
			failed(what, err)
			to.renewal, to.spent, to.next = told.Renewal, doc.Renewal, now.Add(recheckPause) // to keep it then
		}
		return to
	}
	if err != nil {
		failed("session not rechecked: okta does not say whether the person may be signed in", err)
		if renewal = orDefault(is.Renewal, renewal); renewal == doc.Renewal {
			return next
		}
		told := standing{Renewal: renewal}
		return keep(next, "what a session is rechecked by is not kept; until it is, another replica's recheck may end it", told)
	}
	if !is.Active {
		g.log.WarnContext(ctx, "session ended: okta no longer lets the person in", slog.String("user", s.Identity.Login),
			slog.String("subject", s.Identity.Subject), slog.String("session", s.Handle))
		g.endSession(ctx, s)
		return next
	}
	told := standing{Renewal: is.Renewal, Checked: now.UTC(), Groups: doc.Groups}
	if is.Groups != nil { // otherwise those that it named last stay
		told.Groups = append([]string{}, g.wanted(is.Groups)...)
	}
	return keep(&check{good: now, groups: told.Groups, next: now.Add(g.cfg.Recheck)}, "the answer about a session is not kept", told)
}

// recheckKey is what the turn at the document of that id is counted under.
func recheckKey(id string) string { return "recheck/" + id }

// document is the one by which a session is rechecked, also where its family was made after its cookie; one that is not there any
// more, because the store has lost it, is made anew.
func (s *State) document(ctx context.Context, org string, of *session.Opened) (*storedSession, error) {
	doc, err := s.read(ctx, freshDocument(org, of))
	if err == nil && doc.Kin != "" {
		return s.read(ctx, familyDocument(doc.Kin, doc.Expires))
	}
	return doc, err
}

// freshDocument is what document begins with.
func freshDocument(org string, of *session.Opened) *storedSession {
	if of.Kin != "" {
		return familyDocument(of.Kin, of.ExpiresAt)
	}
	return &storedSession{SessionInfo: SessionInfo{Handle: of.Handle, Org: org, Subject: of.Identity.Subject, Login: of.Identity.Login, Email: of.Identity.Email,
		Issued: of.IssuedAt, Expires: of.ExpiresAt}}
}

// read is the document with the handle of fresh, or fresh.
func (s *State) read(ctx context.Context, fresh *storedSession) (*storedSession, error) {
	b, err := s.documents.Get(ctx, store.Sessions, fresh.Handle)
	if errors.Is(err, store.ErrNotFound) {
		return fresh, nil
	}
	if err != nil {
		return nil, err
	}
	doc := new(storedSession)
	return doc, json.Unmarshal(b, doc)
}

// settle keeps what Okta told, in the document of document.
func (s *State) settle(ctx context.Context, org string, of *session.Opened, told standing) error {
	return s.amend(ctx, freshDocument(org, of), func(doc *storedSession) error {
		if doc.Kin == "" {
			doc.standing = told.over(doc.standing)
			return nil
		}
		return s.amend(ctx, familyDocument(doc.Kin, doc.Expires), func(family *storedSession) error {
			family.standing = told.over(family.standing)
			return nil
		})
	})
}
