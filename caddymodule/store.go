package caddymodule

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"sidegate.example/sidegate/gateway/session"
	"sidegate.example/sidegate/gateway/store/redisstore"
)

// StoreSettings say where sign-ins in progress, counters, revocations and what else replicas share are kept.
type StoreSettings struct {
	// Kind is "memory", for one replica, or "redis" for Redis or Valkey. Default: memory.
	Kind string `json:"kind,omitempty"`

	// Address is the host:port of the server, of the Sentinels where MasterName is set, or of some nodes of a cluster.
	// Placeholders are read. Required with redis.
	Address []string `json:"address,omitempty"`

	// MasterName is the name under which the Sentinels know the server. Default: none, there are no Sentinels.
	MasterName string `json:"master_name,omitempty"`

	// Cluster is "on" for a Redis Cluster. Default: off.
	Cluster string `json:"cluster,omitempty"`

	// Username is that of an ACL user. It needs the keys and channels that begin with KeyPrefix. Placeholders are read.
	// Default: Redis' own default user.
	Username string `json:"username,omitempty"`

	// Password is that user's, or the server's. It must be a placeholder, as ClientSecret must. Default: none.
	Password string `json:"password,omitempty"`

	// TLS is how the server is spoken to with TLS. Default: without.
	TLS StoreTLS `json:"tls,omitzero"`

	// KeyPrefix begins the name of every key and channel. Replicas that are one have the same. Default: sidegate:
	KeyPrefix string `json:"key_prefix,omitempty"`

	// KeyRingSecret keeps the key ring in this store and not in Caddy's storage, sealed with this secret of 32 bytes or
	// more: for replicas that do not share Caddy's storage. It must be a placeholder, as ClientSecret must. Under another
	// one the ring cannot be read, and nobody gets in. Default: the key ring is in Caddy's storage.
	KeyRingSecret string `json:"key_ring_secret,omitempty"`
}

// StoreTLS is how a store is spoken to with TLS.
type StoreTLS struct {
	// Mode is "on" for TLS. Default: on where CA or ServerName is set, otherwise off.
	Mode string `json:"mode,omitempty"`

	// CA is the path of a PEM file of the authorities that vouch for the server. Default: those of the system.
	CA string `json:"ca,omitempty"`

	// ServerName is the name that the server's certificate must have. Default: the host of the address.
	ServerName string `json:"server_name,omitempty"`
}

const (
	storeMemory = "memory"
	storeRedis  = "redis"
)

var storeKinds = []string{storeMemory, storeRedis}

// validate finds what cannot work before anything is read.
func (s *StoreSettings) validate() error {
	for _, secret := range []struct{ name, text string }{{"store password", s.Password}, {"store key_ring_secret", s.KeyRingSecret}} {
		if err := literalSecret(secret.name)(secret.text); err != nil {
			return err
		}
	}
	switch {
	case s.Kind != "" && !slices.Contains(storeKinds, s.Kind):
		return fmt.Errorf("store %q is unknown; allowed: %s", s.Kind, strings.Join(storeKinds, ", "))
	case s.Kind != storeRedis:
		if rest := *s; rest.KeyPrefix+rest.Username+rest.Password+rest.MasterName+rest.Cluster+rest.KeyRingSecret != "" ||
			len(rest.Address) > 0 || rest.TLS != (StoreTLS{}) {
			return errors.New("store memory takes no settings; write store redis { ... }")
		}
	case len(s.Address) == 0:
		return errors.New("store redis needs an address; add address redis.internal:6379")
	case s.MasterName != "" && s.Cluster == on:
		return errors.New("store redis is either behind Sentinel or a cluster; give master_name or cluster")
	case s.MasterName == "" && s.Cluster != on && len(s.Address) > 1:
		return errors.New("store redis with several addresses needs cluster, or master_name where they are Sentinels'")
	case s.Cluster != "" && !slices.Contains(switches, s.Cluster):
		return fmt.Errorf("store cluster %q is unknown; allowed: %s", s.Cluster, strings.Join(switches, ", "))
	case s.TLS.Mode != "" && !slices.Contains(switches, s.TLS.Mode):
		return fmt.Errorf("store tls mode %q is unknown; allowed: %s", s.TLS.Mode, strings.Join(switches, ", "))
	case s.KeyPrefix != "":
		return redisstore.CheckPrefix(s.KeyPrefix)
	}
	return nil
}

// storeClients holds one client for each way to say where a store is, so that its connections survive reloads.
var storeClients = caddy.NewUsagePool()

// storeClient is a client that the configurations of one store use.
type storeClient struct {
	*redisstore.Redis
	late  *lateVault
	close func() error
}

// Destruct closes the connections when the last user has left.
func (c *storeClient) Destruct() error { return c.close() }

// hangUpAfter is how long the last configuration waits, when it goes, for what is still under way in the store: a server that takes
// connections and does not answer keeps nobody from a restart. Sign-ins take up to 1.4 s to give back what they hold there.
const hangUpAfter = 1500 * time.Millisecond

// lateVault seals with the keys of the latest configuration: they may come out of the very store.
type lateVault struct{ atomic.Pointer[session.Vault] }

func (l *lateVault) Seal(ctx context.Context, purpose string, doc []byte) ([]byte, error) {
	return l.Load().Seal(ctx, purpose, doc)
}

