package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/ui"
)

const (
	// revocationRoute is where Okta's Universal Logout posts to (draft-parecki-oauth-global-token-revocation), logoutRoute
	// where an OpenID Connect Back-Channel Logout does. Who posts is Okta's server: there is no person, cookie or form.
	revocationRoute = "/global-token-revocation"
	logoutRoute     = "/backchannel-logout"

	// maxLogout bounds the body of both, and with formRead the time that it may take.
	maxLogout = 64 << 10
	// logoutTimeout bounds the fetch of keys and the telling of the store.
	logoutTimeout = 10 * time.Second
	// tokenMemory is how long a token is remembered that was used: longer than it is good for.
	tokenMemory = 15 * time.Minute
	// maxSubject bounds a subject or address: an e-mail address has up to 254 characters.
	maxSubject = 320
)

var (
	errUsedToken  = errors.New("the token was used before")
	errNotSubject = errors.New("the body is not one subject in the format iss_sub or email")
	errNobody     = errors.New("no session of that person is known")
)

// globalTokenRevocation ends every session of the person that Okta names. A store that was not told is an error's status, so
// that Okta tries again.
func (x *exchange) globalTokenRevocation() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), logoutTimeout)
	defer cancel()
	audience := origin(x.r, x.facts) + x.cfg.Prefix + revocationRoute
	token, err := x.verifyRevocation(ctx, audience)
	if err != nil {
		x.refuseLogout(err, slog.String("audience", audience))
		return
	}
	body, err := x.readLogout()
	if err != nil {
		x.document(http.StatusBadRequest, "The body could not be read.")
		return
	}
	id, err := readSubject(body)
	if err != nil {
		x.document(http.StatusBadRequest, "The body must be JSON with one sub_id in the format iss_sub or email.")
		return
	}
	err = x.once(ctx, token, func() error {
		subjects, err := x.subjectsOf(ctx, id, token.Issuer)
		if err != nil {
			return err
		}
		return x.endAllOf(ctx, "universal logout", subjects)
	})
	switch {
	case errors.Is(err, errNobody):
		x.log.WarnContext(ctx, "okta ended sessions of somebody who has none", slog.String("format", id.format), slog.String("client_ip", x.facts.ClientIP))
		x.document(http.StatusNotFound, "No session of that person is known.")
	case err != nil:
		x.refuseLogout(err)
	default:
		x.emptyAnswer(http.StatusNoContent)
	}
}

// backChannelLogout is the same for a token that names the person itself. The specification knows status 200 and 400 alone
// (OpenID Connect Back-Channel Logout 1.0 §2.8).
func (x *exchange) backChannelLogout() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), logoutTimeout)
	defer cancel()
	if problem := x.parse(); problem != "" || len(x.r.PostForm["logout_token"]) != 1 {
		x.document(http.StatusBadRequest, "The body must be a form with one logout_token.")
		return
	}
	client, err := x.client()
	var token flows.LogoutToken
	if err == nil {
		token, err = x.cfg.Logouts.VerifyLogout(ctx, client, x.r.PostForm.Get("logout_token"))
	}
	if err == nil {
		err = x.once(ctx, token, func() error { return x.endAllOf(ctx, "back-channel logout", []string{token.Subject}) })
	}
	if err != nil {
		x.log.WarnContext(ctx, "logout refused", slog.Any("error", err), slog.String("client_ip", x.facts.ClientIP))
		x.document(http.StatusBadRequest, "The logout token was not accepted, or the logout failed.")
		return
	}
	x.emptyAnswer(http.StatusOK)
}

// verifyRevocation checks the one bearer token of the request.
func (x *exchange) verifyRevocation(ctx context.Context, audience string) (flows.LogoutToken, error) {
	given := x.r.Header.Values("Authorization")
	if len(given) != 1 {
		return flows.LogoutToken{}, &flows.Error{Reason: flows.ReasonBadAnswer, Err: errors.New("there is not one Authorization")}
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return flows.LogoutToken{}, &flows.Error{Reason: flows.ReasonBadAnswer, Err: errors.New("the Authorization is no bearer token")}
	}
	client, err := x.client()
	if err != nil {
		return flows.LogoutToken{}, err
	}
	return x.cfg.Logouts.VerifyRevocation(ctx, client, strings.TrimSpace(token), audience)
}

// refuseLogout answers for a token that is not good, or while nobody can tell.
func (x *exchange) refuseLogout(err error, more ...any) {
	x.log.WarnContext(x.r.Context(), "logout refused", append(more, slog.Any("error", err), slog.String("client_ip", x.facts.ClientIP))...)
	fe := new(flows.Error)
	if errors.Is(err, errUsedToken) || errors.As(err, &fe) && fe.Reason == flows.ReasonBadAnswer {
		x.w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		x.document(http.StatusUnauthorized, "The token is not one of the org's for this address, or was used before.")
		return
	}
	x.w.Header().Set("Retry-After", "5")
	x.document(http.StatusServiceUnavailable, "The sessions have not ended everywhere. Try again in a few seconds.")
}

