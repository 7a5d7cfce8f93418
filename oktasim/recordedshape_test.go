package oktasim_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// twins are recordings and the document of ours (everyDocument) that stands for the same step.
var twins = map[string]string{
	"authenticator-enroll-data-phone":                    "enrol phone_number",
	"authenticator-enroll-phone":                         "enrol sms",
	"authenticator-enroll-email":                         "enrol okta_email",
	"authenticator-enroll-google-authenticator":          "enrol google_otp",
	"authenticator-enroll-ov-qr":                         "enrol okta_verify",
	"authenticator-enroll-ov-email":                      "e-mailed link",
	"authenticator-enroll-ov-via-email":                  "channel email",
	"authenticator-enroll-ov-same-device":                "same device",
	"authenticator-enroll-security-question":             "enrol security_question",
	"authenticator-enroll-webauthn":                      "enrol webauthn",
	"authenticator-enroll-select-authenticator":          "choose among all",
	"authenticator-expired-password":                     "expired password",
	"authenticator-reset-password":                       "reset",
	"authenticator-verification-custom-app-push":         "custom_app",
	"authenticator-verification-email":                   "okta_email",
	"authenticator-verification-phone-sms":               "sms",
	"authenticator-verification-google-authenticator":    "google_otp",
	"authenticator-verification-number-challenge":        "number",
	"authenticator-verification-okta-verify-push":        "push",
	"authenticator-verification-okta-verify-reject-push": "rejected",
	"authenticator-verification-okta-verify-totp":        "TOTP",
	"authenticator-verification-on-prem":                 "onprem_mfa",
	"authenticator-verification-password":                "password, recoverable",
	"authenticator-verification-security-question":       "security_question",
	"authenticator-verification-symantec-vip":            "symantec_vip",
	"authenticator-verification-webauthn":                "webauthn",
	"authenticator-verification-yubikey":                 "yubikey_token",
	"error-okta-verify-totp":                             "wrong TOTP",
	"error-401-session-expired":                          "expired",
	"error-403-security-access-denied":                   "denied",
	"identify-recovery":                                  "recover",
	"identify-with-password":                             "identify, recoverable",
	"identify-with-device-probing-loopback":              "probe",
	"post-auth-keep-me-signed-in":                        "keep me signed in",
	"safe-mode-polling":                                  "safe mode",
	"success-with-interaction-code":                      "success",
}

// shape is what a client goes by: the first form with its address and its inputs, what it is about, what that carries, and
// the keys of the messages.
func shape(doc map[string]any) []string {
	a := &answer{doc: doc}
	out := []string{"form " + a.first()}
	first := []any{"remediation", "value", 0}
	if u, err := url.Parse(a.str(append(first, "href")...)); err == nil {
		out = append(out, "at "+u.Path)
	}
	var inputs []string
	collect(a.at(append(first, "value")...), "", &inputs)
	slices.Sort(inputs)
	out = append(out, "inputs "+strings.Join(slices.Compact(inputs), " "))
	for _, place := range []string{"currentAuthenticator", "currentAuthenticatorEnrollment"} {
		value, _ := a.at(place, "value").(map[string]any)
		if value == nil {
			continue
		}
		line := place + " " + a.str(place, "value", "key")
		for _, action := range []string{"poll", "resend", "recover"} {
			if value[action] != nil {
				line += " " + action
			}
		}
		data, _ := value["contextualData"].(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(data)) {
			line += " " + k
		}
		out = append(out, line)
	}
	list, _ := a.at("messages", "value").([]any)
	for i := range list {
		out = append(out, "says "+a.str("messages", "value", i, "i18n", "key"))
	}
	return out
}

// collect finds the inputs of a form, those of its alternatives too.
func collect(v any, at string, into *[]string) {
	fields, _ := v.([]any)
	for _, f := range fields {
		field, _ := f.(map[string]any)
		name, _ := field["name"].(string)
		*into = append(*into, at+name)
		inner := []any{field["form"], field["value"]}
		options, _ := field["options"].([]any)
		for _, o := range options {
			option, _ := o.(map[string]any)
			inner = append(inner, option["value"])
		}
		for _, n := range inner {
			m, _ := n.(map[string]any)
			if form, ok := m["form"].(map[string]any); ok {
				m = form
			}
			collect(m["value"], at+name+".", into)
		}
	}
}

// differs says in what a document of ours is not as recorded, and why.
var differs = map[string]string{
	"authenticator-verification-okta-verify-push: at /idp/idx/challenge/poll":                 pollAddress,
	"authenticator-verification-number-challenge: at /idp/idx/challenge/poll":                 pollAddress,
	"authenticator-verification-okta-verify-push: currentAuthenticator okta_verify":           "newer recordings can send the push again, as ours",
	"authenticator-verification-custom-app-push: currentAuthenticator custom_app":             "as Okta Verify",
	"authenticator-enroll-email: currentAuthenticator okta_email poll resend":                 magicLink,
	"authenticator-verification-email: currentAuthenticatorEnrollment okta_email poll resend": magicLink,
}

const (
	pollAddress = "newer recordings poll Okta Verify at authenticators/poll (identity-engine.md §4.1)"
	magicLink   = "ours says useEmailMagicLink too, which newer ones do (§6.2)"
)

// Each document of ours has the form, the inputs and the data that Okta's has at that step.
func TestDocumentsHaveTheShapeOfOktas(t *testing.T) {
	docs := everyDocument(t)
	checked := 0
	for recording, name := range twins {
		raw, err := os.ReadFile(filepath.Join(recordings, recording+".json"))
		if os.IsNotExist(err) {
			continue
		}
		var recorded map[string]any
		if err := json.Unmarshal(raw, &recorded); err != nil {
			t.Fatal(err)
		}
		checked++
		ours := docs[name]
		if ours == nil {
			t.Fatalf("no document %q", name)
		}
		got, want := shape(ours.doc), shape(recorded)
		for _, line := range want {
			if !slices.Contains(got, line) && differs[recording+": "+line] == "" {
				t.Errorf("%s: Okta has %q, ours is %q", recording, line, got)
			}
		}
	}
	if checked == 0 {
		t.Skip("no recordings beside the repository (" + recordings + ")")
	}
}
