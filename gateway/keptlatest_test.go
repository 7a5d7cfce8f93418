package gateway

import (
	"net/http"
	"strings"
	"testing"

	"sidegate.example/sidegate/gateway/store"
)

// S55: one form is kept for a browser, the latest. The page that asks about an older one sends neither: what it shows is not what
// would go.
func TestS55OnlyTheLatestFormIsKept(t *testing.T) {
	w := newWorld(t, straight())
	b := w.browser(t)
	older := b.signInAt(b.send("POST", "/transfer", payment))
	mine := b.cookie(DefaultCookieName)
	b.Jar.SetCookies(mustURL(t, w.URL), []*http.Cookie{{Name: DefaultCookieName, Path: "/", Secure: true, MaxAge: -1}})
	const later = "to=mallory&amount=9999"
	b.send("POST", "/transfer", later)
	kept := 0
	for range w.gate.cfg.State.documents.All(t.Context(), store.Posts) {
		kept++
	}
	if kept != 1 {
		t.Errorf("%d forms are kept", kept)
	}
	b.Jar.SetCookies(mustURL(t, w.URL), []*http.Cookie{{Name: DefaultCookieName, Value: mine.Value, Path: "/", Secure: true}})
	if a := b.confirm(older); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/_mfa/resume" || len(w.upstream()) != 0 {
		t.Fatalf("the older page: %d to %q, %d requests reached the upstream", a.StatusCode, a.Header.Get("Location"), len(w.upstream()))
	}
	page := b.get("/_mfa/resume")
	if page.shows() != "resume" || !strings.Contains(page.body, "/transfer") {
		t.Fatalf("asked again: %d %q", page.StatusCode, page.shows())
	}
	if a := b.confirm(page); a.StatusCode != 200 {
		t.Fatalf("confirmed: %d", a.StatusCode)
	}
	if _, body := w.last(t); body != later {
		t.Errorf("the upstream saw %q", body)
	}
}
