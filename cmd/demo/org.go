package main

import (
	"net"
	"net/http"
	"net/netip"

	"sidegate.example/sidegate/oktasim"
)

// The app and the API token as the simulated org knows them. The secrets guard nothing beyond this process.
const (
	clientID     = "sidegate-demo"
	clientSecret = "only-for-the-demo"
	apiToken     = "00only-for-the-demo"
	password     = "demo-Passw0rd"
	title        = "Time sheets"
)

// newcomer has no password yet, and is mailed a link when the demo starts.
const newcomer = "wes@example.com"

// gatewayAddress is where the gateway pretends to be, as Okta sees it: a data centre in a country that the
// person is not in (RFC 5737; the simulator has it in Oslo).
const gatewayAddress = "198.51.100.10"

// person is one test user and what to expect when signing in.
type person struct {
	Login    string `json:"login"`
	Password string `json:"password"`
	Phone    string `json:"phone"`
	Inbox    string `json:"inbox"`
	Expect   string `json:"expect"`

	user oktasim.User
}

// people are the test users; phones and inboxes are the base URLs of their pages.
func people(phones, inboxes string) []person {
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
		{Expect: "the account is locked: “Unlock your account”, with a code from the inbox, then sign in", user: oktasim.User{
			Login: "lou@example.com", Name: "Lou Locked",
			Device: "Pixel 6", Methods: []string{"push"}, Enrolled: []string{"okta_email"}, Locked: true,
		}},
		{Expect: "new here: a code from the inbox, then Okta Verify, whose QR code the phone scans; next time a push", user: oktasim.User{
			Login: "ned@example.com", Name: "Ned New", Groups: []string{"staff"},
			Enrolled: []string{"okta_email"}, Require: []string{"okta_verify"},
		}},
		{Expect: "many ways: email, text, call, Google Authenticator, security question, token", user: oktasim.User{
			Login: "max@example.com", Name: "Max Many", Groups: []string{"staff"},
			Enrolled: []string{"okta_email", "phone_number", "google_otp", "security_question", "onprem_mfa"},
		}},
		{Expect: "after the code of the phone, more to set up: a phone number, Google Authenticator, a question", user: oktasim.User{
			Login: "sue@example.com", Name: "Sue Setup", Groups: []string{"staff"},
			Device: "iPhone 13", Methods: []string{"totp"}, Require: []string{"phone_number", "google_otp", "security_question", "okta_email"},
		}},
		{Expect: "the password has expired, and a phone number can be set up or skipped", user: oktasim.User{
			Login: "exa@example.com", Name: "Exa Expired", Groups: []string{"staff"},
			Device: "Pixel 5", Methods: []string{"totp"}, PasswordState: "expired", Optional: []string{"phone_number"}, Enrolled: []string{"okta_email"},
		}},
		{Expect: "a code from the inbox, then a passkey or security key of your own, if you like", user: oktasim.User{
			Login: "kit@example.com", Name: "Kit Key", Groups: []string{"staff"},
			Enrolled: []string{"okta_email"}, Optional: []string{"webauthn"},
		}},
		{Expect: "begin in the inbox: the link in the welcome email asks for a password and Okta Verify", user: oktasim.User{
			Login: newcomer, Name: "Wes Welcome", Groups: []string{"staff"},
			Status: "STAGED", Require: []string{"okta_password", "okta_verify"},
		}},
	}
	for i := range list {
		p := &list[i]
		p.Login, p.Password, p.Phone = p.user.Login, password, phones+p.user.Login
		p.Inbox = inboxes + p.user.Login
		if p.Login == newcomer {
			p.Password = "" // is chosen on the way
		}
		p.user.Password, p.user.Email = p.Password, p.user.Login
	}
	return list
}

// orgConfig describes the simulated org of the demo's places. redirects are the redirect URIs registered for the
// gateway.
func orgConfig(at places, redirects []string, o options) oktasim.Config {
	c := oktasim.Config{
		URL:     at.Okta,
		Clients: []oktasim.Client{{ID: clientID, Label: title, Secret: clientSecret, RedirectURIs: redirects, GlobalTokenRevocation: at.Site + "/_mfa/global-token-revocation"}},
		Tokens:  []oktasim.Token{{Value: apiToken, Role: oktasim.RoleOrgAdmin}},
		Refresh: o.refresh,
		Policy: oktasim.Policy{
			Factors:   oktasim.FactorsPolicy{AuthnPasswordOnly: true},
			MagicLink: true, Recover: true, Unlock: true, Channels: []string{"qrcode", "email", "sms", "samedevice"},
			ActivationLink: at.Site + "/_mfa/activate", RecoveryLink: at.Site + "/_mfa/recover",
		},
		EmbeddedPushShowsServer: o.embeddedPushShowsServer,
	}
	for _, p := range at.People {
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
