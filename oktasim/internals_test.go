package oktasim

import (
	"net/http/httptest"
	"strconv"
	"testing"
	"time"
)

// Vectors of RFC 6238 appendix B (SHA-1), cut to six digits.
func TestTOTPVectors(t *testing.T) {
	key := []byte("12345678901234567890")
	for seconds, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := totpCode(key, totpStep(time.Unix(seconds, 0))); got != want {
			t.Errorf("at %d: %s, want %s", seconds, got, want)
		}
	}
}

func TestAgentName(t *testing.T) {
	for raw, want := range map[string]string{
		"": "Unknown browser",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36": "Chrome on Windows",
		"Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0":                                          "Firefox on Linux",
		serverAgent: serverAgent,
	} {
		if got := agentName(raw); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}

// The idle list must not grow with finished and expired sign-ins.
func TestExpiredTransactionsAreForgotten(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	o, err := New(Config{URL: "http://okta.test", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		o.addTransaction(&transaction{interact: secretID("")}, now)
	}
	now = now.Add(defaultStateLifetime)
	o.addTransaction(&transaction{interact: secretID("")}, now)
	if o.idle.Len() != 1 || len(o.byHandle) != 1 || len(o.byInteract) != 1 {
		t.Fatalf("%d idle, %d handles, %d interactions; want 1 each", o.idle.Len(), len(o.byHandle), len(o.byInteract))
	}
}

func TestExpiringSet(t *testing.T) {
	var s expiringSet
	now := time.Unix(0, 0)
	for i, c := range []struct {
		key  string
		at   time.Duration
		want bool
	}{{"a", 0, true}, {"a", time.Second, false}, {"b", time.Second, true}, {"a", time.Minute, true}, {"b", time.Minute, false}} {
		if got := s.add(c.key, now.Add(c.at), time.Minute); got != c.want {
			t.Errorf("step %d: %v, want %v", i, got, c.want)
		}
	}
}

// The recorder must not grow for ever; it keeps the latest, in order.
func TestRecorderIsARing(t *testing.T) {
	o, err := New(Config{URL: "http://okta.test"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxRequests + 5 {
		x := &exchange{cfg: o.cfg.Load(), r: httptest.NewRequest("GET", "/"+strconv.Itoa(i), nil)}
		o.recorder.end(o.recorder.begin(x), i)
	}
	got := o.Requests()
	if len(got) != maxRequests || got[0].Path != "/5" || got[0].Status != 5 || got[maxRequests-1].Status != maxRequests+4 {
		t.Fatalf("%d requests, from %+v to %+v", len(got), got[0], got[len(got)-1])
	}
}

// Links and QR codes that were replaced must not pile up.
func TestReplacedLinksAreForgotten(t *testing.T) {
	o, err := New(Config{URL: "http://okta.test"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	tr := &transaction{interact: "i"}
	o.addTransaction(tr, now)
	for range 3 {
		o.begin(tr, task{link: secretID("")})
	}
	if len(o.links) != 1 || o.links[tr.task.link] != tr {
		t.Fatalf("%d links, want the newest alone", len(o.links))
	}
	if o.drop(tr, now); len(o.links) != 0 {
		t.Fatalf("%d links of a sign-in that is over", len(o.links))
	}
}
