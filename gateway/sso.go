package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/ui"
)

// Several sites share one sign-in like this; cookies stay those of one host (immunity S58):
//
//	site B, no session   303 to the sign-in site, with a sealed request: for B, this browser at B, this page
//	sign-in site         signs in if need be, keeps a session's content under a code for a minute; 303 to B with the code
//	site B               takes the code, once, from the browser that asked; a session of its own, of the same family
//
// Nobody goes anywhere but to the origins of Config.SSO, in a request that one of their gates has sealed (S33). The code
// is worth nothing in another browser, so that neither a log nor a history gives a session away, and nobody can be made to use
// somebody else's.

const (
	handOverRoute = "/sso"
	takeOverRoute = "/sso/enter"

	handOverPurpose = "hand-over"
	// handOverAge is how long somebody may take to sign in before the other site is asked again.
	handOverAge = time.Hour
	// codeLife is how long a code is good.
	codeLife = time.Minute
	// maxHandOverBack bounds the address that is carried along, so that the request fits into the sign-in site's own.
	maxHandOverBack = 700
	// handOvers is how many sessions of one person are handed over in handOversIn.
	handOvers   = 60
	handOversIn = time.Minute
)

// handOverRequest is what a site wants a session for. It is sealed.
type handOverRequest struct {
	Site    string `json:"s"`
	Policy  string `json:"p"` // its digest
	Browser string `json:"b"` // the browser's sign-in id at that site
	Back    string `json:"r"`
}

// handedOver is the document of a session on its way.
type handedOver struct {
	handOverRequest
	Identity            identity.Identity
	IssuedAt, ExpiresAt time.Time
	Family              session.ID
}

// CheckSSO reports whether sites can be Config.SSO.
func CheckSSO(sites []string) error {
	if len(sites) == 1 {
		return fmt.Errorf("sso %s names one site; give the site where people sign in and at least one other", sites[0])
	}
	for i, site := range sites {
		u, err := url.Parse(site)
		if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != site || u.User != nil || site != strings.ToLower(site) ||
			u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			return fmt.Errorf("sso %q must be an https origin in lower case, such as https://accounts.example.com", site)
		}
		if slices.Contains(sites[:i], site) {
			return fmt.Errorf("sso %s is given twice", site)
		}
	}
	return nil
}

func (c *Config) checkPersonSSO() error {
	if c.PersonKnown && len(c.SSO) > 0 {
		return errors.New("sso cannot go with primary identity: who somebody is, is established for each site; take one of the two away")
	}
	return nil
}

// askSignInSite sends a navigation without a session to the sign-in site. It answers where this is one of the other sites.
func (x *exchange) askSignInSite(back string) bool {
	if x.session != nil || x.r.Method != http.MethodGet || slices.Index(x.cfg.SSO, x.audience()) < 1 {
		return false
	}
	if len(back) > maxHandOverBack {
		back = "/"
	}
	x.ensureSignIn()
	raw, err := json.Marshal(handOverRequest{Site: x.audience(), Policy: x.policyDigest(), Browser: x.signIn, Back: back})
	if err != nil {
		x.failed(err)
		return true
	}
	token, err := x.codec.SealToken(x.r.Context(), handOverPurpose, raw)
	if err != nil {
		x.failed(err)
		return true
	}
	x.goTo(x.cfg.SSO[0] + x.cfg.Prefix + handOverRoute + "?for=" + token)
	return true
}

// handOver, at the sign-in site, gives the person's session a code for the site that asks, after a sign-in if need be.
func (x *exchange) handOver() {
	if !x.facts.Secure && !loopback(x.site) {
		x.problem(http.StatusForbidden, ui.ProblemInsecure, form{})
		return
	}
	if slices.Index(x.cfg.SSO, x.audience()) != 0 {
		x.problem(http.StatusNotFound, ui.ProblemNotFound, form{})
		return
	}
	var request handOverRequest
	raw, err := x.codec.OpenToken(x.r.Context(), handOverPurpose, handOverAge, x.facts.URL.Query().Get("for"))
	if err != nil && !errors.Is(err, session.ErrInvalid) {
		x.failed(err)
		return
	}
	if err != nil || json.Unmarshal(raw, &request) != nil {
		x.problem(http.StatusForbidden, ui.ProblemStale, form{})
		return
	}
	if slices.Index(x.cfg.SSO, request.Site) < 1 || request.Policy != x.policyDigest() {
		x.log.ErrorContext(x.r.Context(), "a site asks for a session that is not among those of sso here, or has another org, client id or engine, or asks okta for something else (scopes, user_groups, groups, claims); give both sites the same settings",
			slog.String("site", request.Site))
		x.problem(http.StatusForbidden, ui.ProblemMisconfigured, form{})
		return
	}
	s, ok := x.current()
	switch {
	case !ok:
	case s == nil || !x.slide(s, time.Now()):
		x.signInPage()
	default:
		x.sendOver(s, request)
	}
}

