package identityengine

import (
	"cmp"
	"strings"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// kind is what this gateway makes of an authenticator of Okta's.
type kind struct {
	// methods are the ways to use it that a person can answer here, by Okta's name; "" is any.
	methods map[string]identity.Factor
	// obstacle is why there is none.
	obstacle flows.Obstacle
}

// kinds are the authenticators by key (§4.6). signed_nonce (FastPass) needs a process on the person's machine that
// answers Okta, Duo its own frame, identity providers and smart cards the browser itself: they are never offered.
var kinds = map[string]kind{
	"okta_password":     {methods: map[string]identity.Factor{"": identity.Password}},
	"okta_email":        {methods: map[string]identity.Factor{"": identity.Email}},
	"phone_number":      {methods: map[string]identity.Factor{"sms": identity.SMS, "voice": identity.Voice}},
	"google_otp":        {methods: map[string]identity.Factor{"": identity.GoogleOTP}},
	"security_question": {methods: map[string]identity.Factor{"": identity.SecurityQuestion}},
	"webauthn":          {methods: map[string]identity.Factor{"": identity.WebAuthn}, obstacle: flows.ObstacleWebAuthn},
	"onprem_mfa":        {methods: map[string]identity.Factor{"": identity.HardwareOTP}},
	"rsa_token":         {methods: map[string]identity.Factor{"": identity.HardwareOTP}},
	"symantec_vip":      {methods: map[string]identity.Factor{"": identity.HardwareOTP}},
	"yubikey_token":     {methods: map[string]identity.Factor{"": identity.HardwareOTP}},
	"custom_otp":        {methods: map[string]identity.Factor{"": identity.Other}},
	"tac":               {methods: map[string]identity.Factor{"": identity.Other}},
	"custom_app":        customApp,
	"custom_push":       customApp,
	"duo":               {obstacle: flows.ObstacleDuo},
	"external_idp":      {obstacle: flows.ObstacleIdentityProvider},
	"smart_card_idp":    {obstacle: flows.ObstacleSmartCard},
	"smart_card":        {obstacle: flows.ObstacleSmartCard},
	"nfc_pin":           {obstacle: flows.ObstacleDevice},
}

var customApp = kind{methods: map[string]identity.Factor{"push": identity.CustomPush}, obstacle: flows.ObstacleFastPass}

var oktaVerify = kind{
	methods:  map[string]identity.Factor{"push": identity.Push, "totp": identity.TOTP},
	obstacle: flows.ObstacleFastPass,
}

// kind is what can be done with the authenticator; false for one that nothing is known of.
func (r reader) kind(at authenticator) (kind, bool) {
	switch {
	case at.isPassword():
		return kinds["okta_password"], true
	case at.isOktaVerify():
		return oktaVerify, true
	}
	k, ok := kinds[at.key]
	if at.key == "webauthn" && !r.webAuthn {
		k.methods = nil
	}
	return k, ok
}

// factor is what answering the authenticator by a method proves; "" when no method fits.
func (k kind) factor(method string) identity.Factor {
	if f, ok := k.methods[method]; ok {
		return f
	}
	return k.methods[""]
}

// currentFactor is the factor that the document asks for: by the method that it names, or the only one there is. It is
// "", which proves nothing, where Okta does not say what is asked: it might be the password (immunity S71).
func (r reader) currentFactor(at authenticator) identity.Factor {
	k, known := r.kind(at)
	switch {
	case at.key == "" && !known:
		return ""
	case !known:
		return identity.Other
	}
	for _, m := range at.methods {
		if f := k.factor(m); f != "" {
			return f
		}
	}
	switch {
	case at.key == "phone_number":
		return identity.SMS // recordings without a method exist; a text is what Okta sends by default
	case at.isOktaVerify():
		return identity.Push
	}
	return k.methods[""]
}

// detail tells two authenticators of one kind apart: the phone's name, a masked number or address.
func (a authenticator) detail() string {
	if a.device != "" {
		return a.device
	}
	profile := a.node.get("profile")
	for _, name := range []string{"phoneNumber", "email"} {
		if s := profile.get(name).text(); s != "" {
			return shorten(s)
		}
	}
	return ""
}

// obstacles are what stands behind forms that only a browser or a device can answer (§4.4).
var obstacles = map[string]flows.Obstacle{
	"launch-authenticator":                        flows.ObstacleFastPass,
	"device-challenge-poll":                       flows.ObstacleDevice,
	"device-apple-sso-extension":                  flows.ObstacleDevice,
	"device-enrollment-terminal":                  flows.ObstacleDevice,
	"redirect-idp":                                flows.ObstacleIdentityProvider,
	"piv-idp":                                     flows.ObstacleSmartCard,
	"redirect-idverify":                           flows.ObstacleIdentityVerification,
	"reenroll-custom-password-expiry":             flows.ObstaclePasswordElsewhere,
	"reenroll-custom-password-expiry-warning":     flows.ObstaclePasswordElsewhere,
	"launch-webauthn-authenticator":               flows.ObstacleWebAuthn,
	"launch-passkeys-authenticator":               flows.ObstacleWebAuthn,
	"launch-nfc-authenticator":                    flows.ObstacleDevice,
	"challenge-webauthn-autofillui-authenticator": flows.ObstacleWebAuthn,
	"enroll-webauthn-residentkey":                 flows.ObstacleWebAuthn,
	"identify-recovery":                           flows.ObstacleSelfService,
	"select-enroll-profile":                       flows.ObstacleSelfService,
	"unlock-account":                              flows.ObstacleSelfService,
	"select-authenticator-unlock-account":         flows.ObstacleSelfService,
	"request-activation-email":                    flows.ObstacleSelfService,
	"reset-authenticator":                         flows.ObstacleSelfService,
}

// obstacle names what keeps the document from being served, "" when nothing known does. Side doors such as "forgot
// password" stand beside much that has another reason.
func (r reader) obstacle() flows.Obstacle {
	var last flows.Obstacle
	for _, f := range r.doc.forms {
		o := r.obstacleOf(f)
		if o != "" && o != flows.ObstacleSelfService {
			return o
		}
		last = cmp.Or(last, o)
	}
	return last
}

func (r reader) obstacleOf(f *form) flows.Obstacle {
	if f.name == "redirect-idp" && strings.EqualFold(f.kind, "X509") {
		return flows.ObstacleSmartCard
	}
	if find(f.fields, "captchaVerify") != nil {
		return flows.ObstacleCaptcha
	}
	if o, ok := obstacles[f.name]; ok {
		return o
	}
	if k, _ := r.kind(r.doc.current(f)); k.obstacle != "" {
		return k.obstacle
	}
	if outer := find(f.fields, "authenticator"); outer != nil {
		for _, o := range outer.options {
			if k, _ := r.kind(readAuthenticator(r.doc.root.resolve(o.relatesTo))); k.obstacle != "" {
				return k.obstacle
			}
		}
	}
	return ""
}

// servedMethods are the methods of at that a person can answer here, in Okta's order.
func (r reader) servedMethods(fields []field, at authenticator) []method {
	k, known := r.kind(at)
	if !known {
		return nil
	}
	_, any := k.methods[""]
	var out []method
	for _, m := range methodsOf(fields, at) {
		if f, ok := k.methods[m.name]; ok || any {
			if !ok {
				f = k.methods[""]
			}
			m.factor = f
			out = append(out, m)
		}
	}
	if len(out) > 0 || !any && len(k.methods) == 0 {
		if any {
			out = out[:1] // one way is enough where all are the same
		}
		return out
	}
	if any {
		return []method{{factor: k.methods[""]}}
	}
	if at.key == "phone_number" && len(methodsOf(fields, at)) == 0 {
		return []method{{factor: identity.SMS}} // Okta asks for the method next
	}
	return nil
}
