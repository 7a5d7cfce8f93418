package oktasim

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault makes matching requests misbehave. Where the true answer plays a part (delay, truncate, oversize,
// foreign_href, hang, Mutate) the org's state moves on as if all were well: only the answer is spoilt. The
// other kinds keep the request from the state machine.
type Fault struct {
	// Path is a path suffix or a glob (path.Match) that the fault applies to, for example
	// "/idp/idx/authenticators/poll"; "" matches every URL of Okta's.
	Path string `json:"path"`
	// Times is how often; 0 means once, -1 until ClearFaults.
	Times int `json:"times"`
	// Kind is one of
	//
	//	delay         the true answer, after Delay
	//	status        Status with Body; Okta's own body for 429 and 5xx when Body is ""
	//	truncate      half of the true answer, then the connection ends
	//	oversize      the true answer with 16 MiB of padding in front
	//	foreign_href  the true answer with every href moved to another origin
	//	body          Body with Status (default 200)
	//	hang          no answer until the client leaves; the true one after ClearFaults
	//	redirect      Status (default 302) to Location, which is Body (default another origin)
	//	gzip_bomb     a small gzip body that unpacks to 64 MiB
	//
	// and may be "" when Mutate is set. Any kind waits for Delay first.
	Kind   string        `json:"kind"`
	Status int           `json:"status"`
	Delay  time.Duration `json:"delay"`
	Body   string        `json:"body"`
	// Header is added to the answer.
	Header http.Header `json:"header"`
	// Mutate rewrites the body of the true answer.
	Mutate func(body []byte) []byte `json:"-"`
}

// foreignOrigin is where spoilt links lead; the name is reserved (RFC 2606).
const foreignOrigin = "https://evil.example"

const (
	oversizePadding = 16 << 20
	bombSize        = 64 << 20
)

var (
	truthfulKinds = []string{"", "delay", "truncate", "oversize", "foreign_href", "hang"}
	otherKinds    = []string{"status", "body", "redirect", "gzip_bomb"}
)

func (f *Fault) validate() error {
	if !slices.Contains(truthfulKinds, f.Kind) && !slices.Contains(otherKinds, f.Kind) {
		return fmt.Errorf("oktasim: unknown kind of fault %q", f.Kind)
	}
	if f.Kind == "" && f.Mutate == nil {
		return fmt.Errorf("oktasim: a fault needs a kind")
	}
	if f.Kind == "status" && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("oktasim: a status fault needs a status, not %d", f.Status)
	}
	if _, err := path.Match(f.Path, ""); err != nil {
		return fmt.Errorf("oktasim: fault path %q: %w", f.Path, err)
	}
	return nil
}

func (f *Fault) wantsTruth() bool { return slices.Contains(truthfulKinds, f.Kind) }

func (f *Fault) matches(p string) bool {
	ok, _ := path.Match(f.Path, p) // validate has seen the pattern
	return ok || strings.HasSuffix(p, f.Path)
}

// faults is the list of those in force.
type faults struct {
	mu      sync.Mutex
	list    []*Fault
	cleared chan struct{} // closed by clear; releases what hangs
}

// armed is a fault on its way to one request.
type armed struct {
	Fault
	cleared <-chan struct{}
}

func (fs *faults) add(f Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	if fs.cleared == nil {
		fs.cleared = make(chan struct{})
	}
	fs.list = append(fs.list, &f)
}

func (fs *faults) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = nil
	if fs.cleared != nil {
		close(fs.cleared)
		fs.cleared = nil
	}
}

// take returns the first fault that matches and counts it.
func (fs *faults) take(p string) *armed {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.list {
		if !f.matches(p) {
			continue
		}
		a := &armed{Fault: *f, cleared: fs.cleared}
		if f.Times > 0 {
			f.Times--
		}
		if f.Times == 0 {
			fs.list = slices.Delete(fs.list, i, i+1)
		}
		return a
	}
	return nil
}

// Inject makes the next matching requests misbehave; faults are tried in the order injected. It panics
// on a Fault that cannot work (unknown Kind), because a test would pass for the wrong reason.
func (o *Org) Inject(f Fault) {
	if err := f.validate(); err != nil {
		panic(err)
	}
	o.faults.add(f)
}

// ClearFaults ends all faults and releases requests that hang.
func (o *Org) ClearFaults() { o.faults.clear() }

