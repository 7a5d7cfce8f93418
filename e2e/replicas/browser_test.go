package replicas

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/html"
)

const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"

// browser is one without JavaScript, which goes through the pages as a person does. Its requests go to the replicas in
// turn, or to the one that it is pinned to.
type browser struct {
	w      *world
	site   string
	jar    *cookiejar.Jar
	client *http.Client
	turn   atomic.Uint32
	pinned atomic.Pointer[replica]
}

func (w *world) browser(site string) *browser { return w.browserFrom(site, "192.0.2.7") }

// browserFrom is a browser at an address.
func (w *world) browserFrom(site, address string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	b := &browser{w: w, site: site, jar: jar}
	b.client = &http.Client{Timeout: patience, Jar: jar, Transport: path{w.lb, b.next, address}}
	return b
}

// next is the replica that the next request goes to.
func (b *browser) next() *replica {
	if r := b.pinned.Load(); r != nil {
		return r
	}
	return b.w.all[int(b.turn.Add(1))%len(b.w.all)]
}

// on pins the browser to a replica.
func (b *browser) on(r *replica) *browser {
	b.pinned.Store(r)
	return b
}

// copied is another browser with the same cookies.
func (b *browser) copied() *browser {
	c := b.w.browser(b.site)
	c.jar.SetCookies(b.url("/"), b.jar.Cookies(b.url("/")))
	return c
}

func (b *browser) url(path string) *url.URL {
	u, err := url.Parse("https://" + b.site + path)
	if err != nil {
		panic(err) // the test's own
	}
	return u
}

// page is what a browser shows.
type page struct {
	b      *browser
	url    *url.URL
	status int
	header http.Header
	text   string
	doc    *html.Node
	main   *html.Node // nil where it is not ours
}

// try loads a page, by POST where form is not nil.
func (b *browser) try(u *url.URL, form url.Values) (*page, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, u.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{"User-Agent": {agent}, "Accept": {"text/html"}, "Accept-Language": {"en"}, "Sec-Fetch-Mode": {"navigate"},
		"Sec-Fetch-Dest": {"document"}, "Sec-Fetch-User": {"?1"}, "Sec-Fetch-Site": {"none"}}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "https://"+b.site)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := b.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	p := &page{b: b, url: res.Request.URL, status: res.StatusCode, header: res.Header, text: string(text)}
	if p.doc, err = html.Parse(strings.NewReader(p.text)); err != nil {
		return nil, err
	}
	p.main = find(p.doc, func(n *html.Node) bool { return n.Data == "main" && attr(n, "data-view") != "" })
	return p, nil
}

// open loads a page of the site.
func (b *browser) open(path string) *page {
	b.w.t.Helper()
	p, err := b.try(b.url(path), nil)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return p
}

// find is the first element that matches, nil for none.
func find(n *html.Node, match func(*html.Node) bool) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && match(d) {
			return d
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	if n != nil {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val
			}
		}
	}
	return ""
}

// shown is which page of ours this is, "step/wait", or "app".
func (p *page) shown() string {
	if p.main == nil {
		if p.status == http.StatusOK && strings.HasPrefix(p.text, greeting) {
			return "app"
		}
		return fmt.Sprint("status ", p.status)
	}
	return strings.TrimSuffix(attr(p.main, "data-view")+"/"+attr(p.main, "data-kind")+attr(p.main, "data-problem"), "/")
}

func (p *page) String() string {
	return fmt.Sprintf("%s (%d, %s)", p.shown(), p.status, attr(p.main, "data-reason"))
}

// want fails the test unless the page is the one of that name.
func (p *page) want(shown string) *page {
	p.b.w.t.Helper()
	if got := p.shown(); got != shown {
		p.b.w.t.Fatalf("the page is %s, want %s:\n%.3000s", p, shown, p.text)
	}
	return p
}

// in reports that the page is the app's, for this person, as the app was told.
func (p *page) in(who person) error {
	want := greeting + who.login + " " + p.url.Path
	if p.shown() != "app" || p.text != want {
		return fmt.Errorf("the page is %s %.200q, want %q", p, p.text, want)
	}
	return nil
}

