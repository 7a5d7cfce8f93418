package oktasim

import (
	"container/list"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
)

// Org is one simulated Okta org. All methods are safe for concurrent use.
type Org struct {
	cfg      atomic.Pointer[Config]
	updating sync.Mutex

	servers []*authServer
	clients map[string]*Client
	users   map[string]*account
	logins  []string // as configured, for the list of phones

	faults   faults
	recorder recorder
	limiter  limiter
	handler  http.Handler
	okta     *http.ServeMux

	// mu guards everything below, and the fields of every transaction, push and account.
	mu             sync.Mutex
	byHandle       map[string]*transaction
	byInteract     map[string]*transaction
	byCode         map[string]*transaction
	byRefresh      map[string]*grant
	idle           *list.List // of *transaction, longest idle first
	pushes         map[string]*push
	links          map[string]*transaction // by the token in a mailed link or a QR code
	welcomes       map[string]*welcome     // by the token in a mailed link
	usedAssertions expiringSet             // client id and jti of client assertions
	api            apiState
}

// account is a user and what the phone knows.
type account struct {
	User
	id           string // Okta's user id, "00u…"
	totpKey      []byte
	lastTOTPStep int64 // newest time step that was accepted; codes up to it are used up
	googleKey    []byte
	lastGoogle   int64
	lastToken    int // newest code of a hardware token that was accepted
	passkeys     []*passkey
	remembered   bool // the newest sign-in asked to stay signed in
	// questionKey and question are the security question that Answer answers.
	questionKey, question string
	inbox                 []Mail
	pushes                []*push
	mfa                   factorState
}

// New builds an org. The error says which field of c is wrong.
func New(c Config) (*Org, error) {
	c.setDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	o := &Org{
		clients:    map[string]*Client{},
		users:      map[string]*account{},
		byHandle:   map[string]*transaction{},
		byInteract: map[string]*transaction{},
		byCode:     map[string]*transaction{},
		byRefresh:  map[string]*grant{},
		pushes:     map[string]*push{},
		links:      map[string]*transaction{},
		welcomes:   map[string]*welcome{},
		idle:       list.New(),
	}
	o.cfg.Store(&c)
	for _, cl := range c.Clients {
		if cl.Label == "" {
			cl.Label = cl.ID
		}
		o.clients[cl.ID] = &cl
	}
	for _, u := range c.Users {
		login := normalLogin(u.Login)
		if o.users[login] != nil {
			return nil, fmt.Errorf("oktasim: two users have the login %q", login)
		}
		o.users[login] = newAccount(u)
		o.logins = append(o.logins, u.Login)
	}
	o.servers = []*authServer{
		{org: o, issuer: c.URL, base: c.URL + "/oauth2"},
		{org: o, issuer: c.URL + "/oauth2/default", base: c.URL + "/oauth2/default", custom: true},
	}
	o.okta = o.oktaRoutes()
	o.handler = o.routes()
	return o, nil
}

func newAccount(u User) *account {
	a := &account{User: u, id: stableID("00u", u.Login), lastTOTPStep: -1, lastGoogle: -1, googleKey: []byte(stableID("google", u.Login))}
	a.Enrolled = slices.Clone(u.Enrolled)
	a.Methods = slices.Clone(u.Methods)
	a.questionKey, a.question = questionKey, questionText
	if a.hasKey(keyWebAuthn) {
		a.passkeys = []*passkey{foreignPasskey(u.Login)}
	}
	if a.Phone == "" {
		a.Phone = "+15555550100"
	}
	if a.Answer == "" {
		a.Answer = "liver"
	}
	if u.TOTPSecret != "" {
		a.totpKey, _ = decodeTOTPSecret(u.TOTPSecret) // validate has seen it
	} else {
		a.totpKey = []byte(stableID("totp", u.Login))
	}
	return a
}

// Handler serves Okta's URLs, the phone page under /phone/ and the control port under /sim/.
func (o *Org) Handler() http.Handler { return o.handler }

// Update changes Policy, TrustedProxies, EmbeddedPushShowsServer, Refresh, PushLifetime, RateLimit and
// NoRecord at run time; other fields are kept. f must not call methods of o that change it.
func (o *Org) Update(f func(*Config)) {
	o.updating.Lock()
	defer o.updating.Unlock()
	old := o.cfg.Load()
	want := *old
	f(&want)
	want.setDefaults()
	next := *old
	next.Policy = want.Policy
	next.TrustedProxies = want.TrustedProxies
	next.EmbeddedPushShowsServer = want.EmbeddedPushShowsServer
	next.Refresh = want.Refresh
	next.PushLifetime = want.PushLifetime
	next.RateLimit = want.RateLimit
	next.NoRecord = want.NoRecord
	o.cfg.Store(&next)
}

// routes joins the three surfaces. A page of another site must not press the phone's buttons.
func (o *Org) routes() http.Handler {
	mux := http.NewServeMux()
	protect := http.NewCrossOriginProtection()
	mux.Handle("/inbox/", protect.Handler(o.inboxRoutes()))
	mux.Handle("/phone/", protect.Handler(o.phoneRoutes()))
	mux.HandleFunc("GET /enduser/settings", func(w http.ResponseWriter, _ *http.Request) { render(w, "settings.html", nil) })
	mux.Handle("/sim/", protect.Handler(o.simRoutes()))
	mux.Handle("/", o.crossOrigin(http.HandlerFunc(o.serveOkta)))
	return mux
}

func (o *Org) oktaRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, as := range o.servers {
		path := as.path()
		mux.Handle("POST "+path+"/v1/interact", endpoint(as.interact))
		mux.Handle("POST "+path+"/v1/token", endpoint(as.token))
		mux.Handle("GET "+path+"/v1/keys", endpoint(as.keySet))
		mux.Handle("GET "+path+"/v1/userinfo", endpoint(as.userinfo))
		for _, doc := range []string{"openid-configuration", "oauth-authorization-server"} {
			mux.Handle("GET "+as.issuer[len(o.cfg.Load().URL):]+"/.well-known/"+doc, endpoint(as.discovery))
		}
	}
	for path, f := range map[string]idxStep{
		"introspect":                 o.introspect,
		"identify":                   o.identify,
		"challenge":                  o.challenge,
		"challenge/answer":           o.answer,
		"challenge/resend":           o.resend,
		"challenge/poll":             o.poll,
		"authenticators/poll":        o.poll,
		"authenticators/poll/cancel": o.cancelProbe,
		"poll":                       o.poll,
		"cancel":                     o.cancel,
		"enroll":                     o.forbidden,
		"credential/enroll":          o.enrollStart,
		"challenge/send":             o.sendSetUp,
		"skip":                       o.skip,
		"recover":                    o.recover,
		"unlock-account":             o.unlockAccount,
		"request-activation":         o.requestActivation,
		"keep-me-signed-in":          o.keepSignedIn,
	} {
		mux.Handle("POST /idp/idx/"+path, endpoint(func(x *exchange) { o.serveIDX(x, f) }))
	}
	o.apiRoutes(mux)
	return mux
}
