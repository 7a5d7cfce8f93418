package caddymodule

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"

	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/session"
)

func init() { caddy.RegisterModule(watchedStorage{}) }

// What anybody does with the key ring in a watchedStorage.
var (
	keyringCalls atomic.Int64
	keyringFound = make(chan struct{}, 1) // somebody has read a ring that was there
)

// watchedStorage is Caddy's storage on disk, counting.
type watchedStorage struct {
	Root string `json:"root"`
}

func (watchedStorage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.storage.sidegate_test", New: func() caddy.Module { return new(watchedStorage) }}
}

func (s *watchedStorage) CertMagicStorage() (certmagic.Storage, error) {
	return watched{&certmagic.FileStorage{Path: s.Root}}, nil
}

type watched struct{ certmagic.Storage }

// note leaves out what Caddy's own apps do in the background.
func note(key string) {
	if key == keyringKey {
		keyringCalls.Add(1)
	}
}

func (s watched) Load(ctx context.Context, key string) ([]byte, error) {
	note(key)
	value, err := s.Storage.Load(ctx, key)
	if key == keyringKey && err == nil {
		select {
		case keyringFound <- struct{}{}:
		default:
		}
	}
	return value, err
}

func (s watched) Store(ctx context.Context, key string, value []byte) error {
	note(key)
	return s.Storage.Store(ctx, key, value)
}

func (s watched) Lock(ctx context.Context, key string) error {
	note(key)
	return s.Storage.Lock(ctx, key)
}

func (s watched) Unlock(ctx context.Context, key string) error {
	note(key)
	return s.Storage.Unlock(ctx, key)
}

func (s watched) Exists(ctx context.Context, key string) bool {
	note(key)
	return s.Storage.Exists(ctx, key)
}

func (s watched) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	note(key)
	return s.Storage.Stat(ctx, key)
}

// dials listens where the org should be, and counts who comes.
func dials(t *testing.T) (address string, count *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	count = new(atomic.Int64)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			conn.Close()
		}
	}()
	return l.Addr().String(), count
}

// TestAuthenticatedRequestsDoNoIO: once the keys are read, a request with a session asks neither Okta nor the storage,
// whether the session has been seen before or not.
func TestAuthenticatedRequestsDoNoIO(t *testing.T) {
	const requests = 1000
	w := newWorld(t)
	org, dialled := dials(t)
	w.org = "http://" + org
	text := strings.Replace(w.caddyfile("http://:0", "okta_mfa\n\trespond {http.auth.user.id}"), "cookie_secret {env.SIDEGATE_TEST_COOKIE_SECRET}", "", 1)
	js := strings.Replace(string(adapt(t, text)), `"module":"file_system"`, `"module":"sidegate_test"`, 1)
	addr := w.run([]byte(js))
	app, err := caddy.ActiveContext().AppIfConfigured(appID)
	if err != nil {
		t.Fatal(err)
	}
	codec := session.NewCodec(app.(*App).keyring, nil)
	cookie := func() string {
		now := time.Now()
		value, err := codec.Seal(t.Context(),
			session.Binding{Cookie: gateway.DefaultCookieName, Site: "127.0.0.1", Policy: w.policy()},
			session.Claims{ID: session.NewID(), Identity: bob(), IssuedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		return gateway.DefaultCookieName + "=" + value
	}
	warm := cookie() // makes the keys; the background reads them again at once, and then in minutes
	select {
	case <-keyringFound:
	case <-time.After(10 * time.Second):
		t.Fatal("the keys were not read from the storage that is watched")
	}
	keyringCalls.Store(0)
	client := &http.Client{Transport: new(http.Transport), Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for i := range requests {
		c := warm
		if i%2 == 1 {
			c = cookie()
		}
		if err := asBob(t.Context(), client, addr, c); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if n := keyringCalls.Load(); n != 0 {
		t.Errorf("%d calls to the storage", n)
	}
	if n := dialled.Load(); n != 0 {
		t.Errorf("%d connections to Okta", n)
	}
}

func asBob(ctx context.Context, client *http.Client, addr, cookie string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/payroll", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Cookie", cookie)
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || string(body) != "bob") {
		err = fmt.Errorf("status %d, body %q", resp.StatusCode, body)
	}
	return err
}
