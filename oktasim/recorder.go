package oktasim

import (
	"net/http"
	"sync"
	"time"
)

// maxRequests bounds what the recorder holds; older requests are forgotten.
const maxRequests = 10_000

// Request is one request to Okta's URLs, as received. Body is raw and may hold secrets.
type Request struct {
	Time   time.Time   `json:"time"`
	Method string      `json:"method"`
	Path   string      `json:"path"`
	Query  string      `json:"query,omitempty"`
	Peer   string      `json:"peer"`
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
	// Status is 0 while the answer is not out.
	Status int `json:"status"`
}

// recorder is a ring of the latest requests.
type recorder struct {
	mu   sync.Mutex
	ring []*Request
	next int
}

// begin records x; nil when recording is off.
func (r *recorder) begin(x *exchange) *Request {
	if x.cfg.NoRecord {
		return nil
	}
	req := &Request{
		Time: x.now, Method: x.r.Method, Path: x.r.URL.Path, Query: x.r.URL.RawQuery, Peer: x.r.RemoteAddr,
		Header: x.r.Header.Clone(), Body: string(x.body),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ring) < maxRequests {
		r.ring = append(r.ring, req)
		return req
	}
	r.ring[r.next] = req
	r.next = (r.next + 1) % maxRequests
	return req
}

func (r *recorder) end(req *Request, status int) {
	if req == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	req.Status = status
}

// Requests returns the latest 10,000 requests to Okta's URLs in the order they came; those to the phone
// page and the control port are not recorded.
func (o *Org) Requests() []Request {
	r := &o.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Request, 0, len(r.ring))
	for i := range r.ring {
		out = append(out, *r.ring[(r.next+i)%len(r.ring)])
	}
	return out
}
