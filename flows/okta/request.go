package okta

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"sidegate.example/sidegate/flows"
)

// Request is one call.
type Request struct {
	// Method defaults to POST.
	Method string
	// URL is an absolute href on the org's own origin or a path with its query; see Client.Local.
	URL string
	// Accept and ContentType are media types. Accept defaults to application/json.
	Accept, ContentType string
	// Authorization is the whole header value; "" sends none. Secret.
	Authorization string
	// DPoP is the proof that belongs to Authorization (RFC 9449); "" sends none. Good for one call.
	DPoP string
	// Body is sent with its length, never chunked: Okta asks for that. Secret.
	Body []byte
	// Poll marks a call that nobody pressed a button for: it gives way when the rate limit
	// runs low.
	Poll bool
	// Begin marks the first call of a sign-in of somebody who has proved nothing yet: of these no more are made than leave
	// a quarter of the rate limit to those who are further, so that nobody keeps them out by beginning again and again.
	Begin bool
	// Into, if set, is emptied and takes the answer, so that who makes many calls can use its memory again. The
	// Response's Body then is a part of it.
	Into *bytes.Buffer
}

func (r *Request) urgency() urgency {
	switch {
	case r.Poll:
		return polled
	case r.Begin:
		return begun
	}
	return pressed
}

// Response is what Okta answered with a status of 2xx or 4xx, except 429.
type Response struct {
	// Endpoint is the closed-set name of what was called.
	Endpoint string
	Status   int
	// Body has at most 1 MiB. It is good until Request.Into, where that was given, is used again. Secret.
	Body []byte
	// RequestID is Okta's X-Okta-Request-Id, which finds the call in the org's System Log; "" when there is none.
	RequestID string
	// Date is Okta's own clock, by which its times are to be read; zero when it did not say.
	Date time.Time
	// DPoPNonce is what the next proof has to hold; "" when Okta asks for none.
	DPoPNonce string
}

// newResponse takes over what of the header means something to a caller.
func newResponse(endpoint string, res *http.Response, body []byte) *Response {
	r := &Response{
		Endpoint: endpoint, Status: res.StatusCode, Body: body,
		RequestID: token(res.Header.Get("X-Okta-Request-Id")), DPoPNonce: res.Header.Get("DPoP-Nonce"),
	}
	if at, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		r.Date = at
	}
	return r
}

// Do makes one call on behalf of the browser cc. Every error is a *flows.Error: ReasonMalformed for a URL off
// the org's origin (nothing is sent), a redirect and an oversized body; ReasonRateLimited with
// RetryAfter for a 429 and for a call that Okta's headers said would be one; ReasonUnavailable for
// 5xx and for no answer; ReasonMisconfigured, wrapping flows.ErrNoClientContext, for the zero cc.
func (c *Client) Do(ctx context.Context, cc flows.ClientContext, r Request) (*Response, error) {
	if !cc.Valid() {
		return nil, &flows.Error{Reason: flows.ReasonMisconfigured, Err: flows.ErrNoClientContext}
	}
	local, err := c.local(r.URL)
	if err != nil {
		return nil, &flows.Error{Reason: flows.ReasonMalformed, Err: err}
	}
	return c.send(ctx, local.EscapedPath(), r.urgency(), r.Into, func(ctx context.Context) (*http.Request, error) {
		return c.request(ctx, cc, local, r)
	})
}

// send makes the call of form, which is one to path.
func (c *Client) send(ctx context.Context, path string, u urgency, into *bytes.Buffer, form func(context.Context) (*http.Request, error)) (*Response, error) {
	to := endpointOf(path)
	if err := c.limits.refuse(to, u, c.now()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := form(ctx)
	if err != nil {
		return nil, malformed(to.name, "the call cannot be formed")
	}
	began := time.Now()
	res, err := c.http.RoundTrip(req)
	if err != nil {
		c.observe(to.name, 0, time.Since(began))
		return nil, unavailable(to.name, err)
	}
	defer res.Body.Close()
	body, err := read(res.Body, into)
	c.observe(to.name, res.StatusCode, time.Since(began))
	c.limits.learn(to, res.Header, c.now())
	return c.judge(to.name, res, body, err)
}

// read takes an answer up to its bound and one byte more, which tells that it is over.
func read(from io.Reader, into *bytes.Buffer) ([]byte, error) {
	if into == nil {
		into = new(bytes.Buffer)
	}
	into.Reset()
	_, err := into.ReadFrom(io.LimitReader(from, maxBody+1))
	return into.Bytes(), err
}

// request builds the call. Setting a header replaces: there is exactly one value of each. The host is that of the
// origin, whatever local says.
func (c *Client) request(ctx context.Context, cc flows.ClientContext, local *url.URL, r Request) (*http.Request, error) {
	method := r.Method
	if method == "" {
		method = http.MethodPost
	}
	var body io.Reader = http.NoBody
	if len(r.Body) > 0 {
		body = bytes.NewReader(r.Body) // of this type, so that net/http knows the length
	}
	req, err := http.NewRequestWithContext(ctx, method, c.origin.String(), body)
	if err != nil {
		return nil, err
	}
	req.URL.Path, req.URL.RawPath, req.URL.RawQuery = local.Path, local.RawPath, local.RawQuery
	values := make([]string, 0, 9) // of all headers, one object instead of nine: thousands wait, and are polled for
	set := func(name, value string) {
		if n := len(values); value != "" {
			values = append(values, value)
			req.Header[http.CanonicalHeaderKey(name)] = values[n : n+1 : n+1]
		}
	}
	set("Accept", r.Accept)
	if r.Accept == "" {
		set("Accept", "application/json")
	}
	set("Content-Type", r.ContentType)
	set("Authorization", r.Authorization)
	set("DPoP", r.DPoP)
	setContext(set, cc)
	return req, nil
}

// setContext is the one place where the browser's context goes onto a call (identity-engine.md §9). The
// extended agent is the browser's too, as Okta's own server-side SDKs send it.
func setContext(set func(name, value string), cc flows.ClientContext) {
	set("X-Forwarded-For", cc.Addr().String())
	set("User-Agent", cc.UserAgent())
	set("X-Okta-User-Agent-Extended", cc.UserAgent())
	set("Accept-Language", cc.AcceptLanguage())
	set("X-Device-Token", cc.DeviceToken())
}

// judge sorts what is an answer from what is none.
func (c *Client) judge(endpoint string, res *http.Response, body []byte, readErr error) (*Response, error) {
	answer := newResponse(endpoint, res, body)
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		// Whatever the body says, and even if it broke off.
		e := answer.Refuse(flows.ReasonRateLimited)
		e.RetryAfter = retryAfter(res.Header, c.now())
		return nil, e
	case readErr != nil:
		return nil, unavailable(endpoint, readErr)
	case len(body) > maxBody:
		return nil, malformed(endpoint, "the answer is larger than 1 MiB")
	case res.StatusCode >= 500:
		return nil, answer.Refuse(flows.ReasonUnavailable)
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return nil, malformed(endpoint, "the answer is a redirect, which is not followed")
	}
	return answer, nil
}

func malformed(endpoint, what string) *flows.Error {
	return &flows.Error{Reason: flows.ReasonMalformed, Err: fmt.Errorf("%s: %s", endpoint, what)}
}

// unavailable keeps the cause, which says nothing of the URL: its query may hold a token.
func unavailable(endpoint string, err error) *flows.Error {
	return &flows.Error{Reason: flows.ReasonUnavailable, Err: fmt.Errorf("%s: %w", endpoint, err)}
}
