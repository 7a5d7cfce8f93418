// Package sdkgo holds the test that okta-sdk-golang, a client of the Factors API that nobody here wrote, does to oktasim
// what it does to an Okta org. Where the two disagree, oktasim is wrong.
package sdkgo

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/okta/okta-sdk-golang/v5/okta"

	"sidegate.example/sidegate/oktasim"
)

const (
	orgURL   = "http://okta.test" // without a port: the SDK drops it
	token    = "00sdkToken"
	plainApp = "0oaPlain"
	boundApp = "0oaBound"
	browser  = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)

const (
	full  = "full@sidegate.example"  // has factors that the SDK knows
	every = "every@sidegate.example" // has all there are
	bare  = "bare@sidegate.example"  // has none
)

// bench is an org and the SDK as its client.
type bench struct {
	*testing.T
	org    *oktasim.Org
	ahead  atomic.Int64 // what the org's clock is ahead of ours, in ns
	client *okta.APIClient
	ctx    context.Context
	// answers judges what the org says.
	answers *validating
}

// newBench starts an org. The SDK's transport leads to it whatever name it asks for.
func newBench(t *testing.T, credentials ...okta.ConfigSetter) *bench {
	t.Helper()
	b := &bench{T: t, ctx: t.Context()}
	scopes := []string{"okta.users.read", "okta.users.manage"}
	keys := map[string]crypto.PublicKey{"k1": privateKey.Public()}
	org, err := oktasim.New(oktasim.Config{
		URL:    orgURL,
		Tokens: []oktasim.Token{{Value: token, Role: oktasim.RoleOrgAdmin}},
		Services: []oktasim.Service{
			{ID: plainApp, Keys: keys, Scopes: scopes, Role: oktasim.RoleOrgAdmin},
			{ID: boundApp, Keys: keys, Scopes: scopes, Role: oktasim.RoleOrgAdmin, DPoP: true},
		},
		Users: []oktasim.User{
			{Login: full, Email: full, Name: "Fritz Full", Device: "Pixel 9", Methods: []string{"push", "totp"},
				Enrolled: []string{"okta_email", "phone_number", "google_otp", "security_question", "rsa_token"}},
			{Login: every, Email: every, Name: "Eve Every", Device: "Pixel 9", Methods: []string{"push", "totp", "signed_nonce"},
				Enrolled: []string{"okta_email", "phone_number", "google_otp", "security_question", "rsa_token", "onprem_mfa", "symantec_vip",
					"yubikey_token", "custom_otp", "webauthn", "custom_app"}},
			{Login: bare, Email: bare, Name: "Bea Bare"},
		},
		PushLifetime:   time.Minute,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")},
		Now:            func() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(org.Handler())
	t.Cleanup(server.Close)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}}
	t.Cleanup(transport.CloseIdleConnections)
	b.answers = &validating{t: t, next: transport, router: specified(t), seen: map[string]int{}}
	t.Cleanup(func() {
		if b.answers.router != nil && b.answers.seen["listFactors"]+b.answers.seen["listSupportedFactors"] == 0 {
			t.Error("no answer was held against the specification")
		}
	})
	cfg, err := okta.NewConfiguration(append([]okta.ConfigSetter{
		okta.WithOrgUrl(orgURL), okta.WithTestingDisableHttpsCheck(true), okta.WithCache(false), okta.WithRateLimitMaxRetries(0),
		okta.WithHttpClientPtr(&http.Client{Transport: b.answers, Timeout: 30 * time.Second}),
	}, credentials...)...)
	if err != nil {
		t.Fatal(err)
	}
	b.org, b.client = org, okta.NewAPIClient(cfg)
	return b
}

// privateKey is that of both service apps.
var privateKey = func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}()

func service(id string) []okta.ConfigSetter {
	der := x509.MarshalPKCS1PrivateKey(privateKey)
	return []okta.ConfigSetter{
		okta.WithAuthorizationMode("PrivateKey"), okta.WithClientId(id), okta.WithPrivateKeyId("k1"),
		okta.WithScopes([]string{"okta.users.read", "okta.users.manage"}),
		okta.WithPrivateKey(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der}))),
	}
}

// credentials are the ways in which the SDK gets access.
var credentials = map[string][]okta.ConfigSetter{
	"SSWS":                 {okta.WithToken(token)},
	"private key":          service(plainApp),
	"private key and DPoP": service(boundApp),
}

// everyWay runs the test with each kind of credential.
func everyWay(t *testing.T, f func(*bench)) {
	for name, c := range credentials {
		t.Run(name, func(t *testing.T) { f(newBench(t, c...)) })
	}
}

// later moves the org's clock, past all intervals between messages and codes. It stays within what makes a DPoP proof old.
func (b *bench) later() { b.ahead.Add(int64(31 * time.Second)) }

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		if e, ok := err.(*okta.GenericOpenAPIError); ok {
			b.Fatalf("%v: %s", err, e.Body())
		}
		b.Fatal(err)
	}
}

// user looks a person up and returns the id.
func (b *bench) user(login string) string {
	b.Helper()
	u, _, err := b.client.UserAPI.GetUser(b.ctx, login).Execute()
	b.must(err)
	if u.GetStatus() != "ACTIVE" || u.Profile.GetLogin() != login {
		b.Fatalf("user %+v", u)
	}
	return u.GetId()
}

