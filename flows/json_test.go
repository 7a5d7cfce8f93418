package flows

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

// fill sets everything that v holds to something that is not zero, so that no field is left out of what replicas hand on.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 25, 23, 58, *n%60, 123456789, time.UTC)))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "Fields" && v.Type() == reflect.TypeFor[Option]() {
				continue // without end
			}
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n)
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(errors.New("cause")))
	case reflect.String:
		v.SetString(strings.Repeat("<é\u2028\x00>", *n%3+1))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	case reflect.Int64, reflect.Int:
		v.SetInt(int64(*n))
	default:
		panic(v.Kind())
	}
}

func TestStepSurvivesTheWayToAnotherReplica(t *testing.T) {
	var full Step
	fill(reflect.ValueOf(&full).Elem(), new(int))
	full.Fields[0].Options[0].Fields = []Field{{Name: "inner", Secret: true}}
	for name, s := range map[string]Step{
		"everything": full,
		"nothing":    {},
		"empty":      {Fields: []Field{}, Choices: []Choice{}, Wait: &Wait{}, Denied: &Denied{}, Identity: &identity.Identity{}, WebAuthn: &WebAuthn{Options: []byte{}}},
	} {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var got Step
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, s) {
			t.Errorf("%s\n have %+v\n want %+v", name, got, s)
		}
	}
}

// FuzzStepJSON: what was read once is written and read the same for ever.
func FuzzStepJSON(f *testing.F) {
	var full Step
	fill(reflect.ValueOf(&full).Elem(), new(int))
	b, _ := json.Marshal(full)
	f.Add(b)
	f.Add([]byte(`{"Kind":"wait","Wait":{"Interval":4000000000,"Number":"07"},"Cause":"x"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var first, second Step
		if json.Unmarshal(b, &first) != nil {
			return
		}
		written, err := json.Marshal(first)
		if err != nil {
			return // a time beyond the year 9999
		}
		if err := json.Unmarshal(written, &second); err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		again, err := json.Marshal(second)
		if err != nil || string(again) != string(written) {
			t.Errorf("%s\n became %s, %v", written, again, err)
		}
	})
}

// FuzzClientContextJSON: a browser is the same to Okta, whichever replica asks (immunity S22, S23).
func FuzzClientContextJSON(f *testing.F) {
	f.Add("203.0.113.7", "Mozilla/5.0 \u2028", "de, en;q=0.9", "device-1")
	f.Add("::ffff:203.0.113.7", "", "\xff", "no token!")
	f.Add("fe80::1%eth0", strings.Repeat("é", 600), "a", "")
	f.Fuzz(func(t *testing.T, addr, agent, languages, device string) {
		c, err := NewClientContext(addr, agent, languages, device)
		if err != nil {
			return
		}
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var got ClientContext
		if err := json.Unmarshal(b, &got); err != nil || got != c {
			t.Errorf("%s is %+v, %v, want %+v", b, got, err, c)
		}
	})
}

func TestClientContextJSONRefusesWhatIsNone(t *testing.T) {
	var c ClientContext
	if err := json.Unmarshal([]byte(`{"Addr":"nowhere"}`), &c); err == nil {
		t.Error("an address that is none is taken")
	}
	if b, _ := json.Marshal(c); string(b) != "null" || json.Unmarshal(b, &c) != nil || c.Valid() {
		t.Errorf("the zero value is %s", b)
	}
}
