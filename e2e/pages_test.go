package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Every page on a phone's width and on a desk, light and dark: nothing sticks out, everything that can be
// operated has a name.
func TestEveryPageFitsAndIsNamed(t *testing.T) {
	d := startDemo(t)
	pat, nia, tom, lou := d.person("pat"), d.person("nia"), d.person("tom"), d.person("lou")

	p := newBrowser(t, d).tab()
	p.open("/")
	p.see(onSignIn)
	p.fits("signin")
	p.identify(pat.Login, "not-the-password")
	p.see("main [role=alert]")
	p.fits("signin-wrong")
	p.identify(pat.Login, pat.Password)
	p.see(onChoose)
	p.fits("choose")
	p.choose("push")
	p.see(onWait)
	p.fits("push-wait")
	phone := p.b.phone(pat)
	phone.click(card + " button[name=deny]")
	p.see(onDenied)
	p.fits("denied")

	p = newBrowser(t, d).tab()
	p.askPush(nia, "/")
	p.fits("number")

	p = newBrowser(t, d).tab()
	p.askCode(tom, "/")
	p.fits("code")
	p.code(wrongCode(d.totp(tom)))
	p.see(onCode + " [role=alert], " + onCode + " [aria-invalid=true]")
	p.fits("code-wrong")
	p.code(d.totp(tom))
	p.see(onApp)
	p.click("#leave")
	p.see(onSignOut)
	p.fits("signout")
	p.click(primary)
	p.see(onEnd)
	p.fits("signedout")

	p = newBrowser(t, d).tab()
	p.signIn(lou, "/")
	p.see(onDenied)
	p.fits("locked")
}

// A form of a sign-in that is over gets a page that says so.
func TestStaleFormGetsAClearPage(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	pat := b.d.person("pat")
	stale, other := b.tab(), b.tab()
	stale.signIn(pat, "/")
	stale.see(onChoose)
	other.open("/")
	other.click("#cancel button")
	other.see(onSignIn)
	stale.click("button[data-factor=push]")
	stale.see(onError)
	stale.fits("error")
	if got := b.d.pushes(pat); len(got) != 0 {
		t.Errorf("a stale form sent %d pushes, want none", len(got))
	}
}

// fits looks at the page in four ways and leaves pictures.
func (p *tab) fits(name string) {
	p.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		for _, width := range []int64{320, 1000} {
			p.do(chromedp.EmulateViewport(width, 700))
			if got := eval[int64](p, "document.scrollingElement.scrollWidth"); got > width {
				p.t.Errorf("%s: %d px wide in a window of %d px", name, got, width)
			}
			p.shot(fmt.Sprintf("page-%s-%s-%d", name, scheme, width))
		}
	}
	p.named(name)
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{})
	p.do(chromedp.ResetViewport())
}

// named checks that each thing that can be operated has an accessible name, and the page a title, a
// language and one main heading.
func (p *tab) named(page string) {
	p.t.Helper()
	tree := call(p, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	operable := map[string]bool{"textbox": true, "button": true, "link": true, "checkbox": true, "combobox": true}
	seen := 0
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil || !operable[axText(n.Role)] {
			continue
		}
		seen++
		if n.Name == nil || axText(n.Name) == "" {
			p.t.Errorf("%s: a %s has no accessible name", page, axText(n.Role))
		}
	}
	if seen == 0 {
		p.t.Errorf("%s: nothing to operate: no way on", page)
	}
	if !eval[bool](p, "document.title !== '' && document.documentElement.lang !== '' && document.querySelectorAll('h1').length === 1") {
		p.t.Errorf("%s: wants a title, a language and one h1", page)
	}
}

func axText(v *accessibility.Value) string { return strings.Trim(string(v.Value), `"`) }

// A person without a mouse signs in, and always sees where the focus is.
func TestKeyboardAlone(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	pat := b.d.person("pat")
	p := b.tab()
	p.open("/")
	p.tabTo(loginField)
	p.do(chromedp.KeyEvent(pat.Login))
	p.tabTo(passwordField)
	p.do(chromedp.KeyEvent(pat.Password), chromedp.KeyEvent(kb.Enter))
	p.see(onChoose)
	p.tabTo("button[data-factor=push]")
	p.shot("keyboard-focus")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.see(onWait)
	b.phone(pat).click(card + " button[name=approve]")
	p.admitted(pat, "/")
}

// tabTo presses Tab until the focus is on an element, as a person would.
func (p *tab) tabTo(selector string) {
	p.t.Helper()
	p.see(selector)
	const enough = 15
	for range enough {
		if eval[bool](p, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
			if !eval[bool](p, `(s => s.outlineStyle !== 'none' && s.outlineWidth !== '0px' || s.boxShadow !== 'none')(
				getComputedStyle(document.activeElement))`) {
				p.t.Errorf("the focus on %s cannot be seen", selector)
			}
			return
		}
		p.do(chromedp.KeyEvent(kb.Tab))
	}
	p.failf("%d times Tab did not reach %s", enough, selector)
}
