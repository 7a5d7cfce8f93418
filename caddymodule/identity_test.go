package caddymodule

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/session"
)

// allowed sends bob's request with extra header lines and returns what the upstream saw.
func (w *world) allowed(addr string, header ...string) *http.Request {
	w.t.Helper()
	a := get(w.t, addr, "/payroll", append(header, "Cookie: "+w.cookie("127.0.0.1", bob()))...)
	if a.StatusCode != 200 || a.body != upstreamBody {
		w.t.Fatalf("bob: %d %q", a.StatusCode, a.body)
	}
	return w.up.take(w.t)
}

// only checks that the upstream saw one spelling of a header with one value, as a CGI server would read it.
func only(t testing.TB, h http.Header, name, value string) {
	t.Helper()
	var seen []string
	for spelling, values := range h {
		folded := strings.NewReplacer("_", "-", ".", "-", " ", "-").Replace(spelling)
		if strings.EqualFold(folded, name) {
			for _, v := range values {
				seen = append(seen, spelling+": "+v)
			}
		}
	}
	if want := name + ": " + value; value != "" && (len(seen) != 1 || seen[0] != want) || value == "" && len(seen) > 0 {
		t.Errorf("the upstream saw %q, want %q alone", seen, value)
	}
}

var spoofs = []string{
	"Remote-User: admin", "remote-user: admin", "Remote_User: admin", "rEmOtE_uSeR: admin", "Remote.User: admin", "REMOTE.user: admin",
	"Remote-Groups: admins", "REMOTE_GROUPS: admins", "Remote.Groups: admins", "Remote_Name: Root", "Remote.Email: root@example.com",
}

// TestSpoofedSpellings (S16, S17): the upstream sees the session's identity alone, also when Caddy is told to let
// underscores and dots in header names pass.
func TestSpoofedSpellings(t *testing.T) {
	for name, server := range map[string]string{
		"by default":     "",
		"let in by name": "expected_underscore_headers Remote_User REMOTE_GROUPS rEmOtE_uSeR Remote_Name\n\t\texpected_dot_headers Remote.User REMOTE.user Remote.Groups Remote.Email",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.server = server
			addr := w.start(w.gated())
			for _, spoof := range append(spoofs, strings.Join(spoofs, "\n")) {
				h := w.allowed(addr, spoof).Header
				only(t, h, "Remote-User", "bob")
				only(t, h, "Remote-Groups", "staff")
				only(t, h, "Remote-Name", "Bob")
				only(t, h, "Remote-Email", "bob@example.com")
			}
		})
	}
}

// TestAbsentClaimsStayAbsent (S18, S19): a claim that the session lacks is not taken from the client.
func TestAbsentClaimsStayAbsent(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.gated())
	who := bob()
	who.Name, who.Email, who.Groups = "", "", nil
	a := get(t, addr, "/payroll", append(spoofs, "Cookie: "+w.cookie("127.0.0.1", who))...)
	if a.StatusCode != 200 {
		t.Fatalf("status %d", a.StatusCode)
	}
	h := w.up.take(t).Header
	only(t, h, "Remote-User", "bob")
	only(t, h, "Remote-Groups", "")
	only(t, h, "Remote-Name", "")
	only(t, h, "Remote-Email", "")
}

// TestConnectionCannotRemoveIdentity (S20, T3): a client that names our header in Connection does not make
// reverse_proxy remove it.
func TestConnectionCannotRemoveIdentity(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.gated())
	for _, connection := range []string{
		"Connection: close, Remote-User", "connection: remote-user", "Connection: Remote-User\nConnection: remote-groups, close",
		"Connection: Upgrade, Remote-User\nUpgrade: websocket", "Connection: Remote_User, Remote-User ,",
	} {
		h := w.allowed(addr, connection).Header
		only(t, h, "Remote-User", "bob")
		only(t, h, "Remote-Groups", "staff")
	}
}

// TestRenamedHeaders: a renamed header carries the identity, one that is off is absent, and the default names are
// still taken from the client.
func TestRenamedHeaders(t *testing.T) {
	w := newWorld(t)
	addr := w.start("okta_mfa {\n\t\theader user X-Okta-User\n\t\theader groups off\n\t}\n\treverse_proxy " + w.up.Listener.Addr().String())
	h := w.allowed(addr, append(spoofs, "X-Okta-User: admin", "x-okta-user: admin")...).Header
	only(t, h, "X-Okta-User", "bob")
	only(t, h, "Remote-User", "")
	only(t, h, "Remote-Groups", "")
	only(t, h, "Remote-Name", "Bob")
}

// TestOurCookiesStayWithUs (S28): the upstream gets the application's cookies and none of ours.
func TestOurCookiesStayWithUs(t *testing.T) {
	w := newWorld(t)
	addr := w.start(w.gated())
	r := w.allowed(addr, "Cookie: a=1; __Host-okta_mfa_signin=x; b=2; __Host-okta_mfa_device=y")
	if got := strings.Join(r.Header["Cookie"], "; "); got != "a=1; b=2" {
		t.Errorf("Cookie %q, want a=1; b=2", got)
	}
}