// spoil writes the faulty answer.
func (f *armed) spoil(w http.ResponseWriter, x *exchange) {
	if !f.wait(x) {
		x.status = 0
		return
	}
	if f.Mutate != nil {
		x.setBody(f.Mutate(bytes.Clone(x.out.Bytes())))
	}
	f.rewrite(x)
	for k, v := range f.Header {
		x.header[http.CanonicalHeaderKey(k)] = v
	}
	switch f.Kind {
	case "truncate":
		f.truncate(w, x)
	case "oversize":
		f.oversize(w, x)
	default:
		x.send(w)
	}
}

// wait sits out the delay or the hang; false when the client has left.
func (f *armed) wait(x *exchange) bool {
	if f.Kind == "hang" {
		select {
		case <-f.cleared:
			return true
		case <-x.r.Context().Done():
			return false
		}
	}
	if f.Delay <= 0 {
		return true
	}
	timer := time.NewTimer(f.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.r.Context().Done():
		return false
	}
}

// rewrite changes the prepared answer in place.
func (f *armed) rewrite(x *exchange) {
	switch f.Kind {
	case "status":
		f.statusBody(x)
	case "body":
		x.status = f.Status
		if x.status == 0 {
			x.status = http.StatusOK
		}
		x.header.Set("Content-Type", ionContentType)
		x.out.WriteString(f.Body)
	case "redirect":
		x.status = f.Status
		if x.status == 0 {
			x.status = http.StatusFound
		}
		location := f.Body
		if location == "" {
			location = foreignOrigin + x.r.URL.Path
		}
		x.header.Set("Location", location)
	case "foreign_href":
		x.setBody(bytes.ReplaceAll(x.out.Bytes(), []byte(`"href":"`+x.cfg.URL), []byte(`"href":"`+foreignOrigin)))
	case "gzip_bomb":
		x.header.Set("Content-Type", ionContentType)
		x.header.Set("Content-Encoding", "gzip")
		x.out.Write(gzipBomb())
	}
}

// statusBody fills in what Okta sends with that status.
func (f *armed) statusBody(x *exchange) {
	switch {
	case f.Body != "":
		x.header.Set("Content-Type", "application/json")
		x.out.WriteString(f.Body)
	case f.Status == http.StatusTooManyRequests:
		x.tooManyRequests()
		x.announceLimit(0, x.now.Add(time.Minute))
	case f.Status >= 500:
		x.json(f.Status, "application/json", map[string]string{"message": "internal server error"})
	}
	x.status = f.Status
}

// truncate promises the whole body and sends half of it, upon which net/http ends the connection.
func (*armed) truncate(w http.ResponseWriter, x *exchange) {
	body := x.out.Bytes()
	x.header.Set("Content-Length", strconv.Itoa(len(body)))
	x.out.Truncate(len(body) / 2)
	x.send(w)
}

// oversize sends a valid answer that is far too long: the padding is a member of the JSON object.
func (*armed) oversize(w http.ResponseWriter, x *exchange) {
	rest, isObject := bytes.CutPrefix(x.out.Bytes(), []byte("{"))
	if !isObject {
		rest = []byte("}")
	}
	copyHeader(w.Header(), x.header)
	w.WriteHeader(x.status)
	padding := io.LimitReader(endless{}, oversizePadding)
	_, _ = io.Copy(w, io.MultiReader(strings.NewReader(`{"padding":"`), padding, strings.NewReader(`",`), bytes.NewReader(rest)))
}

// paddingChunk is what padding is made of.
var paddingChunk = bytes.Repeat([]byte{'1'}, 1<<20)

// endless reads as the chunk again and again.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, paddingChunk), nil }

// gzipBomb is a JSON object with one long string. A gzip file may have many members (RFC 1952 §2.2), so one
// compressed chunk is repeated.
var gzipBomb = sync.OnceValue(func() []byte {
	bomb := gzipMember([]byte(`{"version":"`))
	chunk := gzipMember(paddingChunk)
	for range bombSize / len(paddingChunk) {
		bomb = append(bomb, chunk...)
	}
	return append(bomb, gzipMember([]byte(`"}`))...)
})

func gzipMember(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(data) // a buffer takes everything
	_ = z.Close()
	return b.Bytes()
}
