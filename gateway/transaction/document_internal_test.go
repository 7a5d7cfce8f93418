package transaction

import (
	"context"
	"reflect"
	"testing"
	"time"
	"unique"

	"sidegate.example/sidegate/flows"
)

// here are the fields of a txn that say something about this process alone.
var here = map[string]bool{"id": true, "timer": true, "mu": true, "gone": true, "inside": true, "rankedAs": true, "rank": true, "rankAtOrigin": true,
	"busy": true, "idle": true, "entrance": true, "queued": true, "watchers": true, "touchedUntil": true, "version": true, "changed": true, "shared": true}

// Whatever a transaction is, it is on the next replica too: a field that is added to txn is either handed on or named above.
func TestDocumentHoldsTheWholeTransaction(t *testing.T) {
	c, err := flows.NewClientContext("203.0.113.7", "agent", "en", "device")
	if err != nil {
		t.Fatal(err)
	}
	m := NewManager(Config{})
	defer m.Close()
	m.SetEngine("org", 1, idle{}, nil)
	v, err := m.Begin(context.Background(), Begin{Engine: "org", Site: "app.example.com", Client: c, Back: "/back"})
	if err != nil {
		t.Fatal(err)
	}
	from := m.byID[v.ID]
	at := time.Now().Round(0).UTC()
	from.started, from.expires, from.forgetAt, from.asked, from.nextPoll = at, at.Add(1), at.Add(2), at.Add(3), at.Add(4)
	from.proved, from.ended, from.redeemed, from.minted, from.failures, from.trouble = true, true, true, "cookie", 3, flows.ReasonUnavailable
	from.cause = &flows.Error{Reason: flows.ReasonUnavailable, Err: context.DeadlineExceeded}
	b, err := from.document(7).encode()
	if err != nil {
		t.Fatal(err)
	}
	d, err := decode(b)
	if err != nil || d.Revision != 7 {
		t.Fatal(d, err)
	}
	to := d.transaction(v.ID)
	to.restore(d, nobody{})
	for i := range reflect.TypeFor[txn]().NumField() {
		name := reflect.TypeFor[txn]().Field(i).Name
		have, want := reflect.ValueOf(to).Elem().Field(i), reflect.ValueOf(from).Elem().Field(i)
		switch {
		case here[name]:
		case want.IsZero():
			t.Errorf("the test leaves %s out", name)
		case name == "cause":
			if to.cause.Error() != from.cause.Error() {
				t.Errorf("cause is %v", to.cause)
			}
		case name == "step", name == "state": // below
		case !have.Equal(want):
			t.Errorf("%s is %v, want %v", name, have, want)
		}
	}
	if !reflect.DeepEqual(to.step, from.step) || string(to.state) != string(from.state) {
		t.Errorf("step %+v, state %q", to.step, to.state)
	}
	for _, bad := range []string{"", "null", `{"Version":2}`, `{"Version":1,"Client":{"Addr":"x"}}`} {
		if _, err := decode([]byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// FuzzDocument: whatever is read makes no panic, and what is read is written the same.
func FuzzDocument(f *testing.F) {
	b, err := (&txn{id: "x", site: unique.Make("site"), step: pushed, state: flows.State("state"), seq: 3}).document(1).encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"Version":1,"Step":{"Kind":"done","Identity":{"Subject":"00u1"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := decode(b)
		if err != nil {
			return
		}
		first := d.transaction("x")
		first.restore(d, nobody{})
		first.view()
		once, err := first.document(d.Revision).encode()
		if err != nil {
			return // a time beyond the year 9999
		}
		again, err := decode(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		second := again.transaction("x")
		second.restore(again, nobody{})
		if twice, err := second.document(d.Revision).encode(); err != nil || string(twice) != string(once) {
			t.Errorf("%s\n became %s, %v", once, twice, err)
		}
	})
}

// What is kept ahead has the browser of the gesture that led there, and nothing of what hindered polls before: whoever goes on
// with it asks at once.
func TestAheadIsAFreshStart(t *testing.T) {
	c, err := flows.NewClientContext("198.51.100.9", "another", "", "")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	from := &txn{
		site: unique.Make("app.example.com"), seq: 4, nextPoll: at.Add(time.Hour), failures: 3, trouble: flows.ReasonUnavailable, cause: context.DeadlineExceeded,
		forgetAt: at.Add(time.Second), expires: at.Add(time.Minute),
	}
	d := from.ahead(9, c, flows.State("tokens"), flows.Step{Kind: flows.KindWait})
	if d.Revision != 9 || d.Seq != 5 || d.Client != c || string(d.State) != "tokens" || d.Step.Kind != flows.KindWait {
		t.Errorf("it is %+v", d)
	}
	if d.Failures != 0 || d.Trouble != "" || d.Cause != "" || d.NextPoll.After(time.Now()) || !d.ForgetAt.Equal(from.expires) {
		t.Errorf("it is hindered: %+v", d)
	}
}