func (x *exchange) sendOver(s *session.Opened, request handOverRequest) {
	ctx := x.r.Context()
	if wait, err := x.cfg.State.budget.Take(ctx, "handover/"+s.Handle, handOvers, handOversIn); err != nil || wait > 0 {
		x.problem(http.StatusServiceUnavailable, ui.ProblemBusy, form{})
		return
	}
	family, err := x.familyOf(s)
	if err != nil {
		x.failed(err)
		return
	}
	doc, err := json.Marshal(handedOver{handOverRequest: request, Identity: s.Identity, IssuedAt: s.IssuedAt, ExpiresAt: s.ExpiresAt, Family: family})
	if err != nil {
		x.failed(err)
		return
	}
	code := newID()
	if err := x.cfg.State.documents.Put(ctx, store.Handovers, digest(code), doc, codeLife); err != nil {
		x.failed(err)
		return
	}
	x.goTo(request.Site + x.cfg.Prefix + takeOverRoute + "?code=" + code)
}

// familyOf is the family of a session, which one that began before there were other sites gets now: the same one in two tabs that
// ask at once.
func (x *exchange) familyOf(s *session.Opened) (session.ID, error) {
	if s.Kin != "" {
		return s.Family, nil
	}
	ctx, state := x.r.Context(), x.cfg.State
	claims := s.Claims
	claims.Family, claims.SeenAt, claims.Elsewhere = s.ID.Family(), time.Now(), session.Digest{}
	kin := claims.Family.Handle()
	cookie, bulk, err := x.seal(&claims)
	if err != nil {
		return session.ID{}, err
	}
	// The session may be asked about right now, by the renewal that the family is to be rechecked by.
	if _, err := state.current().Budget.Take(ctx, recheckKey(kin), 1, recheckTurn); err != nil {
		return session.ID{}, fmt.Errorf("taking the turn at a family: %w", err)
	}
	err = state.amend(ctx, &storedSession{SessionInfo: x.info(&claims)}, func(doc *storedSession) error {
		if doc.Bulk = bulk; doc.Kin != "" { // another tab was quicker
			return nil
		}
		family := familyDocument(kin, doc.Expires)
		family.standing, doc.standing, doc.Kin = doc.standing, standing{}, kin
		return state.keep(ctx, family)
	})
	if err != nil {
		return session.ID{}, err
	}
	x.setCookie(x.cookies.session, cookie, 0)
	return claims.Family, nil
}

// takeOver, at the site that asked, makes a session of the code.
func (x *exchange) takeOver() {
	current, ok := x.current()
	if !ok {
		return
	}
	if !x.facts.Secure && !loopback(x.site) {
		x.problem(http.StatusForbidden, ui.ProblemInsecure, form{})
		return
	}
	raw, err := x.cfg.State.documents.Take(x.r.Context(), store.Handovers, digest(x.facts.URL.Query().Get("code")))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		x.failed(err)
		return
	}
	var doc handedOver
	if err == nil {
		err = json.Unmarshal(raw, &doc)
	}
	mine := err == nil && slices.Index(x.cfg.SSO, doc.Site) > 0 && doc.Site == x.audience() && doc.Policy == x.policyDigest() &&
		x.signIn != "" && subtle.ConstantTimeCompare([]byte(doc.Browser), []byte(x.signIn)) == 1 && safeReturn(doc.Back)
	switch {
	case current != nil && mine: // another tab was quicker
		x.seeOther(doc.Back)
	case current != nil:
		x.seeOther("/")
	case !mine:
		x.problem(http.StatusForbidden, ui.ProblemStale, form{})
	default:
		x.admit(&doc)
	}
}

// admit makes a session with an id of its own (immunity S46) and the times and proofs of the one that was handed over. Where
// that would be no good here, because sessions live shorter, people sign in.
func (x *exchange) admit(doc *handedOver) {
	now := time.Now()
	claims := session.Claims{ID: session.NewID(), Identity: doc.Identity, IssuedAt: doc.IssuedAt, SeenAt: now, ExpiresAt: doc.ExpiresAt, Family: doc.Family}
	opened := &session.Opened{Claims: claims, Handle: claims.ID.Handle(), Kin: claims.Family.Handle()}
	demand := decision.Demand{Idle: x.cfg.IdleTimeout, Lifetime: x.cfg.Lifetime}
	if !decision.Decide(opened, now, demand, x.cfg.State.revocations.Revoked(x.cfg.Org, opened)).Live() {
		x.firstPage(doc.Back, "")
		return
	}
	cookie, bulk, err := x.seal(&claims)
	if err == nil {
		err = x.register(&claims, bulk, standing{})
	}
	if err != nil {
		x.failed(err)
		return
	}
	x.log.InfoContext(x.r.Context(), "signed in at another site", slog.String("user", claims.Identity.Login), slog.String("subject", claims.Identity.Subject),
		slog.String("session", opened.Handle), slog.String("client_ip", x.facts.ClientIP))
	x.setCookie(x.cookies.session, cookie, 0)
	x.setCookie(x.cookies.signIn, "", -1)
	x.seeOther(doc.Back)
}

// policyDigest names the policy in what a browser carries.
func (x *exchange) policyDigest() string { return digest(x.policy)[:32] }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// goTo sends the browser to another site of Config.SSO.
func (x *exchange) goTo(address string) {
	h := x.w.Header()
	ui.SecurityHeaders(h)
	h.Set("Location", address)
	h.Set("Content-Length", "0")
	x.w.WriteHeader(http.StatusSeeOther)
}
