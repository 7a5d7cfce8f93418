package identityengine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
)

const (
	introspectPath = "/idp/idx/introspect"
	acceptIon      = "application/ion+json; okta-version=1.0.0"
	// tooManyWait is the wait when a body speaks of the rate limit and no header says for how long.
	tooManyWait = time.Minute
	// maxPooled is above the largest recorded document, which has 19 KB.
	maxPooled = 64 << 10
)

// introspect fetches the current document of a transaction, by the interaction handle or by the state handle. Its body has
// another type than all later ones (§2).
func (a *attempt) introspect(ctx context.Context, by map[string]any) (*document, error) {
	return a.call(ctx, okta.Request{
		URL: introspectPath, Accept: acceptIon, ContentType: acceptIon,
		Body: mustJSON(by),
	})
}

// post makes the call m with body, which may be m's own; the state handle is always added.
func (a *attempt) post(ctx context.Context, m *move, body map[string]any) (*document, error) {
	return a.call(ctx, a.request(m.Path, mustJSON(a.state.sent(m, body))))
}

// sent is what goes out for m.
func (s *state) sent(m *move, body map[string]any) map[string]any {
	whole := map[string]any{}
	maps.Copy(whole, body)
	whole[stateHandle] = m.Handle
	if m.Handle == "" {
		whole[stateHandle] = s.Handle
	}
	return whole
}

func (a *attempt) request(path string, body []byte) okta.Request {
	return okta.Request{URL: path, Accept: acceptIon, ContentType: "application/json", Body: body, Poll: a.polling}
}

// call reads whatever comes back by its content: the status does not say whether it is a form, a refusal or an
// end (§8.3).
func (a *attempt) call(ctx context.Context, r okta.Request) (*document, error) {
	r.Into = answers.Get().(*bytes.Buffer)
	defer giveBack(r.Into)
	res, err := a.engine.client.Do(ctx, a.cc, r)
	if err != nil {
		return nil, err
	}
	seen := fingerprint(res.Body)
	if seen == a.known && res.Status == http.StatusOK {
		return unchanged, nil
	}
	doc, ok := readDocument(res.Body)
	if !ok {
		return a.foreign(res)
	}
	doc.print = seen
	switch means := meaningOf(doc.messages); {
	case len(doc.forms) > 0 || doc.interactionCode != "" || doc.redirected:
	case means == meansRateLimited:
		return nil, rateLimited(res)
	case means == meansUnavailable, means == meansDegraded && !a.polling:
		return nil, res.Refuse(flows.ReasonUnavailable)
	case means == meansNothing && a.polling && res.Status >= 400:
		return nil, missed(res)
	}
	return doc, nil
}

// answers are buffers for the bodies of Okta. What is decoded from a body shares no memory with it.
var answers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// giveBack leaves unusually large buffers to the collector.
func giveBack(b *bytes.Buffer) {
	if b.Cap() <= maxPooled {
		answers.Put(b)
	}
}

// foreign sorts an answer that is no IDX document.
func (a *attempt) foreign(res *okta.Response) (*document, error) {
	switch code := res.Code(); {
	case code == "E0000047":
		return nil, rateLimited(res)
	case code == "E0000009", code == "E0000010":
		return nil, res.Refuse(flows.ReasonUnavailable)
	case otherVersion(res.Body):
		return nil, malformed("%s: the org answers in another version of IDX than 1", res.Endpoint)
	case a.polling && res.Status >= 400:
		return nil, missed(res)
	case a.polling:
		return nil, res.Refuse(flows.ReasonUnavailable)
	case res.Status == http.StatusForbidden:
		// A network policy, of Okta's or of something before it: for the person it is one refusal.
		a.cause = forbidden(res)
		return &document{messages: []flows.Message{{Key: keyForbidden, Error: true}}}, nil
	}
	return nil, res.Refuse(flows.ReasonMalformed)
}

// errMissed marks the refusal of a poll that says nothing that we know.
var errMissed = errors.New("the poll is refused without a known reason")

func missed(res *okta.Response) *flows.Error {
	e := res.Refuse(flows.ReasonUnavailable)
	e.Err = fmt.Errorf("%w: %w", errMissed, e.Err)
	return e
}

// keyForbidden is Okta's key for the same refusal inside IDX.
const keyForbidden = "security.access_denied"

func rateLimited(res *okta.Response) *flows.Error {
	e := res.Refuse(flows.ReasonRateLimited)
	e.RetryAfter = tooManyWait
	return e
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, booleans and what JSON gave always encode
	}
	return b
}

func malformed(what string, args ...any) *flows.Error {
	return &flows.Error{Reason: flows.ReasonMalformed, Err: fmt.Errorf(what, args...)}
}

func misconfigured(what string) *flows.Error {
	return &flows.Error{Reason: flows.ReasonMisconfigured, Err: errors.New(what)}
}
