package ui

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// elements are all that our templates use: anything else came in through a text.
var elements = strings.Fields("html head meta title link script noscript body div header svg path rect circle span bdi main h1 h2 p form input button label ul ol li strong footer a select option fieldset legend img code")

// audit holds a page to what every page of the gate must be, whatever texts it shows.
func audit(t *testing.T, w written, page Page) {
	t.Helper()
	nonce, _, _ := strings.Cut(strings.TrimPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'nonce-"), "'")
	if want := strings.ReplaceAll(pagePolicy(nil), nonceHere, nonce); w.Header().Get("Content-Security-Policy") != want || len(nonce) < 22 {
		t.Errorf("CSP %q, want %q", w.Header().Get("Content-Security-Policy"), want)
	}
	ids := make(map[string]bool)
	for _, n := range w.all("") {
		if !slices.Contains(elements, n.Data) {
			t.Errorf("element <%s> is none of ours", n.Data)
		}
		auditAttributes(t, n, ids)
		auditLoads(t, n, nonce)
	}
	auditReferences(t, w, ids)
	auditForms(t, w, page)
	auditInputs(t, w)
	auditOutline(t, w)
}

func auditAttributes(t *testing.T, n *html.Node, ids map[string]bool) {
	t.Helper()
	for _, a := range n.Attr {
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc", a.Key == "formaction":
			t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
		case a.Key == "action", a.Key == "href" && n.Data == "a", a.Key == "src":
			outside := attr(n, "id") == "samedevice" && strings.HasPrefix(a.Val, "https://") ||
				n.Data == "img" && strings.HasPrefix(a.Val, "data:image/png;base64,")
			if !outside && (!strings.HasPrefix(a.Val, "/") || localPath(a.Val) != a.Val) {
				t.Errorf("<%s %s=%q> leaves the origin", n.Data, a.Key, a.Val)
			}
		case a.Key == "id":
			if ids[a.Val] || a.Val == "" {
				t.Errorf("id %q is empty or used twice", a.Val)
			}
			ids[a.Val] = true
		}
	}
}

// auditLoads: script and style by nonce and by our own path alone; the refresh is a literal (S37).
func auditLoads(t *testing.T, n *html.Node, nonce string) {
	t.Helper()
	switch n.Data {
	case "script":
		if attr(n, "nonce") != nonce || !strings.HasPrefix(attr(n, "src"), "/_mfa/assets/gate.") || n.FirstChild != nil {
			t.Errorf("script without nonce or with content: %v", n.Attr)
		}
	case "link":
		ours := attr(n, "rel") == "stylesheet" && attr(n, "nonce") == nonce && strings.HasPrefix(attr(n, "href"), "/_mfa/assets/gate.")
		icon := attr(n, "rel") == "icon" && strings.HasPrefix(attr(n, "href"), "data:image/svg+xml,")
		if !ours && !icon {
			t.Errorf("link %v", n.Attr)
		}
	case "meta":
		known := []string{"", "width=device-width, initial-scale=1", "light dark", "noindex", "4"}
		if !slices.Contains(known, attr(n, "content")) {
			t.Errorf("meta content %q", attr(n, "content"))
		}
	}
}

func auditReferences(t *testing.T, w written, ids map[string]bool) {
	t.Helper()
	for _, n := range w.all("") {
		for _, a := range []string{"for", "aria-describedby", "aria-labelledby", "aria-controls"} {
			if v := attr(n, a); hasAttr(n, a) && !ids[v] {
				t.Errorf("<%s %s=%q> points nowhere", n.Data, a, v)
			}
		}
	}
}

// actions are where each form may go.
var actions = map[string][]string{
	"identify": {"identify"}, "choices": {"identify"}, "answer": {"answer"}, "credential": {"answer"},
	"mailed": {"identify", "answer"}, "cancel": {"cancel"}, "signout": {"signout"},
	"discard": {"resume"},
}

func auditForms(t *testing.T, w written, page Page) {
	t.Helper()
	for _, form := range w.all("form") {
		id := attr(form, "id")
		field := "csrf"
		if id == "resume" { // the only form that leaves the gate's own pages, for this same site
			field = "_mfa_resume"
			if attr(form, "method") != "post" || attr(form, "action") != localPath(page.Resume.Action) {
				t.Errorf("form %q: method %q action %q", id, attr(form, "method"), attr(form, "action"))
			}
		} else if attr(form, "method") != "post" || !slices.Contains(actions[id], strings.TrimPrefix(attr(form, "action"), "/_mfa/")) {
			t.Errorf("form %q: method %q action %q", id, attr(form, "method"), attr(form, "action"))
		}
		tokens := 0
		for n := range form.Descendants() {
			if n.Data == "input" && attr(n, "name") == field && attr(n, "type") == "hidden" && attr(n, "value") == page.CSRF {
				tokens++
			}
		}
		if tokens != 1 {
			t.Errorf("form %q carries %d CSRF tokens", id, tokens)
		}
	}
}

