package oktasim

import (
	"crypto"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Roles of an admin, as far as the Users and Factors API tells them apart (factors-api.md §1.2).
const (
	// RoleOrgAdmin reads and manages users and their factors.
	RoleOrgAdmin = "org_admin"
	// RoleReadOnly only reads.
	RoleReadOnly = "read_only"
	// RoleNone is an account, or an app, without any admin role.
	RoleNone = ""
)

// Scopes of the Users and Factors API. Manage includes read, but of users alone.
const (
	scopeRead   = "okta.users.read"
	scopeManage = "okta.users.manage"
	scopeGroups = "okta.groups.read"
)

// defaultAPILimit is how many calls a minute one token or app may make.
const defaultAPILimit = 600

// Token is an SSWS API token.
type Token struct {
	// Value is what follows "SSWS ".
	Value string
	// Role is that of the admin who made the token.
	Role string
	// Login is that admin, "me" to the API; default an account that nobody can sign in to. The token is dead while that
	// account is not active.
	Login string
	// RateLimit is how many calls a minute the token may make; default 600.
	RateLimit int
}

// Service is an OAuth 2.0 service app ("API Services").
type Service struct {
	// ID is the client_id.
	ID string
	// Keys are the public halves (RSA or ECDSA) by key id. With one key an assertion may leave its kid out.
	Keys map[string]crypto.PublicKey
	// Scopes are those granted to the app.
	Scopes []string
	// Role is the admin role assigned to the app.
	Role string
	// DPoP makes the app demand proof of possession (RFC 9449).
	DPoP bool
	// RateLimit is how many calls a minute the app may make; default 600.
	RateLimit int
}

// caller is who makes a call to the API.
type caller struct {
	bucket string // of the rate limit
	limit  int
	role   string
	scopes []string // nil for an SSWS token, which has whatever its admin has
	me     *account // nil for an app
}

// may reports whether role and scopes suffice for an operation.
func (c *caller) may(scope string) bool {
	if scope == scopeManage && c.role != RoleOrgAdmin || c.role == RoleNone {
		return false
	}
	return c.scopes == nil || slices.Contains(c.scopes, scope) || scope == scopeRead && slices.Contains(c.scopes, scopeManage)
}

// apiStep is one operation of the API. It runs with mu held.
type apiStep func(x *exchange, c *caller) apiReply

// operation makes an endpoint of an operation that needs the scope.
func (o *Org) operation(scope string, step apiStep) endpoint {
	return func(x *exchange) { x.answer(o.serveAPI(x, scope, step)) }
}

// serveAPI does what all operations have in common: formats, credentials, rate limit, rights.
func (o *Org) serveAPI(x *exchange, scope string, step apiStep) apiReply {
	if rep := x.checkMedia(); rep != nil {
		return *rep
	}
	c, rep := o.identifyCaller(x)
	if rep != nil {
		return *rep
	}
	if !o.limiter.count(x, c.bucket, c.limit, time.Minute) {
		return apiFail(http.StatusTooManyRequests, "E0000047", rateLimited)
	}
	if !c.may(scope) {
		return accessDenied
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return step(x, c)
}

// identifyCaller checks the Authorization header.
func (o *Org) identifyCaller(x *exchange) (*caller, *apiReply) {
	values := x.r.Header.Values("Authorization")
	if len(values) == 0 {
		return nil, &invalidSession
	}
	scheme, credential, _ := strings.Cut(values[0], " ")
	switch {
	case len(values) > 1:
		return nil, &invalidToken
	case scheme == "SSWS":
		return o.identifyToken(x, credential)
	case scheme == "Bearer" || scheme == "DPoP":
		return o.identifyService(x, scheme, credential)
	}
	return nil, &invalidToken
}

func (o *Org) identifyToken(x *exchange, value string) (*caller, *apiReply) {
	i := slices.IndexFunc(x.cfg.Tokens, func(t Token) bool { return value != "" && t.Value == value })
	if i < 0 {
		return nil, &invalidToken
	}
	t := x.cfg.Tokens[i]
	o.mu.Lock()
	defer o.mu.Unlock()
	admin := o.users[normalLogin(t.Login)]
	if admin != nil && !admin.active() {
		return nil, &invalidToken
	}
	if admin == nil {
		admin = newAccount(User{Login: "api-admin@" + x.r.Host, Name: "API Admin"})
	}
	return &caller{bucket: "token " + value, limit: limitOr(t.RateLimit), role: t.Role, me: admin}, nil
}

func limitOr(n int) int {
	if n == 0 {
		return defaultAPILimit
	}
	return n
}

// validateAPI checks tokens and apps.
func (c *Config) validateAPI() error {
	for _, t := range c.Tokens {
		if t.Value == "" || !knownRole(t.Role) {
			return fmt.Errorf("oktasim: an API token needs a Value and one of the roles, not %q", t.Role)
		}
	}
	for _, s := range c.Services {
		if s.ID == "" || len(s.Keys) == 0 || !knownRole(s.Role) {
			return fmt.Errorf("oktasim: service app %q needs an ID, a key and one of the roles, not %q", s.ID, s.Role)
		}
		for _, key := range s.Keys {
			if algorithmsOf(key) == nil {
				return fmt.Errorf("oktasim: service app %q: keys are RSA or ECDSA, not %T", s.ID, key)
			}
		}
	}
	return nil
}

func knownRole(r string) bool {
	return slices.Contains([]string{RoleOrgAdmin, RoleReadOnly, RoleNone}, r)
}