func (l *lateVault) Open(ctx context.Context, purpose string, sealed []byte) ([]byte, error) {
	return l.Load().Open(ctx, purpose, sealed)
}

func (l *lateVault) Name(ctx context.Context, text string) (string, error) {
	return l.Load().Name(ctx, text)
}

// openStore makes the store and the key ring of the configuration. It dials nothing.
func (a *App) openStore(ctx caddy.Context) error {
	if err := a.Store.validate(); err != nil {
		return fmt.Errorf("okta_mfa: %w", err)
	}
	var rings session.Storage = &keyringStorage{ctx.Storage()}
	var client *storeClient
	a.store = a.state.Memory()
	if a.Store.Kind == storeRedis {
		var err error
		if client, rings, err = a.joinStore(rings); err != nil {
			return err
		}
		a.store = client.Store()
	}
	rotation := session.Rotation{Every: time.Duration(a.KeyRotation)}
	keyring, err := joinKeyring(rotation, rings, ctx.Slogger())
	if err != nil {
		return err
	}
	a.keyring = keyring
	a.leave = append(a.leave, keyring.leave)
	if client != nil {
		client.late.Store(session.NewVault(keyring))
	}
	return nil
}

// joinStore takes hold of the client, and says where the key ring is.
func (a *App) joinStore(rings session.Storage) (*storeClient, session.Storage, error) {
	c, ca, secret, err := a.Store.resolve()
	if err != nil {
		return nil, nil, err
	}
	// The place is the same for whoever finds the same there, with whatever credentials; the key ring is what it is read with.
	c.Place = fingerprint(append(slices.Clone(c.Addresses), c.MasterName, fmt.Sprint(c.Cluster), c.Prefix, secret)...)
	// Everything in it, so that an edited setting is a new client; only a hash of the secrets stays.
	name := fingerprint(c.Place, c.Username, c.Password, fmt.Sprintf("%+v", a.Store.TLS), string(ca), time.Duration(a.KeyRotation).String())
	v, _, err := storeClients.LoadOrNew(name, func() (caddy.Destructor, error) {
		late := &lateVault{}
		c.Sealer, c.Observe = late, storeTrouble()
		redis, err := redisstore.New(c)
		if err != nil {
			return nil, err
		}
		return &storeClient{redis, late, sync.OnceValue(redis.Close)}, nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("okta_mfa: store: %w", err)
	}
	client := v.(*storeClient)
	hangUp := func() error {
		if users, _ := storeClients.References(name); users == 1 {
			time.AfterFunc(hangUpAfter, func() { _ = client.close() }) // Destruct tells of the error
		}
		return nil
	}
	a.leave = append(slices.Insert(a.leave, 0, hangUp), func() error {
		_, err := storeClients.Delete(name)
		return err
	})
	if secret != "" {
		ring, err := session.RingFromSecrets([]string{secret})
		if err != nil {
			return nil, nil, errors.New("okta_mfa: store key_ring_secret needs at least 32 bytes; make one with: openssl rand -base64 32")
		}
		rings = client.KeyRing(session.NewVault(session.Static(ring)))
	}
	return client, rings, nil
}

// storeTrouble counts what fails in the store, and tells the log: once a minute of each operation, because while a Redis is away
// everything fails.
func storeTrouble() func(operation string, err error) {
	often := map[string]*rate.Sometimes{}
	for _, o := range redisstore.Operations() {
		often[o] = &rate.Sometimes{Interval: time.Minute}
	}
	return func(operation string, err error) {
		metrics.storeError(operation, err)
		if s := often[operation]; s != nil {
			s.Do(func() { // by the logger of the configuration that serves
				caddy.Log().Named(appID).Warn("the shared store failed", zap.String("operation", operation), zap.Error(err))
			})
		}
	}
}

// resolve reads the placeholders and the file of authorities.
func (s *StoreSettings) resolve() (c redisstore.Config, ca []byte, keyRingSecret string, err error) {
	c = redisstore.Config{MasterName: s.MasterName, Cluster: s.Cluster == on, Prefix: s.KeyPrefix}
	for _, text := range s.Address {
		address, err := readPlaceholders("store address", text)
		if err != nil {
			return c, nil, "", err
		}
		c.Addresses = append(c.Addresses, address)
	}
	if c.Username, err = readPlaceholders("store username", s.Username); err != nil {
		return c, nil, "", err
	}
	if c.Password, err = readPlaceholders("store password", s.Password); err != nil {
		return c, nil, "", err
	}
	if keyRingSecret, err = readPlaceholders("store key_ring_secret", s.KeyRingSecret); err != nil {
		return c, nil, "", err
	}
	c.TLS, ca, err = s.TLS.config()
	return c, ca, keyRingSecret, err
}

// config is nil for no TLS. ca is what the file of authorities holds.
func (s StoreTLS) config() (c *tls.Config, ca []byte, err error) {
	if s.Mode == off || s == (StoreTLS{}) {
		return nil, nil, nil
	}
	c = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.ServerName}
	if s.CA == "" {
		return c, nil, nil
	}
	if ca, err = os.ReadFile(s.CA); err != nil {
		return nil, nil, fmt.Errorf("okta_mfa: store tls ca: %w; create the file and let Caddy's user read it", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(ca) {
		return nil, nil, fmt.Errorf("okta_mfa: store tls ca: %s holds no PEM certificate", s.CA)
	}
	return c, ca, nil
}
