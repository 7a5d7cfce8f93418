package redisstore_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/store/redisstore"
	"sidegate.example/sidegate/gateway/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stamp is a Sealer that hides nothing and notices a wrong purpose.
type stamp struct{}

func (stamp) Seal(_ context.Context, purpose string, doc []byte) ([]byte, error) {
	return append([]byte(purpose+"\x00"), doc...), nil
}

func (stamp) Open(_ context.Context, purpose string, sealed []byte) ([]byte, error) {
	doc, ok := bytes.CutPrefix(sealed, []byte(purpose+"\x00"))
	if !ok {
		return nil, errors.New("another purpose")
	}
	return doc, nil
}

func (stamp) Name(_ context.Context, text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:18]), nil
}

// connect is one replica's handle.
func connect(t *testing.T, c redisstore.Config) store.Store {
	t.Helper()
	c.Sealer = stamp{}
	r, err := redisstore.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r.Store()
}

func conforms(t *testing.T, c redisstore.Config) {
	t.Helper()
	storetest.Run(t, connect(t, c), connect(t, c))
}

func TestRedisConforms(t *testing.T) {
	s := storetest.Redis(t, "--requirepass", "hunter2")
	conforms(t, redisstore.Config{Addresses: []string{s.Addr}, Password: "hunter2"})
}

func TestClusterConforms(t *testing.T) {
	var addresses []string
	for _, s := range storetest.Cluster(t) {
		addresses = append(addresses, s.Addr)
	}
	conforms(t, redisstore.Config{Addresses: addresses})
	t.Run("by one address", func(t *testing.T) {
		conforms(t, redisstore.Config{Addresses: addresses[:1], Cluster: true, Prefix: "other:"})
	})
}

// After a failover everything goes on: what was kept is there, and what follows follows the new server.
func TestSentinelConformsAndFailsOver(t *testing.T) {
	sentinel, server := storetest.Sentinel(t)
	c := redisstore.Config{Addresses: []string{sentinel.Addr}, MasterName: "mymaster"}
	conforms(t, c)
	s := connect(t, c)
	ctx := t.Context()
	if err := s.Documents.Put(ctx, store.Posts, "kept", []byte("x"), time.Hour); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, "the replica has it", func() bool { return server.CLI("wait", "1", "1000") == "1\n" })
	got := make(chan store.Revocation, 100)
	followed := make(chan struct{})
	following, stop := context.WithCancel(ctx)
	go func() {
		defer close(followed)
		s.Revocations.Follow(following, func(r store.Revocation) { got <- r }, ignore)
	}()
	server.Kill()
	storetest.Eventually(t, "the new server answers", func() bool {
		doc, err := s.Documents.Get(ctx, store.Posts, "kept")
		return err == nil && string(doc) == "x"
	})
	storetest.Eventually(t, "a revocation is told by the new server", func() bool {
		if s.Revocations.Revoke(ctx, store.Revocation{Session: "after", Until: time.Now().Add(time.Hour)}) != nil {
			return false
		}
		for len(got) > 0 {
			if (<-got).Session == "after" {
				return true
			}
		}
		return false
	})
	stop()
	<-followed
}

