package oktasim_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

// notRecorded are members that stand in none of the recordings beside the repository and in Okta's widget or the reference
// all the same.
var notRecorded = []string{
	".currentAuthenticator.value.contextualData.samedevice.setupOVUrl",       // identity-engine.md §5.4
	".currentAuthenticator.value.contextualData.phoneNumber",                 // §5.4, set up by a text
	".currentAuthenticator.value.contextualData.useEmailMagicLink",           // §6.2
	".currentAuthenticatorEnrollment.value.contextualData.useEmailMagicLink", // §6.2
	".currentAuthenticator.value.settings.daysToExpiry",                      // §6.1
	".currentAuthenticator.value.contextualData.challengeData.rpId",          // §6.6
	".currentAuthenticator.value.contextualData.activationData.rp.id",        // §6.6
	".authenticators.value[].gracePeriod",                                    // §3.5
	".authenticators.value[].gracePeriod.type",                               // §3.5
	".authenticators.value[].gracePeriod.expiry",                             // §3.5
	".remediation.value[].type", ".remediation.value[].idp",                  // §3.2
	".remediation.value[].idp.id", ".remediation.value[].idp.name",
}

// everySetUp are the documents of setting authenticators up, of the other factors, and of the ways without a password.
func everySetUp(t *testing.T) map[string]*answer {
	t.Helper()
	docs := map[string]*answer{}
	labels := map[string]string{
		"okta_verify": "Okta Verify", "okta_email": "Email", "phone_number": "Phone", "google_otp": "Google Authenticator", "security_question": "Security Question",
		"webauthn": passkeyLabel, "custom_app": "Custom Push", "onprem_mfa": "On-Prem MFA", "rsa_token": "RSA SecurID", "symantec_vip": "Symantec VIP",
		"yubikey_token": "YubiKey", "custom_otp": "Custom OTP",
	}
	links := func(c *oktasim.Config) {
		c.Policy.MagicLink, c.Policy.RPID = true, "app.example"
		c.Policy.Channels = []string{"qrcode", "email", "sms", "samedevice"}
	}
	for key, label := range labels {
		if key != "okta_verify" {
			s, a := entered(t, oktasim.User{Enrolled: []string{key}}, links)
			docs[key] = s.use(a, label, nil)
		}
		if key != "custom_otp" {
			s, a := entered(t, oktasim.User{Require: []string{key}}, links)
			docs["choose "+key] = a
			docs["enrol "+key] = s.enrol(a, label, nil)
		}
	}
	s, a := entered(t, oktasim.User{Enrolled: []string{"phone_number"}})
	docs["sms"] = s.use(a, "Phone", map[string]any{"methodType": "sms"})
	s, a = entered(t, oktasim.User{Require: []string{"phone_number"}})
	docs["enrol sms"] = s.enrol(a, "Phone", map[string]any{"methodType": "sms", "phoneNumber": "+15555550177"})

	s, a = settingUp(t, links)
	docs["same device"] = s.channel(a, "samedevice")
	docs["channel email"] = s.channel(a, "email")
	docs["e-mailed link"] = s.step("challenge/send", map[string]any{"email": "joy@home.example"})
	docs["channel sms"] = s.channel(a, "sms")
	docs["bad number"] = s.step("challenge/send", map[string]any{"phoneNumber": "1"})
	docs["texted link"] = s.step("challenge/send", map[string]any{"phoneNumber": "+15555550177"})

	_, docs["grace period"] = entered(t, oktasim.User{Require: []string{"okta_email"}, GraceUntil: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)})
	_, docs["expired password"] = entered(t, oktasim.User{PasswordState: "expired"})
	_, docs["expiring password"] = entered(t, oktasim.User{PasswordState: "expiring"})
	_, docs["keep me signed in"] = entered(t, oktasim.User{}, func(c *oktasim.Config) { c.Policy.PasswordOnly, c.Policy.KeepMeSignedIn = true, true })
	_, docs["not assigned"] = entered(t, oktasim.User{Access: "unassigned"})
	_, docs["denied"] = entered(t, oktasim.User{Access: "denied"})

	b := newBench(t, withUser(oktasim.User{Locked: true, Enrolled: []string{"okta_email"}}, func(c *oktasim.Config) {
		c.Policy.Unlock, c.Policy.Recover, c.Policy.RecoveryLink = true, true, recoveryPage
	}))
	s = b.begin()
	docs["identify, recoverable"] = s.step("introspect", nil)
	docs["recover"] = s.step("recover", nil)
	s = newBench(t, func(c *oktasim.Config) { c.Policy.IdentifierFirst, c.Policy.Recover = true, true }).begin()
	docs["password, recoverable"] = s.step("identify", map[string]any{"identifier": pushUser})
	delete(labels, "custom_otp") // nobody can set it up
	_, docs["choose among all"] = entered(t, oktasim.User{Require: slices.Sorted(maps.Keys(labels))})
	s = b.begin()
	docs["unlock"] = s.step("unlock-account", nil)
	s = b.begin()
	docs["unlock by e-mail"] = s.unlock(someone, "Email", nil)
	docs["unlocked"] = s.answer(map[string]any{"passcode": s.newest(someone).Code})
	_, docs["reset"] = b.interactWith("recovery_token", b.welcomed("recovery", recoveryPage))
	_, docs["probe"] = opened(t, oktasim.Policy{DeviceProbe: true})
	_, docs["safe mode"] = opened(t, oktasim.Policy{SafeModePolls: 1})
	_, docs["other ways in"] = opened(t, oktasim.Policy{FastPass: true, IdentityProviders: []string{"GOOGLE"}})
	return docs
}
