package gateway

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/decision"
	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/transaction"
	"sidegate.example/sidegate/ui"
)

// page draws p with what every page of this exchange has in common.
func (x *exchange) page(status int, p ui.Page) {
	ui.SecurityHeaders(x.w.Header())
	p.Lang = x.r.Header.Get("Accept-Language")
	p.Agent = orDefault(p.Agent, x.r.UserAgent())
	p.PhoneShowsGateway = x.cfg.PushShowsGateway
	p.Title = orDefault(x.cfg.Title, x.site)
	p.Address = orDefault(p.Address, x.address())
	p.Return = orDefault(p.Return, "/")
	p.Host = x.site
	x.pages.Write(x.w, status, p)
}

// address is the browser's address as Okta will be told, for the page.
func (x *exchange) address() string {
	if c, err := x.client(); err == nil {
		return c.Addr().String()
	}
	return x.facts.ClientIP
}

// problem answers with an error page that leads back to where the form came from.
func (x *exchange) problem(status int, p ui.Problem, f form) {
	x.log.InfoContext(x.r.Context(), "refused", slog.String("problem", string(p)), slog.Int("status", status), slog.String("client_ip", x.facts.ClientIP))
	x.page(status, ui.Page{View: ui.ViewError, Problem: p, Return: f.back})
}

// unauthorized is the WWW-Authenticate of every 401, which RFC 9110 §11.6.1 demands. No browser has a dialog
// for this scheme.
const unauthorized = "okta_mfa"

// problemDocument is an RFC 9457 problem, for clients that are not a person's navigation.
type problemDocument struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Reason, Require and MaxAge, in seconds, say to a program what a step-up has to prove.
	Reason  decision.Why   `json:"reason,omitempty"`
	Require decision.Class `json:"require,omitempty"`
	MaxAge  int            `json:"max_age,omitempty"`
}

func (x *exchange) document(status int, detail string) {
	x.explain(problemDocument{Status: status, Detail: detail})
}

func (x *exchange) explain(d problemDocument) {
	status := d.Status
	d.Type, d.Title = "about:blank", http.StatusText(status)
	body, err := json.Marshal(d)
	if err != nil {
		body = nil // cannot happen: strings and a number
	}
	x.body(status, "application/problem+json", body)
}

// tell answers a program's question.
func (x *exchange) tell(d any) {
	body, err := json.Marshal(d)
	if err != nil {
		x.failed(err)
		return
	}
	x.body(http.StatusOK, "application/json", body)
}

func (x *exchange) body(status int, contentType string, body []byte) {
	h := x.w.Header()
	ui.SecurityHeaders(h)
	if status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", unauthorized)
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	x.w.Write(body) //nolint:errcheck // the client left, or sent HEAD, for which the server leaves the body out
}

// refuse answers a request that its session, if there is one, does not let in.
func (x *exchange) refuse(s *session.Opened, v decision.Verdict) {
	if v.Why == decision.WhyForbidden {
		x.forbid(s)
		return
	}
	if v.StepUp() {
		x.stepUp(s, v)
		return
	}
	x.challenge(v.Why)
}

// forbid answers who is signed in and may not enter: to sign in once more as the same person would change nothing.
func (x *exchange) forbid(s *session.Opened) {
	x.obs.Decision(DecisionForbidden)
	x.log.WarnContext(x.r.Context(), "forbidden by the rules", slog.String("user", s.Identity.Login), slog.String("subject", s.Identity.Subject),
		slog.String("session", s.ID.Handle()), slog.String("client_ip", x.facts.ClientIP))
	if !x.wantsPage() {
		x.document(http.StatusForbidden, "You are signed in, but this account may not use this. Ask whoever runs the site.")
		return
	}
	x.page(http.StatusForbidden, ui.Page{View: ui.ViewForbidden, User: orDefault(s.Identity.Name, s.Identity.Login)})
}

