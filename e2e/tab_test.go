package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	// patience is how long a page may take to come to what a test waits for.
	patience = 20 * time.Second
	// lookEvery is how often a test looks whether it has.
	lookEvery = 40 * time.Millisecond
)

// tab is one tab of a browser.
type tab struct {
	t   *testing.T
	b   *browser
	ctx context.Context
}

// tab opens a tab that comes from browserAddress, as a proxy in front would say.
func (b *browser) tab() *tab {
	b.t.Helper()
	p := b.localTab()
	call(p, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
		Headers: network.Headers{"X-Forwarded-For": browserAddress},
	})
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: b.noJS})
	return p
}

// localTab opens a tab that comes from this machine.
func (b *browser) localTab() *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithListener(b.watch))
	b.t.Cleanup(cancel)
	// The tab lives as long as the context of its first use, so that has no timeout.
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("opening a tab: %v", err)
	}
	return &tab{t: b.t, b: b, ctx: ctx}
}

// do runs actions within patience.
func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	p.check(chromedp.Do(ctx, actions...))
}

// call runs a command of the DevTools protocol within patience.
func call[P, R any](p *tab, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	r, err := chromedp.Call(ctx, command, params)
	p.check(err)
	return r
}

// eval is the value of a JavaScript expression in the tab, page script allowed or not.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	v, err := tryEval[T](p, expression)
	p.check(err)
	return v
}

func tryEval[T any](p *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

// open goes to an address; a path is one of the site.
func (p *tab) open(address string) {
	p.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = p.b.d.Site + address
	}
	p.do(chromedp.Navigate(address))
}

// until waits for a JavaScript expression to be true. A page that is just being replaced
// makes it false, not an error.
func (p *tab) until(what, expression string) {
	p.t.Helper()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if ok, err := tryEval[bool](p, expression); ok && err == nil {
			return
		}
	}
	p.failf("waited %s in vain for %s", patience, what)
}

// see waits until an element is there and shown.
func (p *tab) see(selector string) {
	p.t.Helper()
	p.until(selector, fmt.Sprintf(
		"document.readyState === 'complete' && (e => !!e && e.checkVisibility())(document.querySelector(%s))",
		strconv.Quote(selector)))
}

// has reports whether an element is there now.
func (p *tab) has(selector string) bool {
	p.t.Helper()
	return eval[bool](p, fmt.Sprintf("!!document.querySelector(%s)", strconv.Quote(selector)))
}

// text is what an element shows.
func (p *tab) text(selector string) string {
	p.t.Helper()
	p.see(selector)
	return strings.TrimSpace(eval[string](p, fmt.Sprintf("document.querySelector(%s).innerText", strconv.Quote(selector))))
}

// click presses an element with the mouse.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.see(selector)
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

// press clicks what sends a form, and waits for the page that comes of it, which may look like the one before.
func (p *tab) press(selector string) {
	p.t.Helper()
	p.see(selector)
	eval[bool](p, "document.documentElement.dataset.before = 'yes', true")
	p.do(chromedp.Click(chromedp.CSS(selector)))
	p.until("the next page", "document.readyState === 'complete' && !document.documentElement.dataset.before")
}

// fill empties a field and types into it.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	p.see(selector)
	// By key events alone: chromedp.SendKeys reads attributes that its event loop writes, which the race detector sees.
	eval[bool](p, fmt.Sprintf("(e => (e.focus(), e.select(), true))(document.querySelector(%s))", strconv.Quote(selector)))
	if text == "" {
		text = kb.Delete
	}
	p.do(chromedp.KeyEvent(text))
}

// pick chooses an answer of a list.
func (p *tab) pick(selector, value string) {
	p.t.Helper()
	p.see(selector)
	p.do(chromedp.SetValue(chromedp.CSS(selector), value))
}

// shot saves a picture of the whole page.
func (p *tab) shot(name string) {
	p.t.Helper()
	picture := p.picture()
	p.check(os.WriteFile(filepath.Join(screenshots, name+".png"), picture, 0o644))
}

func (p *tab) picture() []byte {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("taking a screenshot: %v", err)
	}
	return picture
}

func (p *tab) check(err error) {
	p.t.Helper()
	if err != nil {
		p.failf("%v", err)
	}
}

// failf ends the test and tells what the tab showed.
func (p *tab) failf(format string, args ...any) {
	p.t.Helper()
	p.t.Logf(format, args...)
	if text, err := tryEval[string](p, "location.href + '\\n' + document.documentElement.outerHTML"); err == nil {
		p.t.Logf("the tab showed %s", text)
		p.t.Logf("Okta was asked:\n%s", p.b.d.oktaCalls())
		p.shot(failedShot + strings.ReplaceAll(p.t.Name(), "/", "-"))
	}
	p.t.FailNow()
}
