package factors_test

import (
	"strings"
	"testing"

	"sidegate.example/sidegate/gateway/identity"
)

// S71: what decides is read exactly: another case, a second value, or an error beside a success lets nobody in.
func TestS71AnswersAreReadExactly(t *testing.T) {
	for _, body := range []string{
		`{"FACTORRESULT":"SUCCESS"}`, `{"factorReſult":"SUCCESS"}`, `{"factorResult":"REJECTED","factorresult":"SUCCESS"}`,
		`{"factorResult":"REJECTED","factorResult":"SUCCESS"}`, `{"factorResult":"SUCCESS","factorResult":"REJECTED"}`,
		`{"factorResult":"SUCCESS","ErrorCode":"E0000068"}`,
	} {
		w := pending(t)
		w.on("GET "+pushTx, 200, body)
		if w.poll().page() != "error malformed" {
			t.Errorf("poll, %s: the page is %s", body, w.page())
		}
		w.on("POST "+base+"/ostokta/verify", 200, body)
		if w.start().choose(identity.TOTP).code("123456").page() != "error malformed" {
			t.Errorf("code, %s: the page is %s", body, w.page())
		}
	}
	for from, to := range map[string]string{
		`"status":`: `"Status":`, `"status":"SUCCESS"`: `"status":"MFA_REQUIRED","status":"SUCCESS"`, `"_embedded":`: `"_embedded":{},"_embedded":`,
		`"user":{`: `"User":{},"user":{`, `"user":{"id":`: `"user":{"id":"00uother","id":`,
	} {
		w := classic(t)
		w.on("POST "+inside+"ostokta/verify", 200, strings.Replace(success, from, to, 1))
		if w.signIn().choose(identity.TOTP).code("123456").page() != "error malformed" {
			t.Errorf("%s: the page is %s", to, w.page())
		}
		w.on("POST /api/v1/authn", 200, strings.Replace(success, from, to, 1))
		if w.signIn().page() != "error malformed" {
			t.Errorf("password, %s: the page is %s", to, w.page())
		}
	}
	push := pending(t) // the number is what the person has to tap
	push.on("GET "+pushTx, 200, strings.Replace(waitingPush("72"), `"correctAnswer":`, `"correctAnswer":11,"correctAnswer":`, 1))
	push.poll().want("error malformed")
	w := newWorld(t)
	w.on("GET "+users+login, 200, strings.Replace(person("SUSPENDED"), `"status"`, `"Status":"ACTIVE","status"`, 1))
	w.start().want("error malformed")

	failed := strings.Replace(success, `"status"`, `"errorCode":"E0000004","status"`, 1)
	w = classic(t)
	w.on("POST "+inside+"ostokta/verify", 200, failed)
	w.signIn().choose(identity.TOTP).code("123456").want("denied unsupported final")
	w.on("POST /api/v1/authn", 200, failed)
	w.signIn().want("denied unsupported final")
}
