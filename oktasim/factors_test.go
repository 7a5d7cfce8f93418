package oktasim_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

const fullUser = "full@sidegate.example"

// withFull adds a user who has every kind of factor.
func withFull(c *oktasim.Config) {
	c.Users = append(c.Users, oktasim.User{
		Login: fullUser, Password: password, Email: fullUser, Name: "Fritz Full", Device: "Pixel 9", Phone: "+15555550123",
		Methods: []string{"push", "totp", "signed_nonce"},
		Enrolled: []string{"okta_email", "phone_number", "google_otp", "security_question", "rsa_token", "symantec_vip", "yubikey_token",
			"custom_otp", "webauthn", "custom_app"},
	})
}

// person is one user as the API has it.
type person struct {
	*bench
	id    string
	login string
}

func (b *bench) person(login string) *person {
	b.t.Helper()
	return &person{b, b.api("GET", "/api/v1/users/"+login, nil).wantStatus(200).str("id"), login}
}

func (p *person) path(rest string) string { return "/api/v1/users/" + p.id + "/factors" + rest }

func (p *person) call(method, rest string, body any) *answer {
	p.t.Helper()
	return p.api(method, p.path(rest), body)
}

// list is the list of factors.
func (p *person) list() []map[string]any {
	p.t.Helper()
	var list []map[string]any
	a := p.call("GET", "", nil)
	if err := json.Unmarshal(a.body, &list); err != nil || a.status != 200 {
		p.t.Fatalf("list: %d %s", a.status, a.body)
	}
	return list
}

// factor finds one in the list.
func (p *person) factor(typ, provider string) map[string]any {
	p.t.Helper()
	for _, f := range p.list() {
		if f["factorType"] == typ && f["provider"] == provider {
			return f
		}
	}
	return nil
}

// verify calls the factor's verify.
func (p *person) verify(typ, provider string, body any) *answer {
	p.t.Helper()
	f := p.factor(typ, provider)
	if f == nil {
		p.t.Fatalf("no %s of %s", typ, provider)
	}
	return p.call("POST", "/"+f["id"].(string)+"/verify", body)
}

func (a *answer) wantResult(status int, result string) *answer {
	a.t.Helper()
	return a.want(status, "factorResult", a.str("factorResult"), result)
}

func passCode(code string) map[string]any { return map[string]any{"passCode": code} }

func (p *person) lastMail() oktasim.Mail {
	p.t.Helper()
	box := p.org.Inbox(p.login)
	if len(box) == 0 {
		p.t.Fatal("the inbox is empty")
	}
	return box[len(box)-1]
}

func TestFactorsAreThoseOfTheIdentityEngine(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	var got []string
	for _, f := range p.list() {
		got = append(got, f["factorType"].(string)+"/"+f["provider"].(string)+"/"+f["id"].(string)[:3])
		if f["status"] != "ACTIVE" {
			t.Errorf("%v is %v", f["factorType"], f["status"])
		}
	}
	want := []string{
		"push/OKTA/opf", "token:software:totp/OKTA/ost", "signed_nonce/OKTA/pfd", "token:software:totp/GOOGLE/uft", "sms/OKTA/sms",
		"call/OKTA/clf", "email/OKTA/emf", "question/OKTA/ufs", "token/RSA/rsa", "token/SYMANTEC/ufv", "token:hardware/YUBICO/ykf",
		"token:hotp/CUSTOM/chf", "webauthn/FIDO/fwf", "push/CUSTOM/cpf",
	}
	if !slices.Equal(got, want) {
		t.Errorf("factors\n%q, want\n%q", got, want)
	}
}

// The oddities of Okta's lists (factors-api.md §3.2): a client that was made from the tables alone stumbles.
func TestFactorListIsAsOddAsOktas(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	question := p.factor("question", "OKTA")
	links := question["_links"].(map[string]any)
	if links["verify"] != nil || links["questions"] == nil {
		t.Errorf("a listed question has the links %v", links)
	}
	if a := p.call("GET", "/"+question["id"].(string), nil).wantStatus(200); a.str("_links", "verify", "href") == "" {
		t.Errorf("a question by itself has no link to verify it: %s", a.body)
	}
	if mail := p.factor("email", "OKTA"); mail["created"] != nil || mail["lastUpdated"] != nil {
		t.Errorf("e-mail factor %v", mail)
	}
	if sms := p.factor("sms", "OKTA"); sms["vendorName"] != nil || sms["profile"].(map[string]any)["phoneNumber"] != "+15555550123" {
		t.Errorf("sms factor %v", sms)
	}
	if fast := p.factor("signed_nonce", "OKTA"); fast["_links"].(map[string]any)["verify"] != nil {
		t.Errorf("FastPass factor %v", fast)
	}
}

// A pending factor shows the shared secret to whoever may read the list.
func TestFactorListShowsSecretsOfPendingFactors(t *testing.T) {
	p := newAPIBench(t).person(pushUser)
	a := p.call("POST", "", map[string]any{"factorType": "token:software:totp", "provider": "GOOGLE"}).wantStatus(200)
	f := p.factor("token:software:totp", "GOOGLE")
	next, _ := f["_links"].(map[string]any)["next"].(map[string]any)
	activation := f["_embedded"].(map[string]any)["activation"].(map[string]any)
	if f["status"] != "PENDING_ACTIVATION" || next["name"] != "activate" || f["_links"].(map[string]any)["activate"] != nil ||
		activation["sharedSecret"] != a.str("_embedded", "activation", "sharedSecret") || activation["sharedSecret"] == "" {
		t.Errorf("pending factor %v", f)
	}
	p.ssws(readOnlyToken)
	if f := p.factor("token:software:totp", "GOOGLE"); f == nil {
		t.Error("a read-only admin sees nothing")
	}
}

