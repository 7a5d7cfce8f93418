package widget

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	// patience is how long the widget may take to come to what a test waits for.
	patience = 30 * time.Second
	// lookEvery is how often a test looks whether it has.
	lookEvery = 40 * time.Millisecond
)

// chromium is the one browser of a run; each test gets a tab of its own, and with it what the widget remembers.
var chromium struct {
	once  sync.Once
	ctx   context.Context
	close func()
	err   error
}

func TestMain(m *testing.M) {
	chromium.close = func() {}
	pages = servePages()
	code := m.Run()
	chromium.close()
	pages.Close()
	os.Exit(code)
}

func startChromium(t *testing.T) context.Context {
	t.Helper()
	path := chromiumPath()
	if path == "" {
		lack(t, "no Chromium on this machine: apt-get install chromium")
	}
	c := &chromium
	c.once.Do(func() {
		opts := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("headless", "new"),
			chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-US"), chromedp.WindowSize(1000, 900))
		alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
		c.close = stop
		c.ctx, _ = chromedp.NewContext(alloc) // ends with alloc
		c.err = chromedp.Do(c.ctx)
	})
	if c.err != nil {
		t.Fatalf("starting Chromium: %v", c.err)
	}
	return c.ctx
}

func chromiumPath() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// tab is a tab that shows the widget.
type tab struct {
	t   *testing.T
	s   *site
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// open shows the widget. At the end of the test no script may have thrown, and nobody may have been asked but the page's
// site and the org.
func (s *site) open(t *testing.T) *tab {
	t.Helper()
	p := &tab{t: t, s: s}
	ctx, cancel := chromedp.NewContext(startChromium(t), chromedp.WithListener(p.watch))
	p.ctx = ctx
	t.Cleanup(func() {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, what := range p.problems {
			t.Error(what)
		}
	})
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as this context: no timeout
		t.Fatalf("opening a tab: %v", err)
	}
	p.do(chromedp.Navigate(s.page))
	return p
}

// watch notes what may not happen.
func (p *tab) watch(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.problem("a script threw: %v", e.ExceptionDetails)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") && !slices.ContainsFunc([]string{p.s.page, p.s.okta}, sameOrigin(e.Request.URL)) {
			p.problem("somebody else was asked: %s", e.Request.URL)
		}
	}
}

func (p *tab) problem(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// do runs actions within patience.
func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.failf("%v", err)
	}
}

func eval[T any](p *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

// until waits for a JavaScript expression to be true.
func (p *tab) until(what, expression string) {
	p.t.Helper()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if ok, err := eval[bool](p, expression); ok && err == nil {
			return
		}
	}
	p.failf("waited %s in vain for %s", patience, what)
}

// see waits until an element is there and shown.
func (p *tab) see(selector string) {
	p.t.Helper()
	p.until(selector, fmt.Sprintf("(e => !!e && e.checkVisibility())(document.querySelector(%s))", strconv.Quote(selector)))
}

// read is a JavaScript expression of the element that a selector finds, called e.
func (p *tab) read(selector, expression string) string {
	p.t.Helper()
	p.see(selector)
	text, err := eval[string](p, fmt.Sprintf("(e => %s)(document.querySelector(%s))", expression, strconv.Quote(selector)))
	if err != nil {
		p.failf("%v", err)
	}
	return strings.TrimSpace(text)
}

// click presses an element wherever it is: the widget's pages slide in and grow.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.read(selector, "(e.click(), '')")
}

// fill sets a field or a list, and says so as a browser does. Typing key by key would be no better judge, and the widget
// moves the focus on its own while it draws a page.
func (p *tab) fill(selector, value string) {
	p.t.Helper()
	p.read(selector, fmt.Sprintf(
		"(e.value = %q, ['input', 'change'].forEach((n) => e.dispatchEvent(new Event(n, { bubbles: true }))), '')", value))
}

// failf ends the test and tells what the widget showed and what the org was asked.
func (p *tab) failf(format string, args ...any) {
	p.t.Helper()
	p.t.Logf(format, args...)
	shown, err := eval[string](p, "(window.failed || '') + document.querySelector('#widget').outerHTML")
	p.t.Logf("the widget showed (%v) %s", err, shown)
	var asked []string
	for _, r := range p.s.org.Requests() {
		asked = append(asked, fmt.Sprintf("%s %s: %d", r.Method, r.Path, r.Status))
	}
	p.t.Logf("Okta was asked:\n%s", strings.Join(slices.Compact(asked), "\n"))
	p.t.FailNow()
}
