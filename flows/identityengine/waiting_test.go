package identityengine

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

// phoneState is what is kept of a usual person who waits for a phone.
func phoneState() state {
	choose := func(method string) move {
		return move{Path: "/idp/idx/challenge", Body: map[string]any{"authenticator": map[string]any{"id": "autb1fnReiu3CyJDifRp", "methodType": method}}}
	}
	resend := choose("push")
	return state{Version: stateVersion, Want: wantPhone, Person: "ada.lovelace@acme.example", Handle: "02PsgFUKdxCBRZSwWD02nhTT8lbRkG93AlRx5_FEfNoD4",
		Verifier: "AeW9nXBxtzl4dIy6DKjhQgsfLcZAnrbDzLhEp-SvAGs", Nonce: "0OqHR78jdqewigDvsedoxw", Proofs: []proof{{identity.Password, 1795642522}},
		Pending: identity.NumberChallenge, Device: "Pixel 7", Number: "07", Seen: "LpWOY0Ji0q_AswT3", Every: 4 * time.Second,
		Main:   &move{Path: "/idp/idx/authenticators/poll", Body: map[string]any{"autoChallenge": true, "n": json.Number("12345678901234567890")}},
		Resend: &resend,
		Factors: []factorChoice{{ID: "push", Factor: identity.Push, Label: "Get a push notification", Move: choose("push")},
			{ID: "totp", Factor: identity.TOTP, Label: "Enter a code", Move: choose("totp")}},
	}
}

// Everything of a State comes back, in whichever form it is kept, and a poll alone finds what it needs in either.
func TestStateComesBackWhole(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*state)
		waiting bool
	}{
		"usual":             {func(*state) {}, true},
		"no buttons":        {func(s *state) { s.Resend, s.Factors = nil, nil }, true},
		"own handle":        {func(s *state) { s.Main.Handle = "02other" }, true},
		"empty body":        {func(s *state) { s.Main.Body = nil }, true},
		"no handle":         {func(s *state) { s.Handle = "" }, true},
		"longest interval":  {func(s *state) { s.Every = 120 * time.Second }, true},
		"unknown document":  {func(s *state) { s.Seen = "" }, false},
		"missed":            {func(s *state) { s.Misses = 1 }, false},
		"code":              {func(s *state) { s.Want, s.Main.Input = wantCode, []string{"passcode"} }, false},
		"skippable":         {func(s *state) { s.Skip = &move{Path: "/idp/idx/skip"} }, false},
		"being set up":      {func(s *state) { s.Enrolling = true }, false},
		"fraction of a ms":  {func(s *state) { s.Every = time.Microsecond }, false},
		"negative interval": {func(s *state) { s.Every = -time.Second }, false},
	} {
		want := phoneState()
		c.change(&want)
		kept := want.encode()
		got, err := decodeState(kept)
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, err, got, want)
			continue
		}
		w, _, ok := readWaiting(kept)
		if ok != c.waiting {
			t.Errorf("%s: read for a poll: %v", name, ok)
		}
		if ok && (!reflect.DeepEqual(w.state.choices(), want.choices()) || w.path != want.Main.Path || !bytes.Equal(w.body, mustJSON(want.sent(want.Main, want.Main.Body)))) {
			t.Errorf("%s: the poll reads %+v, path %s, body %s", name, w.state, w.path, w.body)
		}
	}
}

// S80: a damaged State is refused, at whichever byte it ends or differs, or still leads to the org alone.
func TestDamagedWaitingIsRefused(t *testing.T) {
	s := phoneState()
	whole := s.encode()
	for n := range whole {
		if _, err := decodeState(whole[:n]); err == nil {
			t.Errorf("cut to %d of %d bytes it is read", n, len(whole))
		}
	}
}

// Budget 400 bytes; 337 measured.
func TestWaitingIsSmall(t *testing.T) {
	s := phoneState()
	n := len(s.encode())
	t.Logf("%d bytes, %d as JSON", n, len(s.marshal()))
	if n > 400 {
		t.Errorf("%d bytes", n)
	}
}

func BenchmarkReadState(b *testing.B) {
	s := phoneState()
	kept, text := s.encode(), s.marshal()
	b.Run("poll", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, ok := readWaiting(kept); !ok {
				b.Fatal("not read")
			}
		}
	})
	b.Run("JSON", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !unmarshal(text, new(state)) {
				b.Fatal("not read")
			}
		}
	})
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.encode()
		}
	})
	b.ReportMetric(float64(len(kept)), "B")
}
