package main

import (
	"net"
	"net/http"
	"net/netip"

	"sidegate.example/sidegate/oktasim"
)

// The app as the simulated org knows it. The secret guards nothing beyond this process.
const (
	clientID     = "sidegate-demo"
	clientSecret = "only-for-the-demo"
	password     = "demo-Passw0rd"
	title        = "Time sheets"
)

// gatewayAddress is where the gateway pretends to be, as Okta sees it: a data centre in a country that the
// person is not in (RFC 5737; the simulator has it in Oslo).
const gatewayAddress = "198.51.100.10"

// person is one test user and what to expect when signing in.
type person struct {
	Login    string `json:"login"`
	Password string `json:"password"`
	Phone    string `json:"phone"`
	Expect   string `json:"expect"`

	user oktasim.User
}

// people are the test users; phones is the base URL of the phone pages.
func people(phones string) []person {
	list := []person{
		{Expect: "a push: press “Yes, it's me” on the phone", user: oktasim.User{
			Login: "pat@example.com", Name: "Pat Push", Groups: []string{"staff", "finance"},
			Device: "Pixel 7", Methods: []string{"push", "totp"},
		}},
		{Expect: "a push: tap the number that the page shows", user: oktasim.User{
			Login: "nia@example.com", Name: "Nia Number", Groups: []string{"staff"},
			Device: "iPhone 15", Methods: []string{"push", "totp"}, NumberChallenge: true,
		}},
		{Expect: "no push: type the code that the phone shows", user: oktasim.User{
			Login: "tom@example.com", Name: "Tom Totp", Groups: []string{"staff"},
			Device: "Galaxy S23", Methods: []string{"totp"},
		}},
		{Expect: "the account is locked: no way in", user: oktasim.User{
			Login: "lou@example.com", Name: "Lou Locked",
			Device: "Pixel 6", Methods: []string{"push"}, Locked: true,
		}},
	}
	for i := range list {
		p := &list[i]
		p.Login, p.Password, p.Phone = p.user.Login, password, phones+p.user.Login
		p.user.Password, p.user.Email = password, p.user.Login
	}
	return list
}

// orgConfig describes the simulated org at url. redirects are the redirect URIs registered for the
// gateway.
func orgConfig(url string, redirects []string, users []person, o options) oktasim.Config {
	c := oktasim.Config{
		URL:                     url,
		Clients:                 []oktasim.Client{{ID: clientID, Label: title, Secret: clientSecret, RedirectURIs: redirects}},
		Refresh:                 o.refresh,
		EmbeddedPushShowsServer: o.embeddedPushShowsServer,
	}
	for _, p := range users {
		c.Users = append(c.Users, p.user)
	}
	if !o.zoneOff {
		egress := netip.MustParseAddr(gatewayAddress)
		c.TrustedProxies = []netip.Prefix{netip.PrefixFrom(egress, egress.BitLen())}
	}
	return c
}

// fromDataCentre gives every request the address that Okta would see the gateway come from. On one machine
// the gateway and the browser have the same address, and nobody could tell whose the phone shows.
func fromDataCentre(okta http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = net.JoinHostPort(gatewayAddress, "443")
		okta.ServeHTTP(w, r)
	})
}
