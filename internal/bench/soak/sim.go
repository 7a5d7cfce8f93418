package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"sidegate.example/sidegate/oktasim"
)

// counts is what the simulated org was asked since it started.
type counts struct {
	Calls map[string]int // by path
	// Approved is when the last poll that brought news of an approval was answered, in Unix nanoseconds.
	Approved int64
}

// login names the nth user.
func login(n int) string { return fmt.Sprintf("user%05d@example.com", n) }

// simulate runs an org with one user for each browser and returns its URL.
func simulate(o options) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listening: %w", err)
	}
	url := "http://" + l.Addr().String()
	config := oktasim.Config{
		URL: url,
		Clients: []oktasim.Client{{
			ID: clientID, Secret: clientSecret, RedirectURIs: []string{o.scheme() + "://" + site + "/_mfa/callback"},
		}},
		Policy:         oktasim.Policy{AutoChallenge: true},
		Refresh:        o.refresh,
		PushLifetime:   time.Hour,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		RateLimit:      100_000_000,
		NoRecord:       true,
	}
	for n := range o.browsers {
		config.Users = append(config.Users, oktasim.User{
			Login: login(n), Password: password, Name: "Soak", Email: login(n), Device: "Pixel 7", Methods: []string{"push"},
		})
	}
	org, err := oktasim.New(config)
	if err != nil {
		return "", fmt.Errorf("making the org: %w", err)
	}
	go func() { _ = http.Serve(l, &counter{next: org.Handler(), calls: map[string]int{}}) }() //nolint:gosec // bounded by the benchmark
	return url, nil
}

// counter counts the requests to the org, notes when one brought news, and can hold polls back.
type counter struct {
	next http.Handler

	held sync.RWMutex // write-locked while polls are held back

	mu       sync.Mutex
	calls    map[string]int
	approved time.Time
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/bench/counts":
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = json.NewEncoder(w).Encode(counts{Calls: c.calls, Approved: c.approved.UnixNano()}) // the soak has gone
		return
	case r.URL.Path == "/bench/hold":
		c.held.Lock()
		return
	case r.URL.Path == "/bench/release":
		c.held.Unlock()
		return
	case strings.HasPrefix(r.URL.Path, "/sim/"):
		c.next.ServeHTTP(w, r)
		return
	}
	c.held.RLock()
	defer c.held.RUnlock()
	news := &newsSpotter{ResponseWriter: w}
	c.next.ServeHTTP(news, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[r.URL.Path]++
	if news.seen && strings.HasSuffix(r.URL.Path, "/poll") {
		c.approved = time.Now()
	}
}

// newsSpotter notes whether an answer ends the sign-in well.
type newsSpotter struct {
	http.ResponseWriter

	seen bool
}

func (n *newsSpotter) Write(b []byte) (int, error) {
	n.seen = n.seen || bytes.Contains(b, []byte(`"successWithInteractionCode"`))
	return n.ResponseWriter.Write(b)
}
