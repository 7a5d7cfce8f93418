package main

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

const agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"

var (
	csrfField = regexp.MustCompile(`name="csrf" value="([^"]*)"`)
	eventsURL = regexp.MustCompile(`data-events="([^"]*)"`)
)

// browser is one person's, as far as the page that waits for the push.
type browser struct {
	client  *http.Client // shared
	gate    string       // address
	scheme  string
	cookies map[string]string
	address string // as the load balancer in front of Caddy says
	events  string // path of the wait page's event stream
}

// signInAll brings the browsers of some users to the push, a few at a time: as many people do not type at once, and
// what is measured is how they wait.
func (o options) signInAll(gate string, from, to int) ([]*browser, error) {
	const atOnce = 32
	client := &http.Client{
		Timeout:       60 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: atOnce, TLSClientConfig: trusting(), ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	all := make([]*browser, to-from)
	errs := make([]error, to-from)
	var wg sync.WaitGroup
	turn := make(chan struct{}, atOnce)
	for i := range all {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			all[i] = &browser{client: client, gate: gate, scheme: o.scheme(), address: addressOf(from + i), cookies: map[string]string{}}
			errs[i] = all[i].signIn(login(from + i))
		})
	}
	wg.Wait()
	return all, firstError(errs)
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// signIn opens a page, sends the form, and follows it to the page that waits.
func (b *browser) signIn(login string) error {
	first, err := b.do(http.MethodGet, "/", nil)
	if err != nil {
		return err
	}
	m := csrfField.FindStringSubmatch(first)
	if m == nil {
		return fmt.Errorf("the first page has no form: %.2000s", first)
	}
	form := url.Values{"csrf": {html.UnescapeString(m[1])}, "f.identifier": {login}, "f.password": {password}}
	if _, err := b.do(http.MethodPost, "/_mfa/identify", form); err != nil {
		return err
	}
	page, err := b.do(http.MethodGet, "/", nil)
	if err != nil {
		return err
	}
	m = eventsURL.FindStringSubmatch(page)
	if m == nil {
		return fmt.Errorf("%s does not wait for a push; the page says: %.2000s", login, page)
	}
	b.events = html.UnescapeString(m[1])
	return nil
}

// do sends one request and keeps the cookies of the answer.
func (b *browser) do(method, path string, form url.Values) (string, error) {
	req, err := http.NewRequest(method, b.scheme+"://"+b.gate+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("making a request: %w", err)
	}
	req.Host = site
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", "text/html")
	req.Header.Set("X-Forwarded-For", b.address)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", b.scheme+"://"+site)
	}
	req.Header.Set("Cookie", b.cookieHeader())
	resp, err := b.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("signing in: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("reading a page: %w", err)
	}
	if form != nil && resp.StatusCode != http.StatusSeeOther {
		return "", fmt.Errorf("the form was answered %s: %.2000s", resp.Status, body)
	}
	for _, c := range resp.Cookies() {
		b.cookies[c.Name] = c.Value
	}
	return string(body), nil
}

func (b *browser) cookieHeader() string {
	var all []string
	for name, value := range b.cookies {
		all = append(all, name+"="+value)
	}
	return strings.Join(all, "; ")
}

// addressOf is the address of the nth browser.
func addressOf(n int) string {
	return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}).String()
}

// streamRequest is what EventSource sends.
func (b *browser) streamRequest() string {
	return "GET " + b.events + " HTTP/1.1\r\nHost: " + site + "\r\nUser-Agent: " + agent +
		"\r\nAccept: text/event-stream\r\nSec-Fetch-Site: same-origin\r\nX-Forwarded-For: " + b.address + "\r\nCookie: " + b.cookieHeader() + "\r\n\r\n"
}
