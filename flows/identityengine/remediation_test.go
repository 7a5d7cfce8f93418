package identityengine

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
)

// remediationNames is the list of identity-engine.md §4.
var remediationNames = strings.Fields(`
	identify select-identify identify-recovery challenge-authenticator select-authenticator-authenticate
	authenticator-verification-data challenge-poll resend redirect-idp piv-idp redirect-idverify keep-me-signed-in skip
	device-assurance-grace-period poll success-redirect failure-redirect
	select-authenticator-enroll select-authenticator-enroll-data authenticator-enrollment-data enroll-authenticator enroll-poll
	select-enrollment-channel enrollment-channel-data enroll-authenticator-promotion select-enroll-profile enroll-profile
	profile-update enroll-webauthn-residentkey
	reenroll-authenticator reenroll-authenticator-warning reenroll-custom-password-expiry
	reenroll-custom-password-expiry-warning reset-authenticator recover unlock-account select-authenticator-unlock-account
	request-activation-email
	device-challenge-poll launch-authenticator launch-webauthn-authenticator launch-passkeys-authenticator
	launch-nfc-authenticator challenge-webauthn-autofillui-authenticator device-apple-sso-extension cancel-transaction
	consent granular-consent admin-consent email-challenge-consent user-code`)

// authenticatorKeys is the list of §3.5: each is challenged, or refused, in a fixture of its own.
var authenticatorKeys = strings.Fields(`okta_password okta_email phone_number okta_verify google_otp security_question webauthn
	onprem_mfa rsa_token symantec_vip yubikey_token duo custom_otp custom_app custom_push external_idp smart_card_idp tac nfc_pin`)

// enrolledKeys are those that a person can set up in a browser (§6), and Duo, which is refused.
var enrolledKeys = strings.Fields(`okta_password okta_email phone_number google_otp security_question webauthn onprem_mfa rsa_token
	symantec_vip yubikey_token duo`)

func remediationFixture(t testing.TB, name string) answer {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata/remediation", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return answer{http.StatusOK, body}
}

// Every name of the reference has a fixture that holds it, and every fixture an expectation.
func TestEveryRemediationHasAFixture(t *testing.T) {
	holds := map[string]bool{}
	text := ""
	files, err := filepath.Glob("testdata/remediation/*.json")
	if err != nil || len(files) != len(remediations) {
		t.Errorf("%d fixtures and %d expectations: %v", len(files), len(remediations), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		a := remediationFixture(t, name)
		d, ok := readDocument(a.body)
		if !ok {
			t.Errorf("%s is no document", name)
			continue
		}
		text += string(a.body)
		for _, f := range d.forms {
			holds[f.name] = holds[f.name] || strings.HasPrefix(name+".", f.name+".")
		}
		if action(d.root.get("currentAuthenticatorEnrollment").inner(), "recover") != nil {
			holds["recover"] = true // the one name of the list that is an action
		}
	}
	for _, name := range remediationNames {
		if !holds[name] {
			t.Errorf("no fixture for the remediation %s", name)
		}
	}
	for _, key := range authenticatorKeys {
		if key != "external_idp" && !strings.Contains(text, `"key": "`+key+`"`) { // it is a redirect-idp
			t.Errorf("no fixture has the authenticator %s", key)
		}
	}
	for _, key := range enrolledKeys {
		if _, ok := remediations["enroll-authenticator."+key]; !ok {
			t.Errorf("no fixture enrols %s", key)
		}
	}
}

// What each remediation shows, with all options and with none, and what is posted back.
func TestRemediations(t *testing.T) {
	for name, want := range remediations {
		t.Run(name, func(t *testing.T) {
			a := remediationFixture(t, name)
			if got := afterPassword(t, a, false); got != want.shows {
				t.Errorf("everything switched on:\n got %s\nwant %s", got, want.shows)
			}
			if want.guarded == "" {
				want.guarded = want.shows
			}
			if got := afterPassword(t, a, true); got != want.guarded {
				t.Errorf("no option switched on:\n got %s\nwant %s", got, want.guarded)
			}
			if got := posted(t, a, want.answer); got != want.posts {
				t.Errorf("posted\n got %s\nwant %s", got, want.posts)
			}
		})
	}
}

// posted is what Okta is sent when a person answers what a shows; "" for no answer at all.
func posted(t *testing.T, a answer, ans flows.Answer) string {
	t.Helper()
	if ans.Choice == "" && ans.Values == nil {
		return ""
	}
	s := &script{answers: []answer{a}}
	e, cc := scripted(t, s)
	next, _, err := e.Advance(t.Context(), cc, asking().encode(), flows.Answer{Values: map[string]string{"password": "p"}})
	if err != nil {
		t.Fatal(err)
	}
	s.paths, s.bodies = nil, nil
	_, _, _ = e.Advance(t.Context(), cc, next, ans)
	if len(s.paths) == 0 {
		return "nothing"
	}
	return s.paths[0] + " " + s.bodies[0]
}

// docs/reference.md says of each what the gateway does.
func TestReferenceHasEveryRemediation(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.TrimSpace(cells[2]) == "" {
			continue
		}
		for name := range strings.SplitSeq(cells[1], ",") {
			rows[strings.Trim(name, " `")] = true
		}
	}
	for _, name := range append(remediationNames, authenticatorKeys...) {
		if !rows[name] {
			t.Errorf("docs/reference.md has no row for %s", name)
		}
	}
}