func TestFactorPolicyHides(t *testing.T) {
	p := newAPIBench(t, withFull, func(c *oktasim.Config) {
		c.Policy.Factors.Disabled = []string{"sms", "token:software:totp/GOOGLE"}
	}).person(fullUser)
	if p.factor("sms", "OKTA") != nil || p.factor("token:software:totp", "GOOGLE") != nil {
		t.Error("a disabled factor is listed")
	}
	if p.factor("call", "OKTA") == nil || p.factor("token:software:totp", "OKTA") == nil {
		t.Error("the others are gone too")
	}
	p.call("POST", "/sms/verify", nil).wantCode(404, "E0000007")
	p.call("POST", "", map[string]any{"factorType": "sms", "provider": "OKTA"}).wantCode(400, "E0000001")
	if contains(p.call("GET", "/catalog", nil), `"sms"`) {
		t.Error("the catalogue offers it")
	}
}

// Identity Engine lists the primary address though nobody enrolled it.
func TestFactorOfThePrimaryAddress(t *testing.T) {
	p := newAPIBench(t, func(c *oktasim.Config) { c.Policy.Factors.AutoEmail = true }).person(pushUser)
	if f := p.factor("email", "OKTA"); f == nil || f["status"] != "ACTIVE" {
		t.Fatalf("email factor %v", f)
	}
	p.verify("email", "OKTA", nil).wantResult(200, "CHALLENGE")
	p.verify("email", "OKTA", passCode(p.lastMail().Code)).wantResult(200, "SUCCESS")
}

func TestFactorsOfSomebodyUnknown(t *testing.T) {
	b := newAPIBench(t)
	for _, path := range []string{"/api/v1/users/00unknown/factors", "/api/v1/users/push@sidegate.example/factors", "/api/v1/users/me/factors"} {
		b.api("GET", path, nil).wantCode(404, "E0000007")
	}
	p := b.person(pushUser)
	p.call("GET", "/opfunknown", nil).wantCode(404, "E0000007")
	if list := b.person("nophone@sidegate.example").list(); len(list) != 0 {
		t.Errorf("factors of somebody without: %v", list)
	}
}

func TestFactorCatalogAndQuestions(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	a := p.call("GET", "/catalog", nil)
	for _, want := range []string{`"factorType":"push"`, `"factorType":"token:software:totp"`, `"enrollment":"OPTIONAL"`, `"phones":[`, `"enroll"`} {
		if !contains(a, want) {
			t.Errorf("the catalogue lacks %s", want)
		}
	}
	if contains(a, "signed_nonce") {
		t.Error("FastPass can be enrolled")
	}
	if q := p.call("GET", "/questions", nil); strings.Count(string(q.body), `"question":`) != 20 || !contains(q, "What is the food you least liked as a child?") {
		t.Errorf("questions %s", q.body)
	}
}

// Okta Verify's objects go together (factors-api.md §3.4), and what is gone is gone in the Identity Engine.
func TestFactorRemoval(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	remove := func(typ, provider string) {
		t.Helper()
		id := p.factor(typ, provider)["id"].(string)
		p.call("DELETE", "/"+id, nil).wantStatus(204)
		p.call("GET", "/"+id, nil).wantCode(404, "E0000007")
	}
	remove("sms", "OKTA")
	if p.factor("call", "OKTA") == nil || !slices.Contains(p.org.Authenticators(fullUser), "phone_number") {
		t.Error("the call went with the text")
	}
	remove("call", "OKTA")
	remove("webauthn", "FIDO")
	if left := p.org.Authenticators(fullUser); slices.Contains(left, "phone_number") || slices.Contains(left, "webauthn") {
		t.Errorf("left are %q", left)
	}
	remove("token:software:totp", "OKTA")
	if p.factor("push", "OKTA") == nil {
		t.Error("the push went with the code")
	}
	remove("push", "OKTA")
	if p.factor("signed_nonce", "OKTA") != nil {
		t.Error("FastPass did not go with the push")
	}
	p.api("POST", "/api/v1/users/"+p.id+"/lifecycle/reset_factors", nil).wantStatus(200)
	if list := p.list(); len(list) != 0 {
		t.Errorf("left after the reset: %v", list)
	}
	p.org.SetStatus(pushUser, "DEPROVISIONED")
	q := p.person(pushUser)
	q.call("DELETE", "/"+q.factor("push", "OKTA")["id"].(string), nil).wantCode(403, "E0000038")
}

func TestFactorOperationsNeedTheRightToManage(t *testing.T) {
	p := newAPIBench(t).person(pushUser)
	id := p.factor("push", "OKTA")["id"].(string)
	p.ssws(readOnlyToken)
	for _, c := range [][2]string{
		{"POST", ""}, {"DELETE", "/" + id}, {"POST", "/" + id + "/verify"}, {"POST", "/" + id + "/resend"}, {"POST", "/" + id + "/lifecycle/activate"},
		{"POST", "/" + id + "/lifecycle/activate/poll"}, {"DELETE", "/" + id + "/transactions/x"},
	} {
		p.call(c[0], c[1], nil).wantCode(403, "E0000006")
	}
	if pushes := p.org.Pushes(pushUser); len(pushes) != 0 {
		t.Errorf("a read-only admin sent %d pushes", len(pushes))
	}
	for _, path := range []string{"", "/catalog", "/questions", "/" + id} {
		if a := p.call("GET", path, nil); a.status != http.StatusOK {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}
