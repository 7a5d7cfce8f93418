package replicas

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store/redisstore"
)

// storedKey is a key of the ring as it is stored, the newest first.
type storedKey struct {
	Secret    []byte    `json:"secret"`
	NotBefore time.Time `json:"not_before"`
}

// traffic is people who are signed in and ask for pages without a pause, each time another replica.
type traffic struct {
	asked, again atomic.Int64
	mu           sync.Mutex
	refused      []string
	stop         chan struct{}
	wg           sync.WaitGroup
}

// begin lets each browser ask until end.
func (tr *traffic) begin(people []person, browsers []*browser) {
	tr.stop = make(chan struct{})
	for i, b := range browsers {
		tr.wg.Go(func() {
			for {
				select {
				case <-tr.stop:
					return
				default:
				}
				p, err := b.try(b.url("/load"), nil)
				if err != nil { // a connection that the reload closed
					tr.again.Add(1)
					continue
				}
				tr.asked.Add(1)
				if err := p.in(people[i]); err != nil {
					tr.mu.Lock()
					tr.refused = append(tr.refused, err.Error())
					tr.mu.Unlock()
				}
			}
		})
	}
}

// end stops them and fails the test if anybody was challenged.
func (tr *traffic) end(t *testing.T) {
	t.Helper()
	close(tr.stop)
	tr.wg.Wait()
	t.Logf("%d requests, %d connections were closed by a reload and tried again, %d not let in", tr.asked.Load(), tr.again.Load(), len(tr.refused))
	if len(tr.refused) > 0 {
		t.Errorf("first: %s", tr.refused[0])
	}
	if tr.asked.Load() == 0 {
		t.Error("nobody asked")
	}
}

// keyOf is the id of the key that sealed the browser's session.
func (b *browser) keyOf() string {
	b.w.t.Helper()
	i := slices.IndexFunc(b.jar.Cookies(b.url("/")), func(c *http.Cookie) bool { return c.Name == "__Host-okta_mfa" })
	if i < 0 {
		b.w.t.Fatal("no session cookie")
	}
	id, _, _ := strings.Cut(b.jar.Cookies(b.url("/"))[i].Value, ".")
	return id
}

// Keys are rotated twice while signed-in people ask all replicas without a pause: not one request is challenged, whether its
// session began before or after, and in the end every replica seals with the new key. The replicas rotate by themselves: the
// test turns the clock forward, as far as the stored ring tells the time, and has them read it again by a reload.
func TestKeysRotateUnderLoad(t *testing.T) {
	for name, start := range map[string]func(*testing.T, setup) (*world, keyRing){
		"in Caddy's storage": func(t *testing.T, s setup) (*world, keyRing) {
			s.sharedStorage = true
			w := newWorld(t, s)
			return w, ringFile(filepath.Join(w.dir, "data", "okta_mfa", "keyring.json"))
		},
		"in Redis": func(t *testing.T, s setup) (*world, keyRing) {
			w := newRedisWorld(t, s, durable...)
			return w, w.ringInRedis()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, ring := start(t, setup{global: "key_rotation 24h\n\t\tassertion"})
			w.rotateUnderLoad(ring)
		})
	}
}

func (w *world) rotateUnderLoad(ring keyRing) {
	var people []person
	var browsers []*browser
	join := func(r *replica) *browser {
		n := len(people)
		people = append(people, w.join(fmt.Sprint("load", n)))
		b := w.browser(mainSite).on(r)
		b.signIn(people[n], "/")
		b.on(nil).refusedNowhere(people[n])
		browsers = append(browsers, b)
		return b
	}
	for _, r := range w.all {
		join(r)
	}
	inUse := browsers[0].keyOf()
	first := inUse
	for _, b := range browsers {
		if b.keyOf() != inUse {
			w.t.Fatal("the replicas have different keys")
		}
	}
	for round := range 2 {
		tr := new(traffic)
		tr.begin(people, browsers)
		w.passes(ring, 25*time.Hour)
		for _, r := range w.all {
			r.reload()
		}
		for _, r := range w.all { // the assertion's keys tell of those of the ring
			w.eventually("every replica has the new key", func() bool {
				return strings.Count(w.browser(mainSite).on(r).open("/_mfa/jwks.json").text, `"kid"`) == round+2
			})
			if w.sealsWith(r) != inUse {
				w.t.Errorf("%s seals with the new key before its time", r.name)
			}
		}
		w.passes(ring, 61*time.Minute)
		before, minted := inUse, map[string]bool{}
		for _, r := range w.all {
			r.reload()
			w.eventually("the new key is in use", func() bool { return w.sealsWith(r) != before })
			inUse = join(r).keyOf() // while the others may seal with the old one
			minted[inUse] = true
		}
		if len(minted) != 1 || minted[before] {
			w.t.Errorf("the replicas seal with %d keys", len(minted))
		}
		tr.end(w.t)
	}
	for i, b := range browsers {
		b.refusedNowhere(people[i])
	}
	if browsers[0].keyOf() != first {
		w.t.Error("the oldest session has got another key meanwhile, so that nothing is known of its own")
	}
}

// sealsWith is the id of the key that a replica seals with now.
func (w *world) sealsWith(r *replica) string {
	w.t.Helper()
	id, _, _ := strings.Cut(w.browser(mainSite).on(r).open("/").want("signin/identify").csrf(), ".")
	return id
}

// refusedNowhere asks every replica.
func (b *browser) refusedNowhere(who person) {
	b.w.t.Helper()
	for range b.w.all {
		if err := b.open("/all").in(who); err != nil {
			b.w.t.Error(err)
		}
	}
}

// keyRing is where the ring is stored.
type keyRing interface {
	Load(ctx context.Context) ([]byte, error)
	Store(ctx context.Context, ring []byte) error
}

// ringFile is the one in Caddy's storage.
type ringFile string

func (f ringFile) Load(context.Context) ([]byte, error) { return os.ReadFile(string(f)) }

func (f ringFile) Store(_ context.Context, ring []byte) error {
	if err := os.WriteFile(string(f)+".new", ring, 0o600); err != nil {
		return err
	}
	return os.Rename(string(f)+".new", string(f))
}

// ringInRedis is the one that key_ring_secret seals.
func (w *world) ringInRedis() keyRing {
	w.t.Helper()
	secret, err := session.RingFromSecrets([]string{ringSecret})
	if err != nil {
		w.t.Fatal(err)
	}
	sealer := session.NewVault(session.Static(secret))
	client, err := redisstore.New(redisstore.Config{Addresses: []string{w.redis.Addr}, Sealer: sealer})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { client.Close() })
	return client.KeyRing(sealer)
}

// passes makes every stored key older: a time passes, for whoever reads the ring.
func (w *world) passes(stored keyRing, passed time.Duration) {
	w.t.Helper()
	text, err := stored.Load(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var ring map[string]json.RawMessage
	var keys []storedKey
	if err := json.Unmarshal(text, &ring); err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(ring["keys"], &keys); err != nil {
		w.t.Fatal(err)
	}
	for i := range keys {
		keys[i].NotBefore = keys[i].NotBefore.Add(-passed)
	}
	if ring["keys"], err = json.Marshal(keys); err != nil {
		w.t.Fatal(err)
	}
	if text, err = json.Marshal(ring); err != nil {
		w.t.Fatal(err)
	}
	if err := stored.Store(w.t.Context(), text); err != nil {
		w.t.Fatal(err)
	}
}
