package oktasim_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

// Many people at once by the Factors API and by /api/v1/authn: each approves the own push with the own number, nobody
// ends with another's, and the race detector finds nothing.
func TestAPIManyPeopleAtOnce(t *testing.T) {
	const people = 40
	var users []oktasim.User
	for i := range people {
		users = append(users, oktasim.User{
			Login: fmt.Sprintf("u%d@sidegate.example", i), Password: password, Methods: []string{"push", "totp"}, NumberChallenge: true,
		})
	}
	b := newAPIBench(t, func(c *oktasim.Config) {
		c.Users = users
		c.Tokens[0].Login, c.Tokens[0].RateLimit = "", 100_000
	})
	var wg sync.WaitGroup
	for i, u := range users {
		wg.Go(func() {
			own := &bench{t: t, org: b.org, now: b.now, peer: b.peer, head: b.head.Clone()}
			tap := func(number any) {
				n, _ := number.(float64)
				if err := b.org.Tap(own.pending(u.Login).ID, strconv.Itoa(int(n))); err != nil {
					t.Errorf("%s: %v", u.Login, err)
				}
			}
			if i%2 == 0 {
				p := own.person(u.Login).push(nil)
				tap(p.answer.at("_embedded", "challenge", "correctAnswer"))
				p.poll().wantResult(200, "SUCCESS")
				return
			}
			c, a := own.enter(u.Login, "MFA_REQUIRED")
			path := a.choose("push", "OKTA")
			for range 3 {
				a = c.step(path, nil).wantResult(200, "WAITING")
			}
			tap(a.at("_embedded", "factor", "_embedded", "challenge", "correctAnswer"))
			if a = c.step(path, nil).wantState("SUCCESS"); a.str("_embedded", "user", "profile", "login") != u.Login {
				t.Errorf("%s ends as %s", u.Login, a.body)
			}
		})
	}
	wg.Go(func() {
		for i := range 100 {
			b.org.Update(func(c *oktasim.Config) { c.Policy.Factors.AutoEmail = i%2 == 0 })
			b.do("GET", orgURL+"/phone/", "", nil)
		}
	})
	wg.Wait()
}
