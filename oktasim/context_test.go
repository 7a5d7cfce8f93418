package oktasim_test

import (
	"net/http"
	"net/netip"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

const (
	proxy  = "198.51.100.9" // the peer of every request of the bench
	chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)

func TestWhatThePhoneShows(t *testing.T) {
	zone := []netip.Prefix{netip.MustParsePrefix(proxy + "/32"), netip.MustParsePrefix("10.0.0.0/8")}
	for name, c := range map[string]struct {
		zone                  []netip.Prefix
		forwarded             []string
		embedded              bool
		address, place, agent string
	}{
		"no header":                            {zone, nil, false, proxy, "Oslo, Norway", chrome},
		"trusted proxy":                        {zone, []string{"203.0.113.7"}, false, "203.0.113.7", "Lisbon, Portugal", chrome},
		"nobody trusted":                       {nil, []string{"203.0.113.7"}, false, proxy, "Oslo, Norway", chrome},
		"other zone":                           {zone[1:], []string{"203.0.113.7"}, false, proxy, "Oslo, Norway", chrome},
		"forged first, right-most counts":      {zone, []string{"192.0.2.66, 203.0.113.7"}, false, "203.0.113.7", "Lisbon, Portugal", chrome},
		"trusted hops on the right skipped":    {zone, []string{"203.0.113.7, 10.1.2.3"}, false, "203.0.113.7", "Lisbon, Portugal", chrome},
		"two headers are one list":             {zone, []string{"192.0.2.66", "203.0.113.7"}, false, "203.0.113.7", "Lisbon, Portugal", chrome},
		"IPv6":                                 {zone, []string{"2001:db8::7"}, false, "2001:db8::7", "Unknown place", chrome},
		"IPv4 in IPv6":                         {zone, []string{"::ffff:203.0.113.7"}, false, "203.0.113.7", "Lisbon, Portugal", chrome},
		"this machine":                         {zone, []string{"127.0.0.1"}, false, "127.0.0.1", "This machine", chrome},
		"embedded limitation shows the server": {zone, []string{"203.0.113.7"}, true, proxy, "Oslo, Norway", "Sidegate gateway (server)"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(cfg *oktasim.Config) {
				cfg.TrustedProxies = c.zone
				cfg.EmbeddedPushShowsServer = c.embedded
			})
			b.head = http.Header{"X-Forwarded-For": c.forwarded, "User-Agent": {chrome}}
			s := b.begin()
			s.password(pushUser, password)
			s.choose("push").wantStep(200, "challenge-poll")
			p := s.pending(pushUser)
			if p.Address != c.address || p.Place != c.place || p.UserAgent != c.agent || p.App != "Payroll" {
				t.Fatalf("the phone shows %q, %q, %q, %q", p.Address, p.Place, p.UserAgent, p.App)
			}
		})
	}
}

func TestMalformedForwardedForFromATrustedProxyIs500(t *testing.T) {
	for _, value := range []string{"unknown", "203.0.113.7:80", "203.0.113.7,", "", "203.0.113.7, evil"} {
		t.Run(value, func(t *testing.T) {
			b := newBench(t, func(cfg *oktasim.Config) {
				cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(proxy + "/32")}
			})
			b.head = http.Header{"X-Forwarded-For": {value}}
			a := b.form("/oauth2/default/v1/interact", interactForm("v"))
			a.want(500, "errorCode", a.str("errorCode"), "E0000009")

			b.org.Update(func(c *oktasim.Config) { c.TrustedProxies = nil })
			if a := b.form("/oauth2/default/v1/interact", interactForm("v")); a.status != 200 {
				t.Fatalf("from an untrusted peer it is ignored; status %d", a.status)
			}
		})
	}
}

func TestUpdateChangesTheSwitchesAlone(t *testing.T) {
	s := newBench(t).begin()
	s.org.Update(func(c *oktasim.Config) {
		c.EmbeddedPushShowsServer = true
		c.Users, c.Clients, c.URL = nil, nil, "http://other.test"
	})
	s.password(pushUser, password)
	a := s.choose("push").wantStep(200, "challenge-poll")
	if p := s.pending(pushUser); p.UserAgent != "Sidegate gateway (server)" {
		t.Errorf("agent %q", p.UserAgent)
	}
	if got := a.str("cancel", "href"); got != orgURL+"/idp/idx/cancel" {
		t.Errorf("href %q", got)
	}
}
