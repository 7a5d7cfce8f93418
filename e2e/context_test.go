package e2e

import (
	"strings"
	"testing"
)

// gatewayAddress is where the demo's gateway comes from, as Okta sees it.
const gatewayAddress = "198.51.100.10"

// pushShows signs pat in as far as the push, on a site of a demo with the given switches, and returns the push
// and the phone's text.
func pushShows(t *testing.T, shot string, site func(*demo) string, args ...string) (push, string) {
	t.Helper()
	b := newBrowser(t, startDemo(t, args...))
	pat := b.d.person("pat")
	p := b.tab()
	p.askPush(pat, site(b.d)+"/")
	phone := b.phone(pat)
	text := phone.text(card)
	phone.shot(shot)
	pushes := b.d.pushes(pat)
	if len(pushes) != 1 {
		t.Fatalf("%d pushes, want 1", len(pushes))
	}
	return pushes[0], text
}

// onSite and onPayroll are the sites of the two engines.
func onSite(d *demo) string    { return d.Site }
func onPayroll(d *demo) string { return d.Payroll }

// Without the network zone Okta does not believe X-Forwarded-For, whichever engine sends it: the gateway's address counts.
func TestWithoutZoneThePhoneShowsTheGatewaysAddress(t *testing.T) {
	for engine, site := range map[string]func(*demo) string{"identity_engine": onSite, "factors": onPayroll} {
		t.Run(engine, func(t *testing.T) {
			got, text := pushShows(t, "phone-zone-off-"+engine, site, "-zone=off")
			if got.Address != gatewayAddress || got.UserAgent != browserAgent {
				t.Errorf("the push carried %s and %q, want the gateway's address and the browser's agent", got.Address, got.UserAgent)
			}
			if strings.Contains(text, browserAddress) || !strings.Contains(text, gatewayAddress) {
				t.Errorf("the phone showed %q, want %s in it", text, gatewayAddress)
			}
		})
	}
}

// Okta's documented limitation of the embedded flow: the phone shows the server, whatever it passes on.
func TestEmbeddedLimitationShowsTheServer(t *testing.T) {
	got, text := pushShows(t, "phone-embedded-limitation", onSite, "-embedded-push-shows-server")
	if got.Address != gatewayAddress || got.UserAgent == browserAgent || got.UserAgent == "" {
		t.Errorf("the push carried %s and %q, want the server's address and agent", got.Address, got.UserAgent)
	}
	if strings.Contains(text, browserAddress) || strings.Contains(text, browserShown) {
		t.Errorf("the phone showed %q, which is the browser", text)
	}
}

// S22: without a trusted proxy in front nobody can choose the address that the phone shows.
func TestForwardedForFromABrowserIsNotBelieved(t *testing.T) {
	got, _ := pushShows(t, "phone-forged-address", onSite, "-behind-proxy=false")
	if got.Address != "127.0.0.1" {
		t.Errorf("the push carried %s, which a header of the browser chose; want 127.0.0.1", got.Address)
	}
}
