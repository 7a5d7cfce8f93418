package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/transaction"
)

// SessionInfo tells about a session what its person and the operator may know. Nothing in it opens anything.
type SessionInfo struct {
	// Handle names the session in logs and revocations.
	Handle string `json:"session"`
	// Org is where Subject is from, see Config.Org.
	Org     string            `json:"org,omitempty"`
	Subject string            `json:"subject"`
	Login   string            `json:"user"`
	Email   string            `json:"email,omitempty"`
	Site    string            `json:"site"`
	Issued  time.Time         `json:"issued"`
	Expires time.Time         `json:"expires"`
	Factors []identity.Factor `json:"factors"`
	// Address and Agent are those of the browser at the sign-in.
	Address string `json:"address"`
	Agent   string `json:"agent"`
}

// storedSession is the document of a session under store.Sessions, by its handle: what is to be known of it beside its
// cookie.
type storedSession struct {
	SessionInfo
	// Bulk is what does not fit into the cookie, nil for nothing.
	Bulk *session.Bulk `json:"bulk,omitempty"`
	// Kin is the handle of the session's family, "" for none.
	Kin string `json:"kin,omitempty"`
	standing
}

// standing is what a session is rechecked by. That of a family is in a document of its own, under the family's handle.
type standing struct {
	// Renewal is identity.Identity.Renewal, as the latest answer of Okta has left it.
	Renewal string `json:"renewal,omitempty"`
	// Checked is when Okta last said that the person may be signed in, Groups are those that it named last; nil for none named.
	Checked time.Time `json:"checked,omitzero"`
	Groups  []string  `json:"groups"`
}

// over is what is known once Okta has told s, of which the answer may be older than what was known: the latest word on the groups counts,
// and what it does not say again stays.
func (s standing) over(was standing) standing {
	s.Renewal = orDefault(s.Renewal, was.Renewal)
	switch {
	case was.Checked.After(s.Checked):
		s.Checked, s.Groups = was.Checked, was.Groups
	case s.Groups == nil:
		s.Groups = was.Groups
	}
	return s
}

// maxAgent bounds what is kept of a User-Agent.
const maxAgent = 256

// register keeps the document of a session that is about to begin, and of it what does not fit into the cookie. told is what Okta has
// said for it, zero where it was handed over.
func (x *exchange) register(c *session.Claims, bulk *session.Bulk, told standing) error {
	doc := &storedSession{SessionInfo: x.info(c), Bulk: bulk}
	if c.Family == (session.ID{}) {
		doc.standing = told
		return x.cfg.State.keep(x.r.Context(), doc)
	}
	doc.Kin = c.Family.Handle()
	if told.Renewal != "" || !told.Checked.IsZero() {
		// All of the family are rechecked as one, because Okta takes a renewal once.
		err := x.cfg.State.amend(x.r.Context(), familyDocument(doc.Kin, doc.Expires), func(family *storedSession) error {
			family.standing = told.over(family.standing)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return x.cfg.State.keep(x.r.Context(), doc)
}

// info is what is told about a session that begins with this request.
func (x *exchange) info(c *session.Claims) SessionInfo {
	id := &c.Identity
	info := SessionInfo{Handle: c.ID.Handle(), Org: x.cfg.Org, Subject: id.Subject, Login: id.Login, Email: id.Email, Site: x.site,
		Issued: c.IssuedAt.UTC(), Expires: c.ExpiresAt.UTC(), Address: x.facts.ClientIP, Agent: x.r.UserAgent()}
	info.Agent = info.Agent[:min(len(info.Agent), maxAgent)]
	for _, p := range id.Proofs {
		info.Factors = append(info.Factors, p.Factor)
	}
	return info
}

// familyDocument is the document of a family of which nothing is known yet.
func familyDocument(kin string, expires time.Time) *storedSession {
	return &storedSession{SessionInfo: SessionInfo{Handle: kin, Expires: expires}}
}

func (s *State) keep(ctx context.Context, doc *storedSession) error {
	b, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encoding the document of a session: %w", err)
	}
	if err := s.documents.Put(ctx, store.Sessions, doc.Handle, b, time.Until(doc.Expires)); err != nil {
		return fmt.Errorf("keeping the document of a session: %w", err)
	}
	return nil
}

// amendPause is how soon a document is tried again that another one is changing.
const amendPause = 50 * time.Millisecond

// amend changes the document of a session that others may be changing too, in turn with them. One that is not there is made of
// fresh. What change does must be good to be done again.
func (s *State) amend(ctx context.Context, fresh *storedSession, change func(*storedSession) error) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for {
		err := s.amendOnce(ctx, *fresh, change)
		if !errors.Is(err, store.ErrHeld) && !errors.Is(err, store.ErrLost) && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		select {
		case <-time.After(amendPause):
		case <-ctx.Done():
			return err
		}
	}
}

func (s *State) amendOnce(ctx context.Context, doc storedSession, change func(*storedSession) error) error {
	turns := s.current().Turns
	turn, err := turns.Acquire(ctx, store.Sessions, doc.Handle, storeTimeout)
	if errors.Is(err, store.ErrNotFound) {
		turn, err = turns.Begin(ctx, store.Sessions, doc.Handle, storeTimeout)
	}
	if err != nil {
		return fmt.Errorf("taking the document of a session: %w", err)
	}
	if turn.Doc != nil {
		doc = storedSession{}
		err = json.Unmarshal(turn.Doc, &doc)
	}
	var b []byte
	if err == nil {
		err = change(&doc)
	}
	if err == nil {
		b, err = json.Marshal(doc)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("changing the document of a session: %w", err), turns.Release(ctx, turn))
	}
	if err := turns.Commit(ctx, turn, b, time.Until(doc.Expires), false); err != nil {
		return fmt.Errorf("keeping the document of a session: %w", err)
	}
	return nil
}