func (x *exchange) readLogout() ([]byte, error) {
	rc := http.NewResponseController(x.w)
	if rc.SetReadDeadline(time.Now().Add(formRead)) == nil { // a server that cannot keeps its own; Caddy can
		defer rc.SetReadDeadline(time.Time{}) //nolint:errcheck // as above
	}
	return io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxLogout))
}

// once does what a token is for, unless that was done before: a token that somebody caught must not sign people out later.
// What failed, or whose end nobody could note, can be tried again with the same token. Two at once may both do it, which is the same.
func (x *exchange) once(ctx context.Context, token flows.LogoutToken, do func() error) error {
	sum := sha256.Sum256([]byte(token.Issuer + "\x00" + token.ID))
	key, budget := "logout/"+hex.EncodeToString(sum[:]), x.cfg.State.current().Budget
	wait, err := budget.Wait(ctx, key, 1, tokenMemory)
	switch {
	case err != nil:
		return fmt.Errorf("looking for a token: %w", err)
	case wait > 0:
		return errUsedToken
	}
	done := do()
	if done != nil && !errors.Is(done, errNobody) {
		return done
	}
	if _, err := budget.Take(ctx, key, 1, tokenMemory); err != nil {
		return fmt.Errorf("remembering a token: %w", err)
	}
	return done
}

func (x *exchange) emptyAnswer(status int) {
	ui.SecurityHeaders(x.w.Header())
	x.w.WriteHeader(status)
}

// subjectsOf are the subjects that Okta means. Who is named by subject need have no session that is known; an e-mail address
// or login is looked up in the sessions.
func (x *exchange) subjectsOf(ctx context.Context, id subjectID, issuer string) ([]string, error) {
	if id.format == formatIssSub {
		if id.iss != issuer {
			return nil, errNobody // a subject of another org can have the same name
		}
		return []string{id.sub}, nil
	}
	who := identity.Fold(id.email)
	found, err := x.cfg.State.Sessions(ctx, func(i *SessionInfo) bool {
		return i.Org == x.cfg.Org && (identity.Fold(i.Email) == who || identity.Fold(i.Login) == who)
	})
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	var subjects []string
	for _, i := range found {
		if !known[i.Subject] {
			known[i.Subject], subjects = true, append(subjects, i.Subject)
		}
	}
	if len(subjects) == 0 {
		return nil, errNobody
	}
	return subjects, nil
}

// endAllOf ends all sessions of people by now. An error means that other replicas may not know yet.
func (x *exchange) endAllOf(ctx context.Context, why string, subjects []string) error {
	var failed error
	for _, subject := range subjects {
		err := x.cfg.State.Revoke(ctx, allOf(x.cfg.Org, subject))
		x.log.InfoContext(ctx, "all sessions ended by okta", slog.String("by", why), slog.String("subject", subject),
			slog.Bool("everywhere", err == nil), slog.String("client_ip", x.facts.ClientIP))
		failed = errors.Join(failed, err)
	}
	return failed
}

// The formats of a subject (RFC 9493) that Okta sends.
const (
	formatIssSub = "iss_sub"
	formatEmail  = "email"
)

// subjectID is whom a request is about: iss and sub, or email.
type subjectID struct{ format, iss, sub, email string }

// readSubject reads the body of a revocation. Earlier drafts call sub_id "subject".
func readSubject(body []byte) (subjectID, error) {
	top, err := members(body)
	if err != nil {
		return subjectID{}, err
	}
	raw, ok := top["sub_id"]
	if old, also := top["subject"]; also {
		if ok {
			return subjectID{}, errNotSubject
		}
		raw = old
	}
	given, err := members(raw)
	if err != nil {
		return subjectID{}, err
	}
	var id subjectID
	for name, to := range map[string]*string{"format": &id.format, "iss": &id.iss, "sub": &id.sub, "email": &id.email} {
		if raw, ok := given[name]; ok && json.Unmarshal(raw, to) != nil || len(*to) > maxSubject {
			return subjectID{}, errNotSubject
		}
	}
	switch {
	case id.format == formatIssSub && id.iss != "" && id.sub != "" && id.email == "",
		id.format == formatEmail && identity.Fold(id.email) != "" && id.iss == "" && id.sub == "":
		return id, nil
	}
	return subjectID{}, errNotSubject
}

// members reads one JSON object, in which no name comes twice: two readers could see two people in it.
func members(b []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errNotSubject
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errNotSubject
		}
		key, _ := name.(string) // in an object, a name is a text
		var v json.RawMessage
		if _, twice := out[key]; twice || d.Decode(&v) != nil {
			return nil, errNotSubject
		}
		out[key] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, errNotSubject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotSubject
	}
	return out, nil
}
