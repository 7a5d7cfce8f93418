package okta

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// origin is a scheme and a host with its port, in one canonical form.
type origin struct{ scheme, host string }

func (o origin) String() string { return o.scheme + "://" + o.host }

// parseOrigin reads what an operator wrote.
func parseOrigin(s string) (origin, error) {
	if s == "" {
		return origin{}, errNoOrg
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return origin{}, fmt.Errorf(`the Okta org %q is no origin: write it as "https://acme.okta.com"`, redacted(s))
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return origin{}, fmt.Errorf("the Okta org %q holds more than scheme and host: leave out path, query and user", redacted(s))
	}
	o := originOf(u)
	switch {
	case o.scheme == "https":
	case o.scheme == "http" && loopback(u.Hostname()):
	default:
		return origin{}, fmt.Errorf("the Okta org %q must be https: secrets travel to it", redacted(s))
	}
	return o, nil
}

// originOf puts scheme and host into lower case and drops the scheme's own port.
func originOf(u *url.URL) origin {
	o := origin{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Host)}
	switch o.scheme {
	case "https":
		o.host = strings.TrimSuffix(o.host, ":443")
	case "http":
		o.host = strings.TrimSuffix(o.host, ":80")
	}
	return o
}

// redacted cuts a user part out of what goes into an error.
func redacted(s string) string {
	if at := strings.LastIndex(s, "@"); at >= 0 {
		return "..." + s[at:]
	}
	return s
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// errForeign is deliberately without the href: it is what an attacker chose.
var errForeign = errors.New("an href of the answer leads off the org's own origin")

// Local reduces an href of Okta's to the path and query on the org. It fails, with a text without the
// href, unless the href is absolute on exactly the org's origin or a rooted path. That is the only
// way for an href into a call (immunity S69).
func (c *Client) Local(href string) (string, error) {
	u, err := c.local(href)
	if err != nil {
		return "", err
	}
	path := u.EscapedPath()
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return path, nil
}

// local is Local before the parts are put together again.
func (c *Client) local(href string) (*url.URL, error) {
	if strings.ContainsRune(href, '\\') {
		return nil, errForeign
	}
	u, err := url.Parse(href)
	if err != nil || u.Opaque != "" || u.User != nil || u.Fragment != "" {
		return nil, errForeign
	}
	if (u.Scheme != "" || u.Host != "") && originOf(u) != c.origin {
		return nil, errForeign
	}
	path := u.EscapedPath()
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return nil, errForeign
	}
	return u, nil
}
