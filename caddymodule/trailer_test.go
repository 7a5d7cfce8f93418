package caddymodule

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// arrived is a request as an upstream sees it when it has read the body.
type arrived struct {
	header, trailer http.Header
	body            string
}

// TestTrailersCarryNoIdentity (S16, S19, S20): identity names in the trailers of a chunked request, announced or not,
// never reach the upstream, and the identity of the session does.
func TestTrailersCarryNoIdentity(t *testing.T) {
	w := newWorld(t)
	seen := make(chan arrived, 1)
	up := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the upstream's body: %v", err)
		}
		seen <- arrived{r.Header.Clone(), r.Trailer.Clone(), string(body)}
	}))
	t.Cleanup(up.Close)
	w.server = "expected_underscore_headers Remote_User Remote_Groups"
	addr := w.start("okta_mfa\n\treverse_proxy " + up.Listener.Addr().String())
	lines := "X-Checksum: 1\nRemote-User: admin\nremote-groups: admins\nRemote_User: admin\nREMOTE_GROUPS: admins\nRemote-Name: Root\nremote.email: root"
	for name, head := range map[string]string{
		"announced":               "Trailer: X-Checksum, Remote-User, remote-groups, Remote_User, REMOTE_GROUPS, Remote-Name, remote.email",
		"announced by Connection": "Trailer: X-Checksum, Remote-User\nConnection: Remote-User, Trailer, TE\nTE: trailers",
		"one announced":           "Trailer: X-Checksum",
		"not announced":           "X-None: 1",
	} {
		t.Run(name, func(t *testing.T) {
			for _, who := range []struct{ groups []string }{{[]string{"staff"}}, {nil}} { // S19: an absent claim stays absent
				id := bob()
				id.Groups = who.groups
				a := raw(t, addr, "POST /payroll HTTP/1.1\nHost: "+addr+"\nCookie: "+w.cookie("127.0.0.1", id)+
					"\nTransfer-Encoding: chunked\n"+head+"\n\n5\nhello\n0\n"+lines)
				if a.StatusCode != http.StatusOK {
					t.Fatalf("status %d %s", a.StatusCode, a.body)
				}
				got := <-seen
				if got.body != "hello" {
					t.Errorf("body %q, want hello", got.body)
				}
				only(t, got.header, "Remote-User", "bob")
				only(t, got.header, "Remote-Groups", strings.Join(who.groups, ","))
				for _, claim := range []string{"Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email"} {
					only(t, got.trailer, claim, "")
				}
				if announced := slices.Collect(maps.Keys(got.trailer)); strings.Contains(head, "X-Checksum") && !slices.Equal(announced, []string{"X-Checksum"}) {
					t.Errorf("trailers %q, want the application's own alone", announced)
				}
			}
		})
	}
}
