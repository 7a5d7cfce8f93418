package identityengine

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// ours reads an answer from testdata.
func ours(t testing.TB, name string) answer {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return answer{200, b}
}

var handle = answer{200, []byte(`{"interaction_handle":"ih"}`)}

func begin(t *testing.T, s *script) (*Engine, flows.ClientContext, flows.State, flows.Step, error) {
	t.Helper()
	e, cc := scripted(t, s)
	st, step, err := e.Start(t.Context(), cc, "https://app", flows.Answer{Values: map[string]string{
		"identifier": " joe ", "password": ` "p"\ `,
	}})
	return e, cc, st, step, err
}

// Every odd shape of identity-engine.md §3.3 in one chooser.
func TestOddChooser(t *testing.T) {
	s := &script{answers: []answer{handle, ours(t, "odd-chooser"), ours(t, "odd-wait")}}
	e, cc, st, step, err := begin(t, s)
	if err != nil {
		t.Fatal(err)
	}
	want := []flows.Choice{
		{ID: "push", Kind: flows.ChoiceFactor, Factor: identity.Push, Label: "Push", Detail: "Pixel 7"},
		{ID: "totp", Kind: flows.ChoiceFactor, Factor: identity.TOTP, Label: "Code", Detail: "Pixel 7"},
		{ID: "push-2", Kind: flows.ChoiceFactor, Factor: identity.Push},
		{ID: "totp-2", Kind: flows.ChoiceFactor, Factor: identity.TOTP},
	}
	if step.Kind != flows.KindChoose || !reflect.DeepEqual(step.Choices, want) {
		t.Fatalf("%s: the choices are %+v\nwant %+v", step.Kind, step.Choices, want)
	}
	st, step, err = e.Advance(t.Context(), cc, st, flows.Answer{Choice: "push"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.bodies[2], `{"authenticator":{"autoChallenge":true,"enrollmentId":"enr1","id":"aut1","methodType":"push"},"stateHandle":"form-handle"}`; got != want {
		t.Errorf("the choice was posted as %s\nwant %s", got, want)
	}
	if step.Kind != flows.KindWait || step.Factor != identity.NumberChallenge || *step.Wait != (flows.Wait{Interval: time.Second, Number: "07"}) {
		t.Fatalf("%+v %+v", step, step.Wait)
	}
	if len(step.Choices) != 1 || step.Choices[0].ID != "resend" {
		t.Errorf("the ways on are %+v", step.Choices)
	}
	if _, _, err := e.Poll(t.Context(), cc, st); err == nil {
		t.Error("503 is taken for an answer")
	}
	if got, want := s.bodies[3], `{"autoChallenge":true,"stateHandle":"h2"}`; got != want {
		t.Errorf("the poll was posted as %s, want %s", got, want)
	}
	_, _, _ = e.Advance(t.Context(), cc, st, flows.Answer{Choice: "resend"})
	if got, want := s.bodies[4], `{"authenticator":{"id":"aut1","methodType":"push","n":12345678901234567890},"stateHandle":"h3"}`; got != want {
		t.Errorf("the resend was posted as %s, want %s", got, want)
	}
}

// §5.6: a device probe is left, and not for ever.
func TestDeviceProbe(t *testing.T) {
	probe := ours(t, "probe")
	s := &script{answers: []answer{handle, probe, probe, probe, ours(t, "identify")}}
	_, _, _, _, err := begin(t, s)
	if err == nil {
		t.Error("503 is taken for an answer")
	}
	if want := "/idp/idx/authenticators/poll/cancel"; len(s.paths) != 6 || s.paths[2] != want || s.paths[4] != want {
		t.Fatalf("the calls are %q", s.paths)
	}
	if want := `{"reason":"OV_UNREACHABLE_BY_LOOPBACK","stateHandle":"p1","statusCode":null}`; s.bodies[2] != want {
		t.Errorf("the cancel was posted as %s, want %s", s.bodies[2], want)
	}
	// The identifier is trimmed, the password never; what Okta fixed stays.
	if want := `{"credentials":{"passcode":" \"p\"\\ "},"fixed":"stays","identifier":"joe","rememberMe":false,"stateHandle":"i1"}`; s.bodies[5] != want {
		t.Errorf("identify was posted as %s\nwant %s", s.bodies[5], want)
	}

	s = &script{answers: []answer{handle, probe, probe, probe, probe}}
	_, _, _, step, err := begin(t, s)
	if err != nil || step.Kind != flows.KindDenied || step.Denied.Reason != flows.DeniedUnsupported || len(s.paths) != 5 {
		t.Errorf("%+v %v after %q", step.Denied, err, s.paths)
	}
}

func TestCaptchaIsRefusedByName(t *testing.T) {
	s := &script{answers: []answer{handle, ours(t, "captcha")}}
	if _, _, _, step, err := begin(t, s); err != nil || step.Denied == nil || step.Denied.Reason != flows.DeniedUnsupported {
		t.Errorf("%+v %v", step, err)
	}
}

// An Okta that asks the same again and again is left.
func TestAutomaticAnswersAreBounded(t *testing.T) {
	s := &script{answers: []answer{handle}}
	for range 50 {
		s.answers = append(s.answers, ours(t, "keep"))
	}
	_, _, _, _, err := begin(t, s)
	if err == nil || !strings.Contains(err.Error(), "again and again") || len(s.paths) > 2+maxAutomatic {
		t.Errorf("%v after %d calls", err, len(s.paths))
	}
	if want := `{"keepMeSignedIn":false,"stateHandle":"k1"}`; s.bodies[2] != want {
		t.Errorf("posted %s, want %s", s.bodies[2], want)
	}
}

// Biometrics wanted for a code: said so, and no code is asked for again.
func TestBiometricsWanted(t *testing.T) {
	if got, want := afterPoll(t, ours(t, "biometrics")), `denied update_app final=true !oie.authenticator.oktaverify.method.totp.verify.enable.biometrics"Switch on biometrics."`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// S71: what counts as the acceptance of a push, and what does not.
func TestProofOfAPush(t *testing.T) {
	doc := func(remediation, more string) []byte {
		return []byte(`{"version":"1.0.0","stateHandle":"x","remediation":{"value":[` + remediation + `]}` + more + `}`)
	}
	ok := `{"name":"skip","href":"/idp/idx/skip"}`
	for name, c := range map[string]struct {
		body []byte
		want bool
	}{
		"moved on":         {doc(ok, ""), true},
		"with an error":    {doc(ok, `,"messages":{"value":[{"class":"ERROR","message":"no"}]}`), false},
		"with information": {doc(ok, `,"messages":{"value":[{"class":"INFO","message":"hm"}]}`), true},
		"still waiting":    {ours(t, "odd-wait").body, false},
		"push on offer":    {ours(t, "odd-chooser").body, false},
		"sent back":        {ours(t, "identify").body, false},
		"probe":            {ours(t, "probe").body, false},
		"rejected":         {doc(`{"name":"resend","href":"/idp/idx/challenge"}`, ""), false},
		"terminal":         {doc("", ""), false},
		"redirect success": {doc("", `,"success":{"href":"/x"}`), false},
	} {
		s := &script{answers: []answer{{200, c.body}}}
		e, cc := scripted(t, s)
		a := &attempt{engine: e, cc: cc, asked: identity.Push}
		d, isDocument := readDocument(c.body)
		if !isDocument {
			t.Fatalf("%s: no document", name)
		}
		p, err := reader{d, e.client.Local, true, SelfService{true, true, true}}.read()
		if err != nil {
			t.Fatal(err)
		}
		if a.judge(t.Context(), p); a.state.proved(identity.Push) != c.want {
			t.Errorf("%s: proved %v, want %v", name, !c.want, c.want)
		}
	}
}

// §3.7: what Okta fixed stays, wherever it stands and whatever is typed; what is not in the form is not sent.
func TestFixedValuesStay(t *testing.T) {
	form, err := parseJSON([]byte(`{"value":[
		{"name":"a","value":"fixed","mutable":false},
		{"name":"b","value":"default"},
		{"name":"c","mutable":false,"options":[{"value":"x"}]},
		{"name":"d","form":{"value":[{"name":"e","value":1,"mutable":false},{"name":"f"}]}},
		{"name":"g","value":{"form":{"value":[{"name":"h","value":false,"mutable":false}]}}},
		{"name":"twice","value":"first","mutable":false},{"name":"twice","value":"second"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]any{
		"a": "x", "b": "x", "c": "x", "d": map[string]any{"e": "x", "f": "x"}, "g": map[string]any{"h": true},
		"twice": "x", "unknown": "x",
	}
	got := string(mustJSON(build(readForm(form).fields, in)))
	if want := `{"a":"fixed","b":"x","c":"x","d":{"e":1,"f":"x"},"g":{"h":false},"twice":"first"}`; got != want {
		t.Errorf("the body is %s\nwant %s", got, want)
	}
	got = string(mustJSON(build(readForm(form).fields, nil)))
	if want := `{"a":"fixed","b":"default","d":{"e":1},"g":{"h":false},"twice":"first"}`; got != want {
		t.Errorf("the body without input is %s\nwant %s", got, want)
	}
}

// S66: the first check stands on its own, whatever the verifier behind it thinks of an algorithm.
func TestPrecheckOfTheHeader(t *testing.T) {
	for _, header := range []string{
		`{"alg":"none","kid":"a"}`, `{"alg":"HS256","kid":"a"}`, `{"alg":"rs256","kid":"a"}`, `{"alg":["RS256"],"kid":"a"}`,
		`{"kid":"a"}`, `{"alg":"RS256"}`, `{"alg":"RS256","kid":7}`, `{"alg":"RS256","kid":"a","enc":"A256GCM"}`,
	} {
		token := base64.RawURLEncoding.EncodeToString([]byte(header)) + ".e30.c2ln"
		if _, _, err := precheck(token); err != errTokenHead {
			t.Errorf("%s: %v", header, err)
		}
	}
}

// S66: only RSA keys for RS256 signatures are taken out of a set.
func TestOnlyRSAKeysAreKept(t *testing.T) {
	const rsa = `"kty":"RSA","n":"u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u-qKhbwKfBstIs-bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW_VDL5AaWTg0nLVkjRo9z-40RQzuVaE8AkAFmxZzow3x-VJYKdjykkJ0iT9wCS0DRTXu269V264Vf_3jvredZiKRkgwlL9xNAwxXFg0x_XFw005UWVRIkdgcKWTjpBP2dPwVZ4WWC-9aGVd-Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbjXfbcmw","e":"AQAB"`
	set, err := readKeys([]byte(`{"keys":[
		{"kid":"good","use":"sig","alg":"RS256",` + rsa + `},{"kid":"bare",` + rsa + `},{` + rsa + `},
		{"kid":"enc","use":"enc",` + rsa + `},{"kid":"ps","alg":"PS256",` + rsa + `},
		{"kid":"hmac","kty":"oct","k":"c2VjcmV0"},{"kid":"hmac2","kty":"oct","alg":"RS256","k":"c2VjcmV0"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for i := range set.Len() {
		k, _ := set.Key(i)
		kept = append(kept, k.KeyID())
	}
	if !reflect.DeepEqual(kept, []string{"good", "bare"}) {
		t.Errorf("kept %q", kept)
	}
	if _, err := readKeys([]byte(`{"keys":[{"kid":"hmac","kty":"oct","k":"c2VjcmV0"}]}`)); err == nil {
		t.Error("a set without RSA key is taken")
	}
}
