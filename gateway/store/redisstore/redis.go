// Package redisstore owns a store.Store in Redis or Valkey: one server, one behind Sentinel, or a cluster. Whoever can
// read that server learns nothing from it: what is kept is sealed, and names are keyed hashes. Whoever can write to it can
// forge nothing, and move nothing: what is sealed for one name opens under no other. But what was there can be deleted, or put
// back for as long as it says itself, in its seal: documents and revocations. Counters can be set to anything.
package redisstore

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"sidegate.example/sidegate/gateway/store"
)

const (
	// DefaultPrefix begins every key.
	DefaultPrefix = "sidegate:"

	// dialTimeout and answerTimeout bound what somebody waits for a Redis that does not answer.
	dialTimeout   = 2 * time.Second
	answerTimeout = 2 * time.Second
	// retries are for connections that a failover has closed.
	retries = 2
)

// Config says where the store is.
type Config struct {
	// Addresses are those of the server, of the Sentinels where MasterName is set, or of some nodes of the cluster.
	Addresses []string
	// MasterName is the name under which the Sentinels know the server.
	MasterName string
	// Cluster is set where one address is that of a cluster; with several it is one anyway.
	Cluster bool
	// Username and Password are those of an ACL user; only a password is the default user's.
	Username, Password string
	// TLS is nil for none.
	TLS *tls.Config
	// Prefix begins every key. Default DefaultPrefix.
	Prefix string
	// Place is store.Store.Place. Default: that of no other.
	Place string
	// Sealer seals and names what is kept. Required.
	Sealer Sealer
	// Observe hears of every operation that failed; nil for nobody. operation is one of Operations.
	Observe func(operation string, err error)
}

// Sealer keeps what is in Redis from who reads it there.
type Sealer interface {
	// Seal makes of doc what only Open with the same purpose makes doc of.
	Seal(ctx context.Context, purpose string, doc []byte) ([]byte, error)
	Open(ctx context.Context, purpose string, sealed []byte) ([]byte, error)
	// Name is a keyed hash, the same on every replica and for good, of letters, digits, "-" and "_".
	Name(ctx context.Context, text string) (string, error)
}

// The operations that Config.Observe is told of.
const (
	opBudget      = "budget"
	opDocument    = "document"
	opTurn        = "turn"
	opRevocation  = "revocation"
	opFollow      = "follow"
	opSealing     = "sealing"
	opKeyRing     = "key_ring"
	purposeNotice = "notice"
)

// Operations are all of them.
func Operations() []string {
	return []string{opBudget, opDocument, opTurn, opRevocation, opFollow, opSealing, opKeyRing}
}

// Redis is a store in Redis. It is safe for concurrent use.
type Redis struct {
	cfg    Config
	client redis.UniversalClient
	known  knownRevocations

	unanswered lostTurns
	closed     context.Context // ends with Close
	close      context.CancelFunc
}

func init() { redis.SetLogger(quiet{}) }

// quiet drops what go-redis would write to standard error: every failure comes back as an error too.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// plainPrefix needs no escaping in a pattern, and parts no key at a brace.
var plainPrefix = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)

// CheckPrefix reports whether p can be Config.Prefix.
func CheckPrefix(p string) error {
	if !plainPrefix.MatchString(p) {
		return fmt.Errorf("key_prefix %q must be 1 to 64 letters, digits, and characters of _ . : -", p)
	}
	return nil
}

// New checks c. It dials nothing before something is asked for.
func New(c Config) (*Redis, error) {
	c.Prefix = cmp.Or(c.Prefix, DefaultPrefix)
	if err := CheckPrefix(c.Prefix); err != nil {
		return nil, err
	}
	if len(c.Addresses) == 0 || c.Sealer == nil {
		return nil, errors.New("the store needs an address and a sealer")
	}
	if c.MasterName != "" && c.Cluster {
		return nil, errors.New("the store is either behind Sentinel or a cluster")
	}
	if c.Observe == nil {
		c.Observe = func(string, error) {}
	}
	// The client of a cluster appends to the addresses it was given.
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: slices.Clip(slices.Clone(c.Addresses)), MasterName: c.MasterName, IsClusterMode: c.Cluster,
		Username: c.Username, Password: c.Password, TLSConfig: c.TLS,
		DialTimeout: dialTimeout, ReadTimeout: answerTimeout, WriteTimeout: answerTimeout, ContextTimeoutEnabled: true,
		DialerRetries: 1, MaxRetries: retries, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	r := &Redis{cfg: c, client: client}
	r.closed, r.close = context.WithCancel(context.Background())
	return r, nil
}

// Store returns all of it.
func (r *Redis) Store() store.Store {
	return store.Store{Place: r.cfg.Place, Budget: budget{r}, Documents: documents{r}, Turns: turns{r}, Revocations: revocations{r}}
}

// Close ends the connections. What is still called afterwards fails.
func (r *Redis) Close() error {
	r.close()
	if err := r.client.Close(); err != nil {
		return fmt.Errorf("closing the connections to the store: %w", err)
	}
	return nil
}

// failed counts err and says what was tried. The text names no key.
func (r *Redis) failed(operation string, err error) error {
	if errors.Is(err, context.Canceled) { // whoever asked has left
		return err
	}
	r.cfg.Observe(operation, err)
	return fmt.Errorf("the store: %s: %w", operation, err)
}

// key is the name of what text stands for. What belongs to one text is in one slot of a cluster.
func (r *Redis) key(ctx context.Context, class, text string) (string, error) {
	name, err := r.cfg.Sealer.Name(ctx, class+"/"+text)
	if err != nil {
		return "", r.failed(opSealing, err)
	}
	return r.cfg.Prefix + class + ":{" + name + "}", nil
}

func (r *Redis) seal(ctx context.Context, purpose string, doc []byte) ([]byte, error) {
	sealed, err := r.cfg.Sealer.Seal(ctx, purpose, doc)
	if err != nil {
		return nil, r.failed(opSealing, err)
	}
	return sealed, nil
}

func (r *Redis) open(ctx context.Context, purpose string, sealed []byte) ([]byte, error) {
	doc, err := r.cfg.Sealer.Open(ctx, purpose, sealed)
	if err != nil {
		return nil, r.failed(opSealing, err)
	}
	return doc, nil
}

// sealUntil seals a document that is good for ttl: Redis may keep it for longer.
func (r *Redis) sealUntil(ctx context.Context, purpose string, ttl time.Duration, doc []byte) ([]byte, error) {
	until := time.Now().Add(ttl).UnixMilli()
	return r.seal(ctx, purpose, append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(doc)), uint64(until)), doc...))
}

// openUntil opens what sealUntil has sealed. After its time it is store.ErrNotFound.
func (r *Redis) openUntil(ctx context.Context, purpose string, sealed []byte) ([]byte, error) {
	doc, err := r.open(ctx, purpose, sealed)
	if err != nil {
		return nil, err
	}
	if len(doc) < 8 {
		return nil, r.failed(opSealing, errors.New("a document without its time"))
	}
	if until := time.UnixMilli(int64(binary.BigEndian.Uint64(doc))); time.Since(until) >= store.Skew {
		return nil, store.ErrNotFound
	}
	return doc[8:], nil
}

// milliseconds is d as Redis takes it, never 0.
func milliseconds(d time.Duration) int64 { return max(d.Milliseconds(), 1) }
