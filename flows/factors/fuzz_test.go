package factors_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/gateway/identity"
)

// states are one State of each kind.
func states(t testing.TB) []flows.State {
	var out []flows.State
	keep := func(w *world) {
		if w.state == nil {
			t.Fatalf("no state: %s", w.page())
		}
		out = append(out, bytes.Clone(w.state))
	}
	w := newWorld(t)
	w.on("POST "+push+"/verify", 201, waitingPush("72"))
	w.on("POST "+base+"/fwfkey/verify", 200, `{"factorResult":"CHALLENGE","_embedded":{"challenge":{"challenge":"vQFw"}}}`)
	keep(w.start())
	keep(w.choose(identity.TOTP))
	keep(w.press("other").choose(identity.WebAuthn))
	keep(w.press("other").choose(identity.Push))
	w = classic(t)
	w.on("POST "+inside+"opfpixel/verify", 200, challenged(`"WAITING"`, "poll", ""))
	keep(w.start())
	keep(w.signIn())
	keep(w.choose(identity.Push))
	w, _ = composed(t)
	keep(w.start())
	w = bare(t)
	w.on("POST "+base, 200, enrolled("opfnew", "push", "OKTA", activation))
	keep(w.start())
	keep(w.choose(identity.Push))
	keep(w.press("channel-sms"))
	w = bare(t, func(c *factors.Config) { c.EnrollProof = factors.EnrollProof{AdminCode: noCode} })
	keep(w.start())
	return out
}

// A State that was not made here, or by another version, is refused or leads to its own user's paths on the org, whatever
// is done with it; and it makes nobody in who has proved nothing.
func FuzzState(f *testing.F) {
	for _, s := range states(f) {
		f.Add([]byte(s))
		f.Add(bytes.ReplaceAll(s, []byte(userID), []byte("../../x")))
		f.Add(bytes.ReplaceAll(s, []byte("opfpixel/"), []byte("opfother/")))
		f.Add(bytes.ReplaceAll(s, []byte(`"V":1`), []byte(`"V":2`)))
		f.Add([]byte(s[:len(s)/2]))
	}
	f.Add([]byte(`{"V":1,"a":"wait","i":"u","f":[{"i":["f"],"f":"push"}],"k":1,"q":"https://evil.example/api/v1/users/u/factors/f/x"}`))
	f.Add([]byte(`{"V":1,"a":"act","i":"u","v":true,"E":{"i":"../x"}}`))
	f.Add([]byte(`{"V":1,"a":"scan","i":"u","v":true,"E":{"f":"push","i":"x","p":"/api/v1/users/v/factors/x/poll"}}`))
	w := newWorld(f)
	w.do("any", nil)
	f.Fuzz(func(t *testing.T, s []byte) {
		w.TB = t
		for _, a := range []flows.Answer{{Choice: "f0"}, {Choice: "resend"}, {Choice: "other"}, {Choice: "e0"}, {Choice: "not_me"}, {Choice: "channel-email"},
			{Values: map[string]string{"passCode": "123456", "phoneNumber": "+15554151337", "clientData": "YQ", "authenticatorData": "YQ", "signatureData": "YQ"}}} {
			w.state = bytes.Clone(s)
			checkOutside(t, w.advance(a), s)
		}
		w.state = bytes.Clone(s)
		checkOutside(t, w.poll(), s)
		_ = w.engine.Cancel(t.Context(), w.cc, s)
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, c := range w.calls {
			if !strings.HasPrefix(c.path, "/api/v1/") || strings.Contains(c.path, "..") || strings.Contains(c.path, "//") {
				t.Fatalf("%q led to %s %s", s, c.method, c.path)
			}
		}
		w.calls = nil
	})
}

