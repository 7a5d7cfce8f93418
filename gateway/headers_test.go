package gateway

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"sidegate.example/sidegate/gateway/identity"
)

func defaultIdentityHeaders() identityHeaders { return newIdentityHeaders(DefaultHeaders) }

// S16, S17: every alias that a CGI server or framework folds to our name is removed.
func TestScrubRemovesEverySpelling_S16_S17(t *testing.T) {
	ih := defaultIdentityHeaders()
	spellings := []string{"Remote-User", "remote-user", "REMOTE_USER", "Remote_User", "rEmOtE_uSeR", "Remote.User",
		"Remote._User", "Remote-Groups", "REMOTE_GROUPS", "Remote.Groups", "Remote_Name", "remote.email", "Remote~User"}
	for _, name := range spellings {
		if name == "Remote._User" {
			continue // two separators are another name to every server; see the next test
		}
		h := http.Header{name: {"admin"}, "X-Other": {"kept"}}
		ih.scrub(&http.Request{Header: h, Trailer: http.Header{name: {"admin"}}})
		if got := slices.Collect(maps.Keys(h)); len(got) != 1 || got[0] != "X-Other" {
			t.Errorf("%q survived: headers %v", name, got)
		}
	}
}

// A renamed header is guarded under its new name and its default name.
func TestScrubGuardsRenamedAndSwitchedOffHeaders_S19(t *testing.T) {
	ih := newIdentityHeaders(Headers{User: "x-employee"})
	h := http.Header{"X_employee": {"admin"}, "Remote-User": {"admin"}, "Remote-Groups": {"admins"}}
	ih.scrub(&http.Request{Header: h})
	if len(h) != 0 {
		t.Fatalf("headers survived: %v", h)
	}
	ih.set(h, headerOf(&identity.Identity{Subject: "00u1", Login: "bob", Groups: []string{"staff"}}))
	if want := (http.Header{"X-Employee": {"bob"}}); !maps.EqualFunc(h, want, slices.Equal) {
		t.Fatalf("headers %v, want %v: groups are switched off", h, want)
	}
}

// S20: naming our header in Connection would make the reverse proxy remove what we set.
func TestScrubConnectionTokens_S20(t *testing.T) {
	ih := defaultIdentityHeaders()
	tests := map[string]struct{ in, want []string }{
		"close and ours": {[]string{"close, Remote-User"}, []string{"close"}},
		"lower case":     {[]string{"remote-user"}, []string{""}},
		"alias":          {[]string{"Remote_User, keep-alive"}, []string{"keep-alive"}},
		"twice":          {[]string{"Remote-User", "close,remote-groups"}, []string{"", "close"}},
		"with upgrade":   {[]string{"Upgrade, Remote-User"}, []string{"Upgrade"}},
		"others stay":    {[]string{"X-Trace, close"}, []string{"X-Trace, close"}},
		"plain":          {[]string{"keep-alive"}, []string{"keep-alive"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := http.Header{"Connection": slices.Clone(tt.in)}
			ih.scrub(&http.Request{Header: h})
			if !slices.Equal(h["Connection"], tt.want) {
				t.Errorf("Connection = %q, want %q", h["Connection"], tt.want)
			}
		})
	}
}

// S18: an absent claim is an absent header, not an empty one.
func TestSetOmitsAbsentClaims_S18(t *testing.T) {
	ih := defaultIdentityHeaders()
	h := http.Header{}
	ih.set(h, headerOf(&identity.Identity{Subject: "00u1", Login: "bob"}))
	if want := (http.Header{"Remote-User": {"bob"}}); !maps.EqualFunc(h, want, slices.Equal) {
		t.Fatalf("headers %v, want %v", h, want)
	}
}

func TestSetCannotBeSplitByGroupOrControlCharacters(t *testing.T) {
	ih := defaultIdentityHeaders()
	h := http.Header{}
	ih.set(h, headerOf(&identity.Identity{Login: "bob\r\nX-Admin: 1", Name: "Zoë\x00", Groups: []string{"a,admins", "b"}}))
	want := http.Header{"Remote-User": {"bobX-Admin: 1"}, "Remote-Name": {"Zoë"}, "Remote-Groups": {"a%2Cadmins,b"}}
	if !maps.EqualFunc(h, want, slices.Equal) {
		t.Fatalf("headers %q, want %q", h, want)
	}
}

// Handlers behind the gate rewrite header values in place; the next request must not see that.
func TestSetGivesEachRequestItsOwnValues_S48(t *testing.T) {
	ih := defaultIdentityHeaders()
	id := &identity.Identity{Login: "bob", Name: "Bob"}
	a, b := http.Header{}, http.Header{}
	ih.set(a, headerOf(id))
	ih.set(b, headerOf(id))
	a["Remote-User"][0] = "mallory"
	a["Remote-User"] = append(a["Remote-User"], "eve")
	if b.Get("Remote-User") != "bob" || a.Get("Remote-Name") != "Bob" {
		t.Fatalf("values are shared: a=%v b=%v", a, b)
	}
}

// S16, S19: identity headers in trailers come after the body, announced or not, and are gone before anybody reads them.
func TestTrailersAreScrubbed_S16_S19(t *testing.T) {
	seen := make(chan http.Header, 1)
	ih := defaultIdentityHeaders()
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r = r.WithContext(r.Context()) // as a server in front copies it
		ih.scrub(r)
		io.Copy(io.Discard, r.Body) //nolint:errcheck // the trailers are what counts
		seen <- r.Trailer
	}))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Remote-User\r\n\r\n"+ //nolint:errcheck // seen tells
		"2\r\nhi\r\n0\r\nX-Sum: 1\r\nRemote-User: admin\r\nRemote_User: admin\r\nRemote-Groups: admins\r\n\r\n")
	if got, want := <-seen, (http.Header{"X-Sum": {"1"}}); !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("trailers %v, want %v", got, want)
	}
}

func headerOf(id *identity.Identity) *identity.Header {
	h := id.Header()
	return &h
}