// factors are the ids of the active factors by type and provider.
func (b *bench) factors(user string) map[string]string {
	b.Helper()
	list, _, err := b.client.UserFactorAPI.ListFactors(b.ctx, user).Execute()
	b.must(err)
	out := map[string]string{}
	for _, f := range list {
		if g := common(f); g != nil && g.GetStatus() == "ACTIVE" {
			out[g.GetFactorType()+"/"+g.GetProvider()] = g.GetId()
		}
	}
	return out
}

// verify calls verify with a body and wants the result.
func (b *bench) verify(user, factor string, body map[string]any, want string) *okta.UserFactorVerifyResponse {
	b.Helper()
	r, _, err := b.client.UserFactorAPI.VerifyFactor(b.ctx, user, factor).Body(body).XForwardedFor("203.0.113.7").UserAgent(browser).Execute()
	b.must(err)
	if r.GetFactorResult() != want {
		b.Fatalf("result %q, want %q", r.GetFactorResult(), want)
	}
	return r
}

func passCode(code string) map[string]any { return map[string]any{"passCode": code} }

// lastCode is the code in the newest message.
func (b *bench) lastCode(login string) string {
	b.Helper()
	box := b.org.Inbox(login)
	if len(box) == 0 {
		b.Fatal("the inbox is empty")
	}
	return box[len(box)-1].Code
}

func TestSDKListsAndVerifies(t *testing.T) {
	everyWay(t, func(b *bench) {
		id := b.user(full)
		f := b.factors(id)
		b.verify(id, f["token:software:totp/OKTA"], passCode(b.org.TOTP(full)), "SUCCESS")
		b.verify(id, f["token:software:totp/GOOGLE"], passCode(b.org.GoogleCode(full)), "SUCCESS")
		b.verify(id, f["token/RSA"], passCode(b.org.HardwareCode(full)), "SUCCESS")
		b.verify(id, f["question/OKTA"], map[string]any{"answer": "liver"}, "SUCCESS")
		for _, typ := range []string{"sms", "call", "email"} {
			b.verify(id, f[typ+"/OKTA"], map[string]any{}, "CHALLENGE")
			b.verify(id, f[typ+"/OKTA"], passCode(b.lastCode(full)), "SUCCESS")
		}
		one, _, err := b.client.UserFactorAPI.GetFactor(b.ctx, id, f["sms/OKTA"]).Execute()
		b.must(err)
		if one.UserFactorSMS == nil || one.UserFactorSMS.Profile.GetPhoneNumber() != "+15555550100" {
			b.Errorf("sms factor %+v", one)
		}
	})
}

// transaction polls a push until it ends.
func (b *bench) transaction(user, factor string, r *okta.UserFactorVerifyResponse) *okta.GetFactorTransactionStatus200Response {
	b.Helper()
	link := r.GetLinks().Poll
	if link == nil {
		b.Fatalf("no poll link in %+v", r)
	}
	s, _, err := b.client.UserFactorAPI.GetFactorTransactionStatus(b.ctx, user, factor, path.Base(link.GetHref())).Execute()
	b.must(err)
	return s
}

func TestSDKPush(t *testing.T) {
	everyWay(t, func(b *bench) {
		id := b.user(full)
		factor := b.factors(id)["push/OKTA"]
		r := b.verify(id, factor, map[string]any{}, "WAITING")
		if s := b.transaction(id, factor, r); s.UserFactorPushTransactionWaiting == nil {
			b.Fatalf("transaction %+v", s)
		}
		shown := b.org.Pushes(full)[0]
		if shown.Address != "203.0.113.7" || shown.UserAgent != browser {
			b.Errorf("the phone shows %+v", shown)
		}
		b.must(b.org.Approve(shown.ID))
		if s := b.transaction(id, factor, r); s.UserFactorPushTransaction == nil || s.UserFactorPushTransaction.GetFactorResult() != "SUCCESS" {
			b.Fatalf("transaction %+v", s)
		}
		r = b.verify(id, factor, map[string]any{}, "WAITING")
		b.must(b.org.Deny(b.org.Pushes(full)[1].ID))
		if s := b.transaction(id, factor, r); s.UserFactorPushTransactionRejected == nil {
			b.Fatalf("transaction %+v", s)
		}
		r = b.verify(id, factor, map[string]any{}, "WAITING")
		b.ahead.Add(int64(time.Minute))
		if s := b.transaction(id, factor, r); s.UserFactorPushTransactionTimeout == nil {
			b.Fatalf("transaction %+v", s)
		}
	})
}

func TestSDKNumberChallenge(t *testing.T) {
	everyWay(t, func(b *bench) {
		id := b.user(full)
		factor := b.factors(id)["push/OKTA"]
		r := b.verify(id, factor, map[string]any{"useNumberMatchingChallenge": true}, "WAITING")
		number, ok := r.GetEmbedded()["challenge"]["correctAnswer"].(float64)
		if !ok {
			b.Fatalf("no number in %+v", r.GetEmbedded())
		}
		waiting := b.transaction(id, factor, r).UserFactorPushTransactionWaiting
		if waiting == nil {
			b.Fatal("not waiting")
		}
		b.must(b.org.Tap(b.org.Pushes(full)[0].ID, strconv.Itoa(int(number))))
		if s := b.transaction(id, factor, r); s.UserFactorPushTransaction == nil {
			b.Fatalf("transaction %+v", s)
		}
	})
}
