package identityengine

import (
	"reflect"
	"testing"

	"sidegate.example/sidegate/gateway/identity"
)

// Claims that rules name are taken over as texts; what is neither text, number, truth value nor a list of them is not there.
func TestNamedClaims(t *testing.T) {
	payload, err := parseJSON([]byte(`{"text": "a b", "number": 42, "big": 12345678901234567890, "truth": true, "list": ["a", 7, false, {"x": 1}, null], "object": {"a": "b"},
		"none": null, "empty": [], "other": "x"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []identity.Claim{{Name: "text", Values: []string{"a b"}}, {Name: "number", Values: []string{"42"}}, {Name: "big", Values: []string{"12345678901234567890"}},
		{Name: "truth", Values: []string{"true"}}, {Name: "list", Values: []string{"a", "7", "false"}}}
	got := namedClaims(payload, []string{"text", "number", "big", "truth", "list", "object", "none", "empty", "absent", "Other"})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
