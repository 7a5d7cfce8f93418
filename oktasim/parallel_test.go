package oktasim_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

// Many people at once, with a switch being turned meanwhile: nobody gets another's identity (S48), and the
// race detector finds nothing.
func TestManyPeopleAtOnce(t *testing.T) {
	const people = 50
	var users []oktasim.User
	for i := range people {
		users = append(users, oktasim.User{
			Login: fmt.Sprintf("u%d@sidegate.example", i), Password: password, Methods: []string{"push", "totp"}, NumberChallenge: i%2 == 0,
		})
	}
	b := newBench(t, func(c *oktasim.Config) {
		c.Users = users
		c.Now = nil
		c.Refresh = time.Millisecond
	})
	var wg sync.WaitGroup
	for _, u := range users {
		wg.Go(func() {
			s := (&bench{t: t, org: b.org, peer: b.peer, head: b.head}).begin()
			s.password(u.Login, password)
			s.choose("push")
			p := s.pending(u.Login)
			var err error
			if u.NumberChallenge {
				err = s.org.Tap(p.ID, s.step("introspect", nil).str("currentAuthenticator", "value", "contextualData", "correctAnswer"))
			} else {
				err = s.org.Approve(p.ID)
			}
			if err != nil {
				t.Errorf("%s: %v", u.Login, err)
				return
			}
			a := s.form("/oauth2/default/v1/token", s.tokenForm(code(s.step("authenticators/poll", nil))))
			if got := claims(t, a.str("id_token"))["preferred_username"]; got != u.Login {
				t.Errorf("%s got the identity of %v", u.Login, got)
			}
		})
	}
	wg.Go(func() {
		for i := range 100 {
			b.org.Update(func(c *oktasim.Config) { c.EmbeddedPushShowsServer = i%2 == 0 })
			b.org.Requests()
			b.org.Pushes(users[0].Login)
		}
	})
	wg.Wait()
}

// Whatever comes in, the org answers and does not panic (S80).
func FuzzIDXBody(f *testing.F) {
	for _, s := range []string{`{}`, `null`, `{"stateHandle":"x"}`, `{"credentials":null,"authenticator":{"id":1}}`, `[`, `{"interactionHandle":"` + rand.Text() + `"}`} {
		f.Add([]byte(s), "203.0.113.7")
	}
	f.Fuzz(func(t *testing.T, body []byte, forwarded string) {
		b := newBench(t, func(c *oktasim.Config) { c.Users = nil })
		b.head.Set("X-Forwarded-For", forwarded)
		for _, p := range []string{"introspect", "identify", "challenge", "challenge/answer", "authenticators/poll", "cancel"} {
			a := b.do("POST", orgURL+"/idp/idx/"+p, "application/json", body)
			if a.status < 400 || a.doc == nil {
				t.Fatalf("%s answered %d %s to a body without a live handle", p, a.status, a.body)
			}
		}
	})
}

// BenchmarkPoll is what a soak test costs the org per poll.
func BenchmarkPoll(b *testing.B) {
	org, err := oktasim.New(oktasim.Config{
		URL: orgURL, NoRecord: true, RateLimit: 1 << 40, Refresh: time.Nanosecond, Users: oktasim.DefaultUsers(),
		Clients: []oktasim.Client{{ID: confidentialID, Secret: secret, RedirectURIs: []string{redirectURI}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	s := (&bench{t: b, org: org, peer: "192.0.2.1:1", head: http.Header{}}).begin()
	s.password(pushUser, password)
	s.choose("push")
	b.ReportAllocs()
	for b.Loop() {
		s.step("authenticators/poll", nil).wantStep(200, "challenge-poll")
	}
}
