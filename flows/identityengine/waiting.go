package identityengine

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"sync"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// A State is JSON, but where a person waits for a phone and the last document is known. There are thousands of those, and
// each is read at every poll; so they begin with all that a poll without news needs, as it is sent and shown, and what
// else is in them is compressed. That takes 337 bytes instead of 808, and a thirtieth of the time to read; see waiting_test.go.
//
//	formWaiting, flags, interval in ms, then with their length in front: fingerprint, path and body of the poll, person,
//	device, factor, number; the rest is the JSON of the state without these, deflated
const (
	formWaiting = 2 // the first byte; JSON begins with another, and an older one of ours is refused

	mayResend   = 1 << 0 // flags: the page has a button to send it again,
	mayChoose   = 1 << 1 // and one for other factors
	knownFlags  = mayResend | mayChoose
	maxInflated = 64 << 10 // bytes of JSON, far more than a State has
)

// waiting is what a poll needs.
type waiting struct {
	state state // as far as the Step shows it
	path  string
	body  []byte // with the state handle in it
}

// settled reports whether s can be a waiting: it shows nothing else, and its poll takes no input.
func (s *state) settled() bool {
	return s.Want == wantPhone && s.Seen != "" && s.Misses == 0 && s.Main != nil && len(s.Main.Input) == 0 && s.Main.Inputs == nil &&
		!s.Enrolling && s.Skip == nil && s.Recover == nil && s.Setup == nil && s.Channels == nil && s.Every >= 0 && s.Every <= math.MaxInt32*time.Millisecond && s.Every%time.Millisecond == 0
}

// encodeWaiting is encode for what is settled.
func (s *state) encodeWaiting() flows.State {
	flags := byte(0)
	if s.Resend != nil {
		flags |= mayResend
	}
	if s.otherFactors() {
		flags |= mayChoose
	}
	b := make([]byte, 0, 512)
	b = binary.AppendUvarint(append(b, formWaiting, flags), uint64(s.Every/time.Millisecond))
	for _, part := range []string{s.Seen, s.Main.Path, string(mustJSON(s.sent(s.Main, s.Main.Body))), s.Person, s.Device, string(s.Pending), s.Number} {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	rest := *s
	rest.Seen, rest.Every, rest.Main, rest.Person, rest.Device, rest.Pending, rest.Number = "", 0, nil, "", "", "", ""
	if s.Main.Handle == "" || s.Main.Handle == s.Handle {
		rest.Handle = "" // it is in the body
	}
	return bytes.Clone(deflate(b, rest.marshal()))
}

// readWaiting reads what a poll needs, and what is deflated behind it; false for any other State.
func readWaiting(b flows.State) (w waiting, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != formWaiting || b[1]&^knownFlags != 0 {
		return w, nil, false
	}
	every, n := binary.Uvarint(b[2:])
	if n <= 0 || every > math.MaxInt32 {
		return w, nil, false
	}
	w.state = state{Version: stateVersion, Want: wantPhone, Every: time.Duration(every) * time.Millisecond}
	rest = b[2+n:]
	next := func() []byte {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			rest, ok = nil, false
			return nil
		}
		part := rest[n : n+int(size)]
		rest = rest[n+int(size):]
		return part
	}
	ok = true
	w.state.Seen, w.path, w.body = string(next()), string(next()), next()
	w.state.Person, w.state.Device = string(next()), string(next())
	w.state.Pending, w.state.Number = identity.Factor(next()), string(next())
	if b[1]&mayResend != 0 {
		w.state.Resend = &move{}
	}
	if b[1]&mayChoose != 0 {
		w.state.Factors = someFactor
	}
	return w, rest, ok && w.state.Seen != ""
}

// someFactor stands for factors of which only that there are some is known.
var someFactor = []factorChoice{{}}

// whole reads all of a waiting.
func (w *waiting) whole(deflated []byte) (*state, bool) {
	s := new(state)
	text, err := inflate(deflated)
	if err != nil || !unmarshal(text, s) {
		return nil, false
	}
	sent, err := parseJSON(w.body)
	if err != nil {
		return nil, false
	}
	body, _ := sent.object()
	handle := sent.get(stateHandle).text()
	delete(body, stateHandle)
	s.Main = &move{Path: w.path}
	if len(body) > 0 {
		s.Main.Body = body
	}
	if s.Handle == "" {
		s.Handle = handle
	} else if s.Handle != handle {
		s.Main.Handle = handle
	}
	known := &w.state
	s.Seen, s.Every, s.Person, s.Device, s.Pending, s.Number = known.Seen, known.Every, known.Person, known.Device, known.Pending, known.Number
	return s, true
}

// deflater is one for all, because each takes a megabyte: it is used once in a sign-in.
var deflater struct {
	sync.Mutex
	*flate.Writer
}

// usual is what nearly all States have in common.
var usual = []byte(`"s":"e":{"p":"/idp/idx/challenge/resend"},"b":{"authenticator":{"enrollmentId":"","id":"aut","methodType":"totp"}},"methodType":"signed_nonce"` +
	`{"V":2,"a":"wait","h":"02","v":"","n":"","p":[{"f":"password","t":17}],"e":{"p":"/idp/idx/challenge","b":{"authenticator":{"id":"aut","methodType":"push"}}},` +
	`"f":[{"i":"push","f":"push","l":"Get a push notification","m":{"p":"/idp/idx/challenge","b":{"authenticator":{"id":"aut","methodType":"push"}}}},` +
	`{"i":"totp","f":"totp","l":"Enter a code","m":{"p":"/idp/idx/challenge","b":{"authenticator":{"id":"aut","methodType":"totp"}}}}]}`)

// deflate appends text, compressed, to b.
func deflate(b, text []byte) []byte {
	out := bytes.NewBuffer(b)
	deflater.Lock()
	defer deflater.Unlock()
	if deflater.Writer == nil {
		deflater.Writer, _ = flate.NewWriterDict(out, flate.DefaultCompression, usual) // fails for unknown levels only
	} else {
		deflater.Reset(out)
	}
	_, _ = deflater.Write(text) // a Buffer takes everything
	_ = deflater.Close()
	return out.Bytes()
}

func inflate(b []byte) ([]byte, error) {
	return io.ReadAll(io.LimitReader(flate.NewReaderDict(bytes.NewReader(b), usual), maxInflated))
}

func (s *state) marshal() []byte {
	s.Version = stateVersion
	return mustJSON(s)
}

func unmarshal(b []byte, s *state) bool {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(s) == nil
}