// checkOutside holds what is true of every answer to bytes from outside.
func checkOutside(t *testing.T, w *world, s []byte) {
	if w.err != nil && strings.HasPrefix(w.page(), "an error that is no") {
		t.Fatalf("%q: %v", s, w.err)
	}
	if w.step.Kind == flows.KindDone && !w.step.Identity.SecondFactor() {
		t.Fatalf("%q signs somebody in who has proved nothing: %s", s, w.page())
	}
}

// Whatever Okta answers, only factorResult exactly SUCCESS signs anybody in, and no link leads off the person's factor.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{waitingPush("72"), `{"factorResult":"SUCCESS"}`, `{"factorResult":"REJECTED","_links":{"poll":[{"href":"x"}]}}`, wrongCode,
		success, required, challenged(`"WAITING"`, "poll", `,"_embedded":{"challenge":{"correctAnswer":0}}`), everyFactor, catalog, person("ACTIVE"),
		enrolled("opfnew", "push", "OKTA", activation), `{"factorResult":"success"}`, `[]`, `null`, `{"_links":{"poll":"x"},"_embedded":null}`,
		`{"factorResult":"SUCCESS","errorCode":"E0000068"}`, `{"a":`, ``} {
		for _, status := range []int{200, 201, 202, 401, 403, 404} {
			f.Add(status, s)
		}
	}
	w := newWorld(f)
	c := classic(f)
	b := bare(f)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == 204 || status == 304 {
			return
		}
		exact := status < 300 && strings.Contains(body, `"SUCCESS"`) || strings.Contains(body, `\`) || strings.Contains(strings.ToLower(body), "ſ")
		for _, x := range []*world{w, c, b} {
			x.TB = t
			x.mu.Lock()
			x.clock = time.Now()
			x.calls = nil
			x.mu.Unlock()
			_ = x.budget.Reset(t.Context(), "send/"+userID)
			_ = x.budget.Reset(t.Context(), "code/"+userID)
			_ = x.budget.Reset(t.Context(), "call/"+userID)
			_ = x.budget.Reset(t.Context(), "denied/"+userID)
			_ = x.budget.Reset(t.Context(), "password/"+x.srv.URL+"/"+login)
			_ = x.budget.Reset(t.Context(), "address/"+x.srv.URL+"/"+address)
			_ = x.budget.Reset(t.Context(), "short/"+x.srv.URL+"/isaac")
		}
		w.on("POST "+push+"/verify", status, body)
		w.start().choose(identity.Push)
		checkOutside(t, w, []byte(body))
		if w.step.Kind == flows.KindDone {
			t.Fatalf("a challenge answered %q signs in", body)
		}
		w.on("POST "+push+"/verify", 201, waitingPush("72"))
		w.on("GET "+pushTx, status, body)
		checkExact(t, w.start().choose(identity.Push).poll(), body, exact)
		w.on("POST "+base+"/ostokta/verify", status, body)
		checkExact(t, w.start().choose(identity.TOTP).code("123456"), body, exact)

		c.on("POST "+inside+"ostokta/verify", status, body)
		checkExact(t, c.signIn().choose(identity.TOTP).code("123456"), body, exact)
		c.on("POST /api/v1/authn", status, body)
		c.signIn()
		checkOutside(t, c, []byte(body))
		if c.err == nil && c.step.Kind == flows.KindDone {
			t.Fatalf("a password alone, answered %q, signs in", body)
		}
		c.on("POST /api/v1/authn", 200, required)

		b.on("POST "+base, status, body)
		b.start().choose(identity.Push)
		checkOutside(t, b, []byte(body))
		for _, x := range []*world{w, c, b} {
			for _, call := range x.calls {
				if strings.Contains(call.path, "..") || !strings.HasPrefix(call.path, "/api/v1/") {
					t.Fatalf("%q led to %s", body, call.path)
				}
			}
		}
	})
}

func checkExact(t *testing.T, w *world, body string, exact bool) {
	checkOutside(t, w, []byte(body))
	if w.err == nil && w.step.Kind == flows.KindDone && !exact {
		t.Fatalf("%q signs in: %s", body, w.page())
	}
}
