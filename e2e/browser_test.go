package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// What the browser is to the world: an address of its own (RFC 5737) and an agent that is not the server's.
const (
	browserAddress = "203.0.113.7"
	browserAgent   = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
	browserShown   = "Chrome on Windows"
)

// chromium is the one browser process of a run; each test gets an incognito window of its own.
var chromium struct {
	once   sync.Once
	ctx    context.Context
	cancel []func()
	err    error
}

func startChromium(path string) (context.Context, error) {
	c := &chromium
	c.once.Do(func() {
		dir, err := os.MkdirTemp("", "sidegate-chromium-")
		if err != nil {
			c.err = err
			return
		}
		c.cancel = append(c.cancel, func() { os.RemoveAll(dir) })
		opts := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU,
			chromedp.Flag("headless", "new"), chromedp.Flag("disable-quic", true),
			chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-US"),
			chromedp.UserAgent(browserAgent), chromedp.WindowSize(1000, 760))
		alloc, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
		c.cancel = append(c.cancel, cancel)
		c.ctx, cancel = chromedp.NewContext(alloc)
		c.cancel = append(c.cancel, cancel)
		c.err = chromedp.Do(c.ctx)
	})
	return c.ctx, c.err
}

func closeChromium() {
	for _, f := range slices.Backward(chromium.cancel) {
		f()
	}
}

// browser is an incognito window: one cookie jar, any number of tabs.
type browser struct {
	t    *testing.T
	d    *demo
	ctx  context.Context
	noJS bool

	mu       sync.Mutex
	problems []string
	streams  int // event streams that a page was answered
}

// newBrowser opens a window. At the end of the test nothing may have broken the content security policy,
// thrown, or asked an origin that is not the demo's.
func newBrowser(t *testing.T, d *demo) *browser {
	t.Helper()
	root, err := startChromium(needBrowser(t))
	if err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	ctx, cancel := chromedp.NewContext(root, chromedp.WithNewBrowserContext())
	b := &browser{t: t, d: d, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, p := range b.problems {
			t.Error(p)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("opening a window: %v", err)
	}
	return b
}

// watch notes what no page may do.
func (b *browser) watch(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity || strings.Contains(e.Entry.Text, "Content Security Policy") {
			b.problem("browser log: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.problem("script threw: %s %s", e.ExceptionDetails.Text, e.ExceptionDetails.URL)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "assert" {
			b.problem("console.%s in a page", e.Type)
		}
	case *network.EventResponseReceived:
		if e.Response.MimeType == "text/event-stream" {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.streams++
		}
	case *network.EventRequestWillBeSent:
		if !b.own(e.Request.URL) {
			b.problem("request to a third party: %s", e.Request.URL)
		}
	}
}

func (b *browser) problem(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, fmt.Sprintf(format, args...))
}

// own reports whether a request goes to the demo or to nowhere.
func (b *browser) own(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	if u.Scheme == "data" || u.Scheme == "about" || u.Scheme == "blob" {
		return true
	}
	origin := u.Scheme + "://" + u.Host
	return origin == b.d.Site || origin == b.d.Okta || origin == b.d.Payroll || origin == b.d.Vault || origin == b.d.Wiki
}