// S45: what was revoked while Redis was away is told once it is back, also when it has lost everything.
func TestS45RevokedWhileRedisIsAway(t *testing.T) {
	server := storetest.Redis(t)
	c := redisstore.Config{Addresses: []string{server.Addr}}
	a, b := connect(t, c), connect(t, c)
	ctx, stop := context.WithCancel(t.Context())
	got := make(chan string, 1000)
	var done []chan struct{}
	for _, s := range []store.Store{a, b} {
		over := make(chan struct{})
		done = append(done, over)
		go func() {
			defer close(over)
			s.Revocations.Follow(ctx, func(r store.Revocation) { got <- r.Session }, ignore)
		}()
	}
	waitFor := func(want string, times int) {
		t.Helper()
		storetest.Eventually(t, want, func() bool {
			for len(got) > 0 {
				if <-got == want {
					times--
				}
			}
			return times <= 0
		})
	}
	waitFor("", 2)
	if err := a.Revocations.Revoke(ctx, store.Revocation{Session: "before", Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	waitFor("before", 2)
	server.Kill()
	if err := a.Revocations.Revoke(ctx, store.Revocation{Session: "meanwhile", Until: time.Now().Add(time.Hour)}); err == nil {
		t.Error("a revocation that did not get through is called done (S62)")
	}
	server.Start()
	waitFor("meanwhile", 2)
	third := connect(t, c)
	over := make(chan struct{})
	go func() {
		defer close(over)
		third.Revocations.Follow(ctx, func(r store.Revocation) { got <- "third " + r.Session }, ignore)
	}()
	storetest.Eventually(t, "who starts now knows what Redis had lost", func() bool {
		seen := false
		for len(got) > 0 {
			seen = <-got == "third before" || seen
		}
		return seen
	})
	stop()
	for _, over := range append(done, over) {
		<-over
	}
}

// keyless is a stamp that has no keys yet.
type keyless struct {
	stamp
	ready *atomic.Bool
}

var errNoKeys = errors.New("no keys yet")

func (k keyless) Seal(ctx context.Context, purpose string, doc []byte) ([]byte, error) {
	if !k.ready.Load() {
		return nil, errNoKeys
	}
	return k.stamp.Seal(ctx, purpose, doc)
}

func (k keyless) Open(ctx context.Context, purpose string, sealed []byte) ([]byte, error) {
	if !k.ready.Load() {
		return nil, errNoKeys
	}
	return k.stamp.Open(ctx, purpose, sealed)
}

// S45: a replica whose keys come late has not heard of the revocations before it can read them.
func TestS45KeysThatComeLate(t *testing.T) {
	s := storetest.Redis(t)
	one := store.Revocation{Session: "one", Until: time.Now().Add(time.Hour)}
	if err := connect(t, redisstore.Config{Addresses: []string{s.Addr}}).Revocations.Revoke(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	k, tried := keyless{ready: new(atomic.Bool)}, make(chan struct{}, 100)
	r, err := redisstore.New(redisstore.Config{Addresses: []string{s.Addr}, Sealer: k, Observe: func(_ string, err error) {
		if errors.Is(err, errNoKeys) {
			tried <- struct{}{}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan string, 100), make(chan struct{})
	go func() {
		defer close(ended)
		r.Store().Revocations.Follow(ctx, func(r store.Revocation) { heard <- r.Session }, ignore)
	}()
	<-tried
	<-tried
	k.ready.Store(true)
	if first, then := <-heard, <-heard; first != "one" || then != "" {
		t.Errorf("heard of %q and then of %q, want one and then that all were read", first, then)
	}
	cancel()
	<-ended
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// Whatever does not work is an error, is counted under the name of what was tried, and comes soon.
func TestFailuresAreCounted(t *testing.T) {
	server := storetest.Redis(t)
	var counted []string
	c := redisstore.Config{Addresses: []string{server.Addr}, Observe: func(operation string, err error) {
		if err != nil {
			counted = append(counted, operation)
		}
	}}
	s := connect(t, c)
	ctx := t.Context()
	server.CLI("set", "sidegate:signin:{x}", "wrong type")
	for _, err := range s.Documents.All(ctx, store.SignIns) {
		if err == nil {
			t.Error("a value of the wrong type is a document (S49)")
		}
	}
	server.Kill()
	began := time.Now()
	_, taking := s.Budget.Take(ctx, "a/b", 1, time.Minute)
	_, getting := s.Documents.Get(ctx, store.Posts, "a")
	_, acquiring := s.Turns.Acquire(ctx, store.SignIns, "a", time.Second)
	revoking := s.Revocations.Revoke(ctx, store.Revocation{Session: "a", Until: time.Now().Add(time.Hour)})
	for _, err := range []error{taking, getting, acquiring, revoking} {
		if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrHeld) {
			t.Errorf("without a server: %v", err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("four failures took %v", took)
	}
	want := []string{"document", "budget", "document", "turn", "revocation"}
	if len(counted) != len(want) {
		t.Fatalf("counted %q, want %q", counted, want)
	}
	for i := range want {
		if counted[i] != want[i] {
			t.Errorf("counted %q, want %q", counted, want)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	one := []string{"127.0.0.1:1"}
	for name, c := range map[string]redisstore.Config{
		"no address":           {Sealer: stamp{}},
		"no sealer":            {Addresses: one},
		"a prefix with spaces": {Addresses: one, Sealer: stamp{}, Prefix: "a b"},
		"a prefix with a slot": {Addresses: one, Sealer: stamp{}, Prefix: "{a}"},
		"both at once":         {Addresses: one, Sealer: stamp{}, MasterName: "m", Cluster: true},
	} {
		if _, err := redisstore.New(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// An ACL user who may do what the reference says, over TLS, is enough.
func TestACLUserOverTLS(t *testing.T) {
	dir := t.TempDir()
	authority := certificate(t, dir)
	server := storetest.Redis(t, "--tls-port", "0", "--user", "default", "on", "nopass", "~*", "&*", "+@all",
		"--user", "sidegate", "on", ">hunter2", "~acl:*", "&acl:*", "+@all", "-@admin", "-@dangerous")
	tlsPort := storetest.FreePort(t)
	server.CLI("config", "set", "tls-cert-file", dir+"/cert.pem", "tls-key-file", dir+"/key.pem", "tls-ca-cert-file", dir+"/cert.pem",
		"tls-auth-clients", "no", "tls-port", tlsPort)
	c := redisstore.Config{
		Addresses: []string{"127.0.0.1:" + tlsPort}, Username: "sidegate", Password: "hunter2", Prefix: "acl:",
		TLS: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authority, ServerName: "redis.internal"},
	}
	conforms(t, c)
	for what, change := range map[string]func(*redisstore.Config){
		"another password": func(c *redisstore.Config) { c.Password = "hunter3" },
		"keys of others":   func(c *redisstore.Config) { c.Prefix = "others:" },
		"an authority unknown": func(c *redisstore.Config) {
			c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: "redis.internal"}
		},
		"another server's name": func(c *redisstore.Config) { c.TLS = c.TLS.Clone(); c.TLS.ServerName = "other.internal" },
		"no TLS":                func(c *redisstore.Config) { c.TLS = nil },
	} {
		wrong := c
		change(&wrong)
		if _, err := connect(t, wrong).Documents.Get(t.Context(), store.Posts, "a"); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// certificate writes a self-signed certificate of redis.internal.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"redis.internal"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, text := range map[string][]byte{"cert.pem": cert, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

// Two replicas that start at once make one key ring, under a lock that a dead one does not keep for ever.
func TestKeyRingIsStoredUnderALock(t *testing.T) {
	server := storetest.Redis(t)
	r, err := redisstore.New(redisstore.Config{Addresses: []string{server.Addr}, Sealer: stamp{}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // the test is over
	ring, ctx := r.KeyRing(stamp{}), t.Context()
	if _, err := ring.Load(ctx); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("where there is none: %v", err)
	}
	unlock, err := ring.Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	brief, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := ring.Lock(brief); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("locked twice: %v", err)
	}
	if ttl := server.CLI("pttl", "sidegate:{keyring}:lock"); ttl[0] == '-' {
		t.Errorf("the lock never ends: %s", ttl)
	}
	unlock()
	unlock, err = ring.Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := ring.Store(ctx, []byte("keys")); err != nil {
		t.Fatal(err)
	}
	if got, err := ring.Load(ctx); string(got) != "keys" || err != nil {
		t.Errorf("loaded %q, %v", got, err)
	}
	server.CLI("set", "sidegate:{keyring}", "sealed with another secret")
	if _, err := ring.Load(ctx); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a ring that does not open: %v", err) // not "none", for then a new one would take its place
	}
}