// errNoForm: the page has no such form.
var errNoForm = errors.New("no such form")

// trySubmit sends a form, with what was typed over what is there.
func (p *page) trySubmit(id string, typed map[string]string) (*page, error) {
	form := find(p.doc, func(n *html.Node) bool { return n.Data == "form" && attr(n, "id") == id })
	if form == nil {
		return nil, fmt.Errorf("%w %q on %s", errNoForm, id, p)
	}
	values := url.Values{}
	for n := range form.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && attr(n, "name") != "" && attr(n, "type") != "checkbox" {
			values.Set(attr(n, "name"), attr(n, "value"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(typed)) {
		values.Set(name, typed[name])
	}
	return p.b.try(p.b.url(attr(form, "action")), values)
}

// submit is trySubmit of the test's own goroutine.
func (p *page) submit(id string, typed map[string]string) *page {
	p.b.w.t.Helper()
	next, err := p.trySubmit(id, typed)
	if err != nil {
		p.b.w.t.Fatal(err)
	}
	return next
}

// choice is the value of the button of a factor.
func (p *page) choice(factor string) string {
	return attr(find(p.doc, func(n *html.Node) bool { return n.Data == "button" && attr(n, "data-factor") == factor }), "value")
}

// codeField is the name of the field for a code.
func (p *page) codeField() string {
	return attr(find(p.doc, func(n *html.Node) bool { return n.Data == "input" && strings.HasPrefix(attr(n, "name"), "f.") }), "name")
}

// identify sends the first page's form.
func (p *page) identify(who person) *page {
	p.b.w.t.Helper()
	return p.want("signin/identify").submit("identify", credentials(who))
}

func credentials(who person) map[string]string {
	return map[string]string{"f.identifier": who.login, "f.password": password}
}

// choose picks a factor.
func (p *page) choose(factor string) *page {
	p.b.w.t.Helper()
	return p.want("step/choose").submit("answer", map[string]string{"choice": p.choice(factor)})
}

// typeCode sends a code.
func (p *page) typeCode(code string) *page {
	p.b.w.t.Helper()
	return p.want("step/code").submit("answer", map[string]string{p.codeField(): code})
}

// askPush brings a person to the page that waits for the phone.
func (b *browser) askPush(who person, path string) *page {
	b.w.t.Helper()
	return b.open(path).identify(who).choose("push").want("step/wait")
}

// signIn signs a person in with a code.
func (b *browser) signIn(who person, path string) *page {
	b.w.t.Helper()
	p := b.open(path).identify(who)
	if p.shown() == "step/choose" {
		p = p.choose("totp")
	}
	return p.typeCode(who.code()).want("app")
}

// arrive loads a page until it is not ours.
func (b *browser) arrive(path string) *page {
	b.w.t.Helper()
	var p *page
	b.w.eventually("the app's page", func() bool {
		p = b.open(path)
		return p.shown() == "app"
	})
	return p
}

// events is the stream of a page that waits.
type events struct{ body io.ReadCloser }

// listen opens the page's stream of events.
func (p *page) listen(ctx context.Context) (*events, error) {
	status := find(p.doc, func(n *html.Node) bool { return attr(n, "data-events") != "" })
	if status == nil {
		return nil, fmt.Errorf("%s waits for nothing", p)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.b.url(attr(status, "data-events")).String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{"User-Agent": {agent}, "Accept": {"text/event-stream"}, "Sec-Fetch-Site": {"same-origin"}}
	endless := *p.b.client
	endless.Timeout = 0
	res, err := endless.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("the stream is %s", res.Status)
	}
	return &events{res.Body}, nil
}

// changed reads the stream to its end, and reports whether it told of a change.
func (e *events) changed() bool {
	defer e.body.Close()
	for lines := bufio.NewScanner(e.body); lines.Scan(); {
		if lines.Text() == "event: change" {
			return true
		}
	}
	return false
}

// waitFor follows the stream, anew whenever it ends, until there is news.
func (p *page) waitFor(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ; ; <-tick.C {
		e, err := p.listen(ctx)
		if err == nil && e.changed() {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("no news within %s: %w", patience, err)
		}
	}
}
