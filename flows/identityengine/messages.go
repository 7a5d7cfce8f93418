package identityengine

import (
	"slices"
	"strings"
	"unicode/utf8"

	"sidegate.example/sidegate/flows"
)

// Keys of our own messages, whose texts are the pages'.
const (
	// keyCredentials is what every refusal of identifier and password says, whatever Okta said.
	keyCredentials = "sidegate.credentials"
	// keyCodeFormat says that what was typed cannot be a code.
	keyCodeFormat = "sidegate.code_format"
	// keyRequired says that an input must be filled in, keyUnreadable that it holds what cannot be sent, keyMismatch that
	// the two new passwords differ.
	keyRequired   = "sidegate.required"
	keyUnreadable = "sidegate.unreadable"
	keyMismatch   = "sidegate.mismatch"
	// keyAccepted says that Okta has the answer and that nothing is left to do.
	keyAccepted = "sidegate.accepted"
	// keyWrongCode is Okta's own key, for a refusal without any message.
	keyWrongCode = "api.authn.error.PASSCODE_INVALID"
)

// accepted has a text for pages that have none of their own: they are about to ask for a phone that has
// already answered.
var accepted = flows.Message{
	Key: keyAccepted, Text: "Okta has accepted your answer. The sign-in is being completed: there is nothing left to do for you.",
}

// readMessages takes what is on one object; each key and text once (§3.6).
func readMessages(n node) []flows.Message {
	var out []flows.Message
	for _, m := range n.items() {
		msg := flows.Message{
			Key:   shorten(m.get("i18n").get("key").text()),
			Text:  shorten(m.get("message").text()),
			Error: m.get("class").text() == "ERROR",
		}
		if msg.Key == "" && msg.Text == "" || slices.Contains(out, msg) || len(out) == maxMessages {
			continue
		}
		out = append(out, msg)
	}
	return out
}

// shorten cuts a text of Okta's to what a page can bear, on a rune boundary.
func shorten(s string) string {
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

func anyError(list []flows.Message) bool {
	return slices.ContainsFunc(list, func(m flows.Message) bool { return m.Error })
}

// meaning is what message keys tell about an attempt.
type meaning int

const (
	meansNothing meaning = iota
	meansExpired
	meansTimeout
	meansRejected
	meansUpdateApp
	meansLocked
	meansPolicy
	meansRateLimited
	meansUnavailable
	// meansCredentials refuses identifier or password.
	meansCredentials
	// meansElsewhere: the sign-in goes on, or was ended, somewhere else (§6.2).
	meansElsewhere
	// meansRestored: the account was unlocked; the sign-in is still to come.
	meansRestored
	// meansDegraded ends a poll, and is an outage anywhere else.
	meansDegraded
)

// meanings are tried in order; key parts are compared in lower case. Only keys decide: texts are translated
// and change (§8.3).
var meanings = []struct {
	part string
	meaning
}{
	{"idx.session.expired", meansExpired},
	{"transaction_resource_not_found", meansTimeout},
	{"push_rejected", meansRejected},
	{"force.upgrade", meansUpdateApp},
	{"verify.enable.biometrics", meansUpdateApp},
	{"suspended_factor", meansLocked},
	{"idx.return.", meansElsewhere},
	{"idx.transferred", meansElsewhere},
	{"idx.operation.cancelled", meansElsewhere},
	{"idx.enter.otp.in.original.tab", meansElsewhere},
	{"user.suspended", meansLocked},
	{"user.deprovisioned", meansLocked},
	{"locked", meansLocked},
	{"lockout", meansLocked},
	{"unlock_user.success", meansRestored},
	{"unlock_user.challenge.failed", meansPolicy},
	{"reset.password.not.allowed", meansPolicy},
	{"e0000119", meansLocked},
	{"e0000069", meansLocked},
	{"access_denied", meansPolicy},
	{"user_not_assigned", meansPolicy},
	{"user.not.assigned", meansPolicy},
	{"assurance", meansPolicy},
	{"e0000006", meansPolicy},
	{"toomanyrequests", meansRateLimited},
	{"e0000047", meansRateLimited},
	{"server.safe.mode", meansUnavailable},
	{"e0000009", meansUnavailable},
	{"e0000010", meansDegraded},
	{"e0000004", meansCredentials},
	{"incorrectpassword", meansCredentials},
	{"unknown.user", meansCredentials},
}

// meaningOf is that of the first message with a known key.
func meaningOf(list []flows.Message) meaning {
	for _, m := range list {
		key := strings.ToLower(m.Key)
		for _, k := range meanings {
			if strings.Contains(key, k.part) {
				return k.meaning
			}
		}
	}
	return meansNothing
}
