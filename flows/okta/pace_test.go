package okta_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"sidegate.example/sidegate/flows/okta"
)

const transaction = "/api/v1/users/00u1/factors/opf1/transactions/v2mst."

// paced is a client that has learnt the limit of the polls' bucket from a list of factors, which shares it.
func paced(t *testing.T, limit string, now *time.Time) *okta.Client {
	t.Helper()
	c, _ := org(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Rate-Limit-Limit", limit)
		w.Header().Set("X-Rate-Limit-Remaining", "500")
		w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(now.Add(30*time.Second).Unix(), 10))
	}, func(cfg *okta.Config) { cfg.Now = func() time.Time { return *now } })
	if _, err := c.Do(t.Context(), browser(t, "t"), okta.Request{Method: "GET", URL: "/api/v1/users/00u1/factors"}); err != nil {
		t.Fatal(err)
	}
	return c
}

// 500 pending pushes share 600 calls a minute: each waits so long that all of them use eight tenths of it, and those who
// began at once are spread over that time.
func TestPollsShareTheLimit(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := paced(t, "600", &now)
	const people = 500
	var due []time.Duration
	for i := range people {
		due = append(due, c.Pace(transaction+strconv.Itoa(i), fmt.Sprint(i), 4*time.Second))
	}
	if due[0] != 4*time.Second || due[people-1] != 62500*time.Millisecond {
		t.Errorf("the first waits %v, the last %v, want 4s and 62.5s", due[0], due[people-1])
	}
	// Played through: in no minute are there more than 8 tenths of the limit, once the first have polled.
	perMinute := map[int]int{}
	next := slices.Clone(due)
	for {
		i := slices.Index(next, slices.Min(next))
		if next[i] >= 3*time.Minute {
			break
		}
		perMinute[int(next[i]/time.Minute)]++
		now = time.Unix(1_800_000_000, 0).Add(next[i])
		next[i] += c.Pace(transaction+strconv.Itoa(i), fmt.Sprint(i), 4*time.Second)
	}
	for minute := range 3 {
		if n := perMinute[minute]; n > 540 || n < 400 {
			t.Errorf("minute %d has %d polls, want about 480, and never the tenth that is left to people", minute, n)
		}
	}
}

func TestPaceFollowsThoseWhoWait(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := paced(t, "60", &now)
	every := func(key string) time.Duration { return c.Pace(transaction+key, key, 4*time.Second) }
	want := func(key string, d time.Duration) {
		t.Helper()
		if got := every(key); got != d {
			t.Errorf("%s polls after %v, want %v", key, got, d)
		}
	}
	want("a", 4*time.Second)
	want("a", 4*time.Second) // the same one again is not another one
	for i := range 9 {
		every(strconv.Itoa(i))
	}
	want("a", 12500*time.Millisecond)
	for i := range 9 {
		c.Unpace(transaction+strconv.Itoa(i), strconv.Itoa(i))
	}
	want("a", 4*time.Second)
	every("left")
	now = now.Add(time.Minute) // who has gone without a word is forgotten
	for range 4 {
		every("b")
	}
	c.Unpace(transaction+"b", "b")
	want("c", 4*time.Second)
	if got := c.Pace("https://evil.example/", "x", time.Second); got != time.Second {
		t.Errorf("a foreign URL is paced: %v", got)
	}
	unknown, _ := org(t, nil)
	for i := range 100 {
		if got := unknown.Pace(transaction, strconv.Itoa(i), time.Second); got != time.Second {
			t.Fatalf("without a limit the wait is %v", got)
		}
	}
}
