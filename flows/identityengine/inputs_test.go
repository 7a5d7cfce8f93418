package identityengine

import (
	"testing"

	"sidegate.example/sidegate/flows"
)

// asked is the page of a form that nobody knows, with these fields.
func asked(t *testing.T, fields string) *walk {
	w := newWalk(t, asking(), "skip")
	w.s.answers = []answer{ownDocument(`"remediation":{"value":[{"name":"brand-new","href":"@/idp/idx/brand","value":[` + fields + `,` + handleField + `]}]}`), {200, []byte(success)}}
	return w.password()
}

// What is posted of fields that are not plain text, and what is not.
func TestInputsOfEveryKind(t *testing.T) {
	const (
		how    = `{"name":"how","label":"How","value":"b","options":[{"label":"A","value":"a"},{"label":"B","value":"b"}]}`
		age    = `{"name":"age","type":"number","label":"Age"}`
		reason = `{"name":"reason","label":"Reason"},{"name":"confirm","type":"boolean","label":"I confirm"}`
	)
	for name, c := range map[string]struct {
		fields string
		typed  map[string]string
		want   string // "" for nothing
	}{
		"the default of a list":     {how, map[string]string{"how": ""}, `{"how":"b","stateHandle":"h"}`},
		"another choice":            {how, map[string]string{"how": "0"}, `{"how":"a","stateHandle":"h"}`},
		"a number":                  {age, map[string]string{"age": " 8"}, `{"age":8,"stateHandle":"h"}`},
		"no number":                 {age, map[string]string{"age": "eight"}, ""},
		"what JSON calls no number": {age, map[string]string{"age": "0x8"}, ""},
		"true is no number":         {age, map[string]string{"age": "true"}, ""},
		"Okta's own confirm":        {reason, map[string]string{"reason": "because", "confirm": "true"}, `{"confirm":true,"reason":"because","stateHandle":"h"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := asked(t, c.fields)
			w.s.paths, w.s.bodies = nil, nil
			w.values(c.typed)
			if c.want == "" {
				if len(w.s.bodies) > 0 || len(w.step.Fields) != 1 || len(w.step.Fields[0].Messages) != 1 || w.step.Fields[0].Messages[0].Key != keyUnreadable {
					t.Errorf("%+v after %q", w.step.Fields, w.s.bodies)
				}
				return
			}
			if len(w.s.bodies) == 0 || w.s.bodies[0] != c.want {
				t.Errorf("Okta was sent %q, want %s", w.s.bodies, c.want)
			}
		})
	}
	if f := asked(t, how).step.Fields; len(f) != 1 || f[0].Value != "1" {
		t.Errorf("%+v, want B chosen already", f)
	}
}

// Only an address is asked for as an address.
func TestTypesByName(t *testing.T) {
	for name, want := range map[string]flows.FieldType{
		"email": flows.FieldEmail, "primaryEmail": flows.FieldEmail, "secondaryEmail": flows.FieldEmail, "emailCode": flows.FieldText, "phoneNumber": flows.FieldTel,
	} {
		if f := asked(t, `{"name":"`+name+`","label":"L"}`).step.Fields; len(f) != 1 || f[0].Type != want {
			t.Errorf("%s: %+v, want type %q", name, f, want)
		}
	}
}

// Where Okta asks for the new password twice itself, it is not asked for a third time.
func TestOktasOwnRepeatOfAPassword(t *testing.T) {
	w := newWalk(t, asking(), "skip")
	w.s.answers = []answer{ownDocument(`"currentAuthenticator":{"value":{"key":"okta_password","type":"password","id":"aut1"}},
		"remediation":{"value":[{"name":"reenroll-authenticator","href":"@/idp/idx/x","value":[
			{"name":"credentials","form":{"value":[{"name":"passcode","label":"New","secret":true}]}},{"name":"confirm","label":"Again","secret":true},` + handleField + `]}]}`)}
	if w.password(); len(w.step.Fields) != 2 || w.step.Fields[1].Name != flows.FieldConfirm || w.step.Fields[1].Label != "Again" {
		t.Errorf("the page asks for %+v", w.step.Fields)
	}
}
