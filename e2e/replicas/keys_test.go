package replicas

import (
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

// Keys are rotated twice while signed-in people ask all replicas without a pause: not one request is challenged, and the new
// key is in use. The stored ring is written as a rotation writes it, but that the new key seals after five seconds and
// not after an hour; each replica reads it because its configuration is loaded again.
func TestKeysRotateUnderLoad(t *testing.T) {
	w := newWorld(t, setup{sharedStorage: true})
	var people []person
	var browsers []*browser
	join := func() *browser {
		n := len(people)
		people = append(people, w.join(fmt.Sprint("load", n)))
		b := w.browser(mainSite).on(w.all[n%len(w.all)])
		b.signIn(people[n], "/")
		b.on(nil)
		browsers = append(browsers, b)
		return b
	}
	for range 6 {
		join()
	}
	keys := map[string]bool{browsers[0].keyOf(): true}
	for _, b := range browsers {
		if !keys[b.keyOf()] {
			t.Fatal("the replicas have different keys")
		}
	}
	for range 2 {
		tr := new(traffic)
		tr.begin(people, browsers)
		seals := w.rotate(5 * time.Second)
		for _, r := range w.all {
			r.reload()
		}
		if time.Now().After(seals) {
			t.Fatal("the machine is too slow: the key seals before every replica has read it")
		}
		<-time.After(time.Until(seals))
		fresh := join()
		if keys[fresh.keyOf()] {
			t.Error("the new key is not in use")
		}
		keys[fresh.keyOf()] = true
		fresh.refusedNowhere(people[len(people)-1])
		tr.end(t)
	}
	for i, b := range browsers {
		b.refusedNowhere(people[i])
	}
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

// rotate puts a new key in front of the stored ring, which seals after a while: it returns when.
func (w *world) rotate(after time.Duration) (seals time.Time) {
	w.t.Helper()
	file := filepath.Join(w.dir, "data", "okta_mfa", "keyring.json")
	text, err := os.ReadFile(file)
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
	seals = time.Now().Add(after)
	secret := slices.Clone(keys[0].Secret)
	secret[0]++
	if ring["keys"], err = json.Marshal(slices.Insert(keys, 0, storedKey{secret, seals})); err != nil {
		w.t.Fatal(err)
	}
	if text, err = json.Marshal(ring); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		w.t.Fatal(err)
	}
	return seals
}