func auditInputs(t *testing.T, w written) {
	t.Helper()
	focused := 0
	for _, n := range w.all("") {
		if hasAttr(n, "autofocus") {
			focused++
		}
	}
	if focused > 1 {
		t.Errorf("%d elements want the focus", focused)
	}
	labelled := make(map[string]bool)
	for _, l := range w.all("label") {
		labelled[attr(l, "for")] = text(l) != ""
	}
	for _, in := range append(w.all("input"), w.all("select")...) {
		if attr(in, "type") != "hidden" && !hasAttr(in, "hidden") && !labelled[attr(in, "id")] {
			t.Errorf("input %q has no label", attr(in, "name"))
		}
	}
	for _, b := range w.all("button") {
		if text(b) == "" {
			t.Errorf("button %v has no words", b.Attr)
		}
	}
}

func auditOutline(t *testing.T, w written) {
	t.Helper()
	root := w.all("html")[0]
	if attr(root, "lang") != "en" || attr(root, "dir") != "ltr" {
		t.Errorf("html lang %q dir %q", attr(root, "lang"), attr(root, "dir"))
	}
	titles, h1 := w.all("title"), w.all("h1")
	if len(titles) != 1 || len(h1) != 1 || len(w.all("main")) != 1 || text(h1[0]) == "" {
		t.Fatalf("%d titles, %d h1, %d main", len(titles), len(h1), len(w.all("main")))
	}
	if !strings.Contains(text(titles[0]), text(h1[0])) {
		t.Errorf("title %q does not say the state %q", text(titles[0]), text(h1[0]))
	}
	if len(w.all("main")[0].Attr) == 0 || attr(w.all("main")[0], "data-view") == "" {
		t.Error("main does not say its view")
	}
}

// TestS34S35S36S43HostileTexts: whatever a person, a browser, Okta or a path says is shown as it is or not at
// all; it becomes no element, attribute, address, script, template or placeholder.
func TestS34S35S36S43HostileTexts(t *testing.T) {
	hostile := []string{"plain", `"><svg onload=1>`, `'><img src=x onerror=1>`, "javascript:alert(1)", "</script><script>alert(1)</script>",
		"</title><script>x</script>", "a\u2028b\u202ec", "{{.}}", "{{.CSRF}}", "{env.OKTA_TOKEN}", "{file./etc/passwd}", "{device}",
		"//evil.test/x", `/\evil.test`, "/%0d%0aSet-Cookie:x", "\x00\xff", "<!--", "]]>", "`${1}`"}
	p := mustNew(t)
	for _, s := range hostile {
		for name, page := range everyPage(s) {
			t.Run(name+"/"+s, func(t *testing.T) {
				if s == "\x00\xff" {
					page.CSRF = "token" // no HTML can carry the bytes back, and the token is the gate's own
				}
				audit(t, write(t, p, page), page)
			})
		}
	}
}

// FuzzPage: no text makes a page something else than a page of the gate.
func FuzzPage(f *testing.F) {
	p, names := mustNew(f), slices.Sorted(maps.Keys(everyPage("")))
	for i := range names {
		f.Add(`"><svg onload=1>`, uint(i))
		f.Add(" ", uint(i))
	}
	f.Fuzz(func(t *testing.T, s string, which uint) {
		page := everyPage(s)[names[which%uint(len(names))]]
		page.CSRF = "token"
		audit(t, write(t, p, page), page)
	})
}

// TestS43NoPlaceholderExpands: what looks like a placeholder of Caddy, of a template or of our own texts stays.
func TestS43NoPlaceholderExpands(t *testing.T) {
	page := everyPage("{env.OKTA_TOKEN}{device}{{.CSRF}}")["wait"]
	page.Agent, page.Address = windowsChrome, "{browser}"
	w := write(t, mustNew(t), page)
	if got := text(w.byID("context")); !strings.Contains(got, "Chrome on Windows, from {browser}.") {
		t.Errorf("context %q", got)
	}
	if want := "We sent a push to {env.OKTA_TOKEN}{device}{{.CSRF}}. Open it"; !strings.Contains(text(w.doc), want) {
		t.Errorf("page lacks %q", want)
	}
}

// TestS37NothingInterpolatesIntoContent: a template action in a content attribute, script or style is
// where html/template's own bugs were.
func TestS37NothingInterpolatesIntoContent(t *testing.T) {
	files, err := templateFiles.ReadDir("templates")
	if err != nil || len(files) < len(bodies) {
		t.Fatalf("%d templates, %v", len(files), err)
	}
	for _, f := range files {
		b, err := templateFiles.ReadFile("templates/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for tag := range strings.SplitSeq(string(b), "<") {
			inside, _, _ := strings.Cut(tag, ">")
			if strings.HasPrefix(inside, "meta") && strings.Contains(inside, "{{") || strings.HasPrefix(inside, "style") {
				t.Errorf("%s: <%s>", f.Name(), inside)
			}
		}
	}
}

// TestRefreshWithoutScript: the page asks again only when told to, and only where there is no script to do it better.
func TestRefreshWithoutScript(t *testing.T) {
	p := mustNew(t)
	page := everyPage("x")["wait"]
	with := `<noscript><meta http-equiv="refresh" content="4"></noscript>`
	if w := write(t, p, page); !strings.Contains(w.body, with) || w.Header().Get("Refresh") != "" {
		t.Error("no refresh, or one that script cannot stop")
	}
	page.Refresh = 0
	if w := write(t, p, page); strings.Contains(w.body, "http-equiv") {
		t.Error("refreshes unasked")
	}
}