// TestPlaceholders: other directives learn who it is, and nothing that a handler in front has claimed.
func TestPlaceholders(t *testing.T) {
	w := newWorld(t)
	up := w.up.Listener.Addr().String()
	addr := w.start(`okta_mfa
	reverse_proxy ` + up + ` {
		header_up X-Id {http.auth.user.id}
		header_up X-Subject {http.auth.user.subject}
		header_up X-Name {http.auth.user.name}
		header_up X-Email {http.auth.user.email}
		header_up X-Groups {http.auth.user.groups}
		header_up X-Session {http.auth.user.session}
	}`)
	h := w.allowed(addr).Header
	for name, want := range map[string]string{"X-Id": "bob", "X-Subject": "00ubob", "X-Name": "Bob", "X-Email": "bob@example.com", "X-Groups": "staff"} {
		if got := h.Get(name); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
	if got := h.Get("X-Session"); len(got) != 16 {
		t.Errorf("session handle %q, want 16 characters", got)
	}
}

// TestEarlierAuthenticationIsReplaced (S18): what basic_auth in front published does not mix with the session.
func TestEarlierAuthenticationIsReplaced(t *testing.T) {
	w := newWorld(t)
	who := bob()
	who.Email = ""
	addr := w.start(`route {
		map {host} {http.auth.user.id} {http.auth.user.email} {
			default mallory mallory@example.com
		}
		okta_mfa
		reverse_proxy ` + w.up.Listener.Addr().String() + ` {
			header_up X-Id {http.auth.user.id}
			header_up X-Email <{http.auth.user.email}>
		}
	}`)
	if a := get(t, addr, "/", "Cookie: "+w.cookie("127.0.0.1", who)); a.StatusCode != 200 {
		t.Fatalf("status %d", a.StatusCode)
	}
	h := w.up.take(t).Header
	if id, email := h.Get("X-Id"), h.Get("X-Email"); id != "bob" || email != "<>" {
		t.Errorf("id %q, email %q; want bob and none", id, email)
	}
}

// TestPublishLeavesNothingOfOthers (S18): whatever an earlier handler has said about the user is gone.
func TestPublishLeavesNothingOfOthers(t *testing.T) {
	r := prepared(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	repl.Set("http.auth.user.id", "mallory")
	repl.Set("http.auth.user.role", "admin")
	who := bob()
	who.Groups = nil
	publish(r, gateway.Outcome{Identity: &who})
	got := repl.ReplaceAll("{http.auth.user.id} <{http.auth.user.role}> <{http.auth.user.groups}>", "")
	if got != "bob <> <>" {
		t.Errorf("have %q, want bob alone", got)
	}
}

// TestPublishWinsOverWhatOthersMap (S18): one name that an earlier handler maps is enough for all of ours to be set.
func TestPublishWinsOverWhatOthersMap(t *testing.T) {
	for _, mapped := range names {
		r := prepared(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		repl.Map(func(key string) (any, bool) { return "mallory", key == mapped })
		who := bob()
		id := session.NewID().Handle()
		publish(r, gateway.Outcome{Identity: &who, Session: id})
		want := []string{who.Login, who.Subject, who.Name, who.Email, strings.Join(who.Groups, ","), id}
		for i, name := range names {
			if got := repl.ReplaceAll("{"+name+"}", ""); got != want[i] {
				t.Errorf("%s is %q where an earlier handler maps %s, want %q", name, got, mapped, want[i])
			}
		}
	}
}

// TestUserTextIsNotExpanded (S43): a name that looks like a placeholder reaches the upstream as it is.
func TestUserTextIsNotExpanded(t *testing.T) {
	w := newWorld(t)
	addr := w.start("okta_mfa\n\treverse_proxy " + w.up.Listener.Addr().String() + " {\n\t\theader_up X-Name {http.auth.user.name}\n\t}")
	who := bob()
	who.Login, who.Name, who.Groups = "{env.SIDEGATE_TEST_CLIENT_SECRET}", "{file./etc/passwd}", []string{"{http.request.host}"}
	a := get(t, addr, "/payroll", "Cookie: "+w.cookie("127.0.0.1", who), "User-Agent: {env.SIDEGATE_TEST_CLIENT_SECRET}")
	if a.StatusCode != 200 {
		t.Fatalf("status %d", a.StatusCode)
	}
	h := w.up.take(t).Header
	for name, want := range map[string]string{"Remote-User": who.Login, "Remote-Name": who.Name, "Remote-Groups": who.Groups[0],
		"X-Name": who.Name, "User-Agent": "{env.SIDEGATE_TEST_CLIENT_SECRET}"} {
		if got := h.Get(name); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
	a = get(t, addr, "/{env.SIDEGATE_TEST_CLIENT_SECRET}?x={file./etc/passwd}", page, "User-Agent: {env.SIDEGATE_TEST_CLIENT_SECRET}")
	w.blocked("a stranger", a)
	if strings.Contains(a.body, canary) || strings.Contains(a.body, "root:") {
		t.Error("the challenge expanded a placeholder of the client's")
	}
}