// elsewhere is what of a session did not fit into its cookie. A session whose document is gone is over.
func (s *State) elsewhere(ctx context.Context, handle string) (*session.Bulk, error) {
	b, err := s.documents.Get(ctx, store.Sessions, handle)
	if errors.Is(err, store.ErrNotFound) {
		return nil, session.ErrInvalid
	}
	if err != nil {
		return nil, fmt.Errorf("reading the document of a session: %w", err)
	}
	var doc storedSession
	if json.Unmarshal(b, &doc) != nil || doc.Bulk == nil {
		return nil, session.ErrInvalid
	}
	return doc.Bulk, nil
}

// Sessions lists the live sessions that match, the latest first. It looks at all that there are.
func (s *State) Sessions(ctx context.Context, match func(*SessionInfo) bool) ([]SessionInfo, error) {
	var found []SessionInfo
	now := time.Now()
	for b, err := range s.documents.All(ctx, store.Sessions) {
		if err != nil {
			return nil, fmt.Errorf("listing the sessions: %w", err)
		}
		var doc storedSession
		if json.Unmarshal(b, &doc) != nil || doc.Subject == "" || !doc.Expires.After(now) || !match(&doc.SessionInfo) {
			continue // what another version wrote is not listed
		}
		opened := doc.opened()
		opened.Kin = doc.Kin
		if !s.revocations.Revoked(doc.Org, opened) {
			found = append(found, doc.SessionInfo)
		}
	}
	slices.SortFunc(found, func(a, b SessionInfo) int { return b.Issued.Compare(a.Issued) })
	return found, nil
}

// opened is what a revocation is compared with, as the cookie has it: with a precision of one second.
func (i *SessionInfo) opened() *session.Opened {
	return &session.Opened{Handle: i.Handle, Claims: session.Claims{IssuedAt: i.Issued.Truncate(time.Second), Identity: identity.Identity{Subject: i.Subject}}}
}

// Pending lists the sign-ins in progress that this process began or went on with, as it last saw them, the latest first.
func (s *State) Pending() []transaction.Pending { return s.transactions.Pending() }

// RevokeUser ends every session of a person by now: of the subject in each of the orgs, and of whoever signed in with user as
// login or e-mail address. It tells how many sessions that is, as far as they are listed; the error is as Revoke's, or says
// that they cannot be listed.
func (s *State) RevokeUser(ctx context.Context, orgs []string, user string) (ended int, err error) {
	type person struct{ org, subject string }
	people := map[person]bool{}
	for _, org := range orgs {
		people[person{org, user}] = true
	}
	found, err := s.Sessions(ctx, func(i *SessionInfo) bool { return slices.Contains(orgs, i.Org) && i.Is(user) })
	for _, i := range found {
		people[person{i.Org, i.Subject}] = true
	}
	for p := range people {
		err = errors.Join(err, s.Revoke(ctx, allOf(p.org, p.subject)))
	}
	for _, i := range found {
		// Its replica's clock was ahead of this one's by more than store.Skew: the times above do not catch it.
		if !s.revocations.Revoked(i.Org, i.opened()) {
			err = errors.Join(err, s.Revoke(ctx, store.Revocation{Session: i.Handle, Until: i.Expires}))
		}
	}
	return len(found), err
}

// Is reports whether the session is of user, an Okta user id, login or e-mail address.
func (i *SessionInfo) Is(user string) bool {
	return user != "" && (i.Subject == user || strings.EqualFold(i.Login, user) || strings.EqualFold(i.Email, user))
}

const (
	// ownLists is how often in ownListsIn a person is shown their sessions, because that looks at everybody's.
	ownLists   = 10
	ownListsIn = time.Minute
	// ownListTime is how long the page waits for the list.
	ownListTime = 2 * time.Second
)

// ownSessions are those of the person that claims are of, and nobody else's (immunity S60). Without the list the page
// still serves: nil is no failure.
func (x *exchange) ownSessions(claims *session.Opened) []SessionInfo {
	subject := claims.Identity.Subject
	ctx, cancel := context.WithTimeout(x.r.Context(), ownListTime)
	defer cancel()
	wait, err := x.cfg.State.budget.Take(ctx, "sessions/"+x.cfg.Org+"/"+subject, ownLists, ownListsIn)
	if err != nil || wait > 0 {
		return nil
	}
	own, err := x.cfg.State.Sessions(ctx, func(s *SessionInfo) bool { return s.Org == x.cfg.Org && s.Subject == subject })
	if err != nil {
		x.log.WarnContext(ctx, "sessions not listed", slog.Any("error", err))
	}
	return own
}
