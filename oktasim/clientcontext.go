package oktasim

import (
	"errors"
	"net/netip"
	"strings"
)

// serverAgent is what a push shows for User-Agent with EmbeddedPushShowsServer.
const serverAgent = "Sidegate gateway (server)"

// clientContext is a machine as Okta sees it.
type clientContext struct {
	address   string
	userAgent string
}

var errForwardedFor = errors.New("malformed X-Forwarded-For from a trusted proxy")

// findClient decides whom the request speaks for. X-Forwarded-For counts only from a peer inside the
// network zone; then the right-most address outside the zone is the client, and an element that is no
// address is an error (which Okta answers with 500).
func (x *exchange) findClient() error {
	peer, err := netip.ParseAddrPort(x.r.RemoteAddr)
	if err != nil {
		return err
	}
	addr := peer.Addr().Unmap().WithZone("")
	agent := x.r.UserAgent()
	x.peer = clientContext{address: addr.String(), userAgent: agent}
	x.client = x.peer
	values := x.r.Header.Values("X-Forwarded-For")
	if len(values) == 0 || !trusted(x.cfg.TrustedProxies, addr) {
		return nil
	}
	elements := strings.Split(strings.Join(values, ","), ",")
	chain := make([]netip.Addr, len(elements))
	for i, e := range elements {
		a, err := netip.ParseAddr(strings.TrimSpace(e))
		if err != nil {
			return errForwardedFor
		}
		chain[i] = a.Unmap().WithZone("")
	}
	i := len(chain) - 1
	for i > 0 && trusted(x.cfg.TrustedProxies, chain[i]) {
		i--
	}
	x.client.address = chain[i].String()
	return nil
}

func trusted(zone []netip.Prefix, a netip.Addr) bool {
	for _, p := range zone {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// pushContext is what a push that this request causes shows on the phone.
func (x *exchange) pushContext() clientContext {
	if x.cfg.EmbeddedPushShowsServer {
		return clientContext{address: x.peer.address, userAgent: serverAgent}
	}
	return x.client
}

// places is a made-up map of the documentation networks of RFC 5737.
var places = []struct {
	network netip.Prefix
	place   string
}{
	{netip.MustParsePrefix("203.0.113.0/24"), "Lisbon, Portugal"},
	{netip.MustParsePrefix("198.51.100.0/24"), "Oslo, Norway"},
	{netip.MustParsePrefix("192.0.2.0/24"), "Wellington, New Zealand"},
}

func placeOf(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return "Unknown place"
	}
	if a.IsLoopback() {
		return "This machine"
	}
	for _, p := range places {
		if p.network.Contains(a) {
			return p.place
		}
	}
	return "Unknown place"
}
