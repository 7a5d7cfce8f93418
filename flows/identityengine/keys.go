package identityengine

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"golang.org/x/sync/singleflight"
	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
)

const (
	metadataPath = "/.well-known/openid-configuration"
	// keysLife is how long fetched keys serve; a key that Okta takes back is out after that.
	keysLife = 5 * time.Minute
	// keysAhead is how long before that they are fetched again while somebody waits.
	keysAhead = time.Minute
	// missPause is the shortest time between two fetches that an unknown key caused.
	missPause = 30 * time.Second
	// maxKeys bounds a set; Okta has two or three.
	maxKeys = 32
)

// errUnknownKey: what was signed with a key that the issuer does not publish is not the issuer's.
var errUnknownKey = errors.New("the key that signed it is not one of the org's")

// keyring holds the signing keys of one issuer at Okta. They are fetched on behalf of whoever needs them.
type keyring struct {
	client *okta.Client
	issuer string
	now    func() time.Time
	flight singleflight.Group

	mu        sync.Mutex
	set       jwk.Set
	fetchedAt time.Time
	missedAt  time.Time // last fetch that an unknown key caused
	aheadAt   time.Time // last fetch that nothing caused
}

// ahead fetches the keys before they are needed: otherwise the two calls would stand between an approval and the browser
// that waits for it. It is for polls without news, which have time. What becomes of it does not matter: forKey sees.
func (k *keyring) ahead(ctx context.Context, cc flows.ClientContext) {
	k.mu.Lock()
	now := k.now()
	due := k.set == nil || now.Sub(k.fetchedAt) >= keysLife-keysAhead
	due = due && (k.aheadAt.IsZero() || now.Sub(k.aheadAt) >= missPause)
	if due {
		k.aheadAt = now
	}
	k.mu.Unlock()
	if due {
		_, _ = k.share(ctx, "stale", func(ctx context.Context) (jwk.Set, error) { return k.load(ctx, cc) })
	}
}

// forKey returns a set that holds the key kid. An unknown one makes it fetch the keys again, once in
// missPause, because Okta has rotated them.
func (k *keyring) forKey(ctx context.Context, cc flows.ClientContext, kid string) (jwk.Set, error) {
	set, fresh := k.current()
	if !fresh {
		var err error
		if set, err = k.share(ctx, "stale", func(ctx context.Context) (jwk.Set, error) { return k.load(ctx, cc) }); err != nil {
			return nil, err
		}
	}
	if _, ok := set.LookupKeyID(kid); ok {
		return set, nil
	}
	if fresh {
		var err error
		if set, err = k.share(ctx, "miss", func(ctx context.Context) (jwk.Set, error) { return k.reload(ctx, cc) }); err != nil {
			return nil, err
		}
		if _, ok := set.LookupKeyID(kid); ok {
			return set, nil
		}
	}
	return nil, malformed("token: %w", errUnknownKey)
}

func (k *keyring) current() (set jwk.Set, fresh bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.set, k.set != nil && k.now().Sub(k.fetchedAt) < keysLife
}

// reload fetches because of an unknown key, unless that was done a moment ago: then who asks now gets what came
// of it.
func (k *keyring) reload(ctx context.Context, cc flows.ClientContext) (jwk.Set, error) {
	k.mu.Lock()
	now, set := k.now(), k.set
	if !k.missedAt.IsZero() && now.Sub(k.missedAt) < missPause {
		k.mu.Unlock()
		return set, nil
	}
	k.missedAt = now
	k.mu.Unlock()
	return k.load(ctx, cc)
}

// share lets all who need the same fetch at the same time have one; it outlives the one who began it.
func (k *keyring) share(ctx context.Context, why string, fetch func(context.Context) (jwk.Set, error)) (jwk.Set, error) {
	done := k.flight.DoChan(why, func() (_ any, err error) {
		// On a goroutine of its own, where nobody else would catch it, a panic over keys that came from
		// outside would end the process.
		defer func() {
			if r := recover(); r != nil {
				err = malformed("keys: reading them panicked: %v", r)
			}
		}()
		return fetch(context.WithoutCancel(ctx))
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(jwk.Set), nil
	case <-ctx.Done():
		return nil, &flows.Error{Reason: flows.ReasonUnavailable, Err: ctx.Err()}
	}
}

func (k *keyring) load(ctx context.Context, cc flows.ClientContext) (jwk.Set, error) {
	metadata, err := k.get(ctx, cc, k.issuer+metadataPath)
	if err != nil {
		return nil, err
	}
	n, err := parseJSON(metadata)
	if err != nil || n.get("issuer").text() != k.issuer {
		return nil, malformed("metadata: it is not that of the configured issuer")
	}
	keys, err := k.get(ctx, cc, n.get("jwks_uri").text()) // refused when off the org
	if err != nil {
		return nil, err
	}
	set, err := readKeys(keys)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.set, k.fetchedAt = set, k.now()
	return set, nil
}

func (k *keyring) get(ctx context.Context, cc flows.ClientContext, u string) ([]byte, error) {
	res, err := k.client.Do(ctx, cc, okta.Request{Method: http.MethodGet, URL: u})
	if err != nil {
		return nil, err
	}
	if res.Status != http.StatusOK {
		return nil, res.Refuse(flows.ReasonMalformed)
	}
	return res.Body, nil
}

// readKeys keeps the RSA keys for RS256 and nothing else: a symmetric key in the set could otherwise
// verify what anybody signed.
func readKeys(b []byte) (jwk.Set, error) {
	all, err := jwk.Parse(b)
	if err != nil {
		return nil, malformed("keys: they cannot be read")
	}
	out := jwk.NewSet()
	for i := range min(all.Len(), maxKeys) {
		key, _ := all.Key(i)
		alg := key.Algorithm().String()
		if key.KeyType() != jwa.RSA || key.KeyID() == "" || alg != "" && alg != "RS256" || key.KeyUsage() != "" && key.KeyUsage() != "sig" {
			continue
		}
		if err := key.Set(jwk.AlgorithmKey, jwa.RS256); err != nil {
			continue
		}
		if err := out.AddKey(key); err != nil {
			continue
		}
	}
	if out.Len() == 0 {
		return nil, malformed("keys: there is no RS256 key")
	}
	return out, nil
}