// challenge answers a request that has no session: the sign-in in place for a navigation, a problem document
// for everything else.
func (x *exchange) challenge(why decision.Why) {
	x.obs.Decision(DecisionChallenged)
	x.log.DebugContext(x.r.Context(), "challenged", slog.String("why", string(why)), slog.String("client_ip", x.facts.ClientIP))
	if !x.wantsPage() {
		x.document(http.StatusUnauthorized, "This site needs a sign-in with a second factor. Open it in a browser to sign in, then try again.")
		return
	}
	if !x.facts.Secure && !loopback(x.site) {
		x.problem(http.StatusForbidden, ui.ProblemInsecure, form{})
		return
	}
	if why == decision.WhyRevoked && x.raised() {
		return
	}
	x.signInPage()
}

// failed answers when the gate itself cannot work. It stays shut (invariant 7).
func (x *exchange) failed(err error) {
	x.obs.Decision(DecisionFailed)
	x.log.ErrorContext(x.r.Context(), "the gate cannot judge sessions and stays shut", slog.Any("error", err))
	x.w.Header().Set("Retry-After", "5")
	if !x.wantsPage() {
		x.document(http.StatusServiceUnavailable, "The sign-in gate is not ready. Try again in a few seconds.")
		return
	}
	x.page(http.StatusServiceUnavailable, ui.Page{View: ui.ViewError, Problem: ui.ProblemStarting, Return: returnPath(x.facts.URL)})
}

// paused answers while the store that replicas share is out of reach. Who is signed in notices nothing.
func (x *exchange) paused(err error, back string) {
	x.storeAway.Do(func() {
		x.log.ErrorContext(x.r.Context(), "no sign-in is possible: the shared store is out of reach", slog.Any("error", err))
	})
	x.w.Header().Set("Retry-After", "5")
	if !x.wantsPage() && x.r.Method != http.MethodPost {
		x.document(http.StatusServiceUnavailable, "Sign-in is not possible right now. Try again in a few seconds.")
		return
	}
	x.page(http.StatusServiceUnavailable, ui.Page{View: ui.ViewError, Problem: ui.ProblemPaused, Return: back})
}

// flowFailed answers when Okta gave no usable answer to what a person did.
func (x *exchange) flowFailed(err error, f form) {
	if errors.Is(err, transaction.ErrUnavailable) {
		x.paused(err, f.back)
		return
	}
	var fe *flows.Error
	if !errors.As(err, &fe) {
		fe = &flows.Error{Reason: flows.ReasonUnavailable, Err: err}
	}
	level := slog.LevelWarn
	if fe.Reason == flows.ReasonMisconfigured || fe.Reason == flows.ReasonMalformed {
		level = slog.LevelError
	}
	x.log.Log(x.r.Context(), level, "no answer from okta", slog.String("reason", string(fe.Reason)), slog.Any("error", err), slog.String("client_ip", x.facts.ClientIP))
	status, problem := http.StatusBadGateway, ui.ProblemMalformed
	switch fe.Reason {
	case flows.ReasonRateLimited:
		status, problem = http.StatusServiceUnavailable, ui.ProblemRateLimited
	case flows.ReasonUnavailable:
		status, problem = http.StatusServiceUnavailable, ui.ProblemUnavailable
	case flows.ReasonMisconfigured:
		status, problem = http.StatusInternalServerError, ui.ProblemMisconfigured
	case flows.ReasonBadAnswer:
		status, problem = http.StatusBadRequest, ui.ProblemBadRequest
	case flows.ReasonExpired:
		status, problem = http.StatusForbidden, ui.ProblemStale
	}
	if fe.RetryAfter > 0 {
		x.w.Header().Set("Retry-After", strconv.Itoa(int(fe.RetryAfter.Round(time.Second)/time.Second)))
	}
	x.page(status, ui.Page{View: ui.ViewError, Problem: problem, RetryAfter: fe.RetryAfter, Return: f.back})
}

// seeOther sends the browser to a path of this origin.
func (x *exchange) seeOther(path string) {
	if !safeReturn(path) {
		path = "/"
	}
	h := x.w.Header()
	ui.SecurityHeaders(h)
	h.Set("Location", path)
	h.Set("Content-Length", "0")
	x.w.WriteHeader(http.StatusSeeOther)
}
