package oktasim

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"time"
)

// simRoutes is the control port: the Go API for tests in other languages and for the demo.
//
//	GET    /sim/pushes?login=              []Push
//	POST   /sim/pushes/{id}/approve        204; 404 unknown, 409 not pending or wrong kind of answer
//	POST   /sim/pushes/{id}/deny
//	POST   /sim/pushes/{id}/tap?number=
//	GET    /sim/totp?login=                {"code":"123456"}
//	GET    /sim/inbox?login=               []Mail
//	GET    /sim/codes?login=               {"totp","google","token","yubikey"}: what apps and tokens show now
//	POST   /sim/scan                       {"login","content"}: the phone scans a QR code; 410 when it is void
//	POST   /sim/activation                 {"login"}: the activation link is mailed; 404 when it is not for that user
//	POST   /sim/recovery                   {"login"}: as that, of the link to a new password
//	GET    /sim/person?login=              {"authenticators","remembered"}: what is set up, and whether to stay signed in
//	POST   /sim/link                       {"link"}: a mailed link is followed; 410 when it is void
//	POST   /sim/status                     {"login","status"}: a state such as "SUSPENDED", or "ACTIVE"
//	POST   /sim/users                      a User, who is added or replaced
//	POST   /sim/faults                     a Fault; delay as text ("2s")
//	DELETE /sim/faults
//	GET    /sim/requests                   []Request
//	GET    /sim/settings                   settings
//	POST   /sim/settings                   settings; members left out are kept
//	POST   /sim/keys/rotate
//	POST   /sim/logout                     {"login","endpoint","format"}: Universal Logout; {"status"} is the endpoint's answer
//
// It has no authentication: whoever reaches the simulator owns it.
func (o *Org) simRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sim/pushes", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, o.Pushes(r.URL.Query().Get("login")))
	})
	mux.HandleFunc("POST /sim/pushes/{id}/approve", func(w http.ResponseWriter, r *http.Request) {
		done(w, o.Approve(r.PathValue("id")))
	})
	mux.HandleFunc("POST /sim/pushes/{id}/deny", func(w http.ResponseWriter, r *http.Request) {
		done(w, o.Deny(r.PathValue("id")))
	})
	mux.HandleFunc("POST /sim/pushes/{id}/tap", func(w http.ResponseWriter, r *http.Request) {
		done(w, o.Tap(r.PathValue("id"), r.FormValue("number")))
	})
	mux.HandleFunc("GET /sim/totp", o.simTOTP)
	mux.HandleFunc("GET /sim/inbox", o.simInbox)
	mux.HandleFunc("GET /sim/codes", o.simCodes)
	mux.HandleFunc("POST /sim/scan", o.simScan)
	mux.HandleFunc("POST /sim/link", o.simLink)
	mux.HandleFunc("POST /sim/activation", simWelcome(o.SendActivation))
	mux.HandleFunc("POST /sim/recovery", simWelcome(o.SendRecovery))
	mux.HandleFunc("GET /sim/person", o.simPerson)
	mux.HandleFunc("POST /sim/status", o.simStatus)
	mux.HandleFunc("POST /sim/users", o.simAddUser)
	mux.HandleFunc("POST /sim/faults", o.simInject)
	mux.HandleFunc("DELETE /sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		o.ClearFaults()
		done(w, nil)
	})
	mux.HandleFunc("GET /sim/requests", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, o.Requests()) })
	mux.HandleFunc("GET /sim/settings", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, settingsOf(o.cfg.Load())) })
	mux.HandleFunc("POST /sim/settings", o.simSettings)
	mux.HandleFunc("POST /sim/keys/rotate", func(w http.ResponseWriter, _ *http.Request) {
		o.RotateKeys()
		done(w, nil)
	})
	mux.HandleFunc("POST /sim/logout", o.simLogout)
	return mux
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // a client that left is its own loss
}

// done turns an error of the phone into a status.
func done(w http.ResponseWriter, err error) {
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, ErrNoPush):
		http.Error(w, err.Error(), http.StatusNotFound)
	default:
		http.Error(w, err.Error(), http.StatusConflict)
	}
}

func (o *Org) simTOTP(w http.ResponseWriter, r *http.Request) {
	code := o.TOTP(r.URL.Query().Get("login"))
	if code == "" {
		http.Error(w, "no such user", http.StatusNotFound)
		return
	}
	writeJSON(w, map[string]string{"code": code})
}

// duration is a time.Duration written as text in JSON ("4s").
type duration time.Duration

func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = duration(v)
	return err
}

func (o *Org) simInject(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Fault
		Delay duration `json:"delay"` // hides Fault.Delay
	}
	if !readJSON(w, r, &in) {
		return
	}
	in.Fault.Delay = time.Duration(in.Delay)
	if err := in.validate(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	o.faults.add(in.Fault)
	done(w, nil)
}

// settings is what Update changes, over HTTP.
type settings struct {
	Policy                  Policy         `json:"policy"`
	TrustedProxies          []netip.Prefix `json:"trusted_proxies"`
	EmbeddedPushShowsServer bool           `json:"embedded_push_shows_server"`
	Refresh                 duration       `json:"refresh"`
	PushLifetime            duration       `json:"push_lifetime"`
	RateLimit               int            `json:"rate_limit"`
	NoRecord                bool           `json:"no_record"`
}

func settingsOf(c *Config) settings {
	return settings{
		Policy: c.Policy, TrustedProxies: c.TrustedProxies, EmbeddedPushShowsServer: c.EmbeddedPushShowsServer,
		Refresh: duration(c.Refresh), PushLifetime: duration(c.PushLifetime), RateLimit: c.RateLimit, NoRecord: c.NoRecord,
	}
}

func (s *settings) apply(c *Config) {
	c.Policy = s.Policy
	c.TrustedProxies = s.TrustedProxies
	c.EmbeddedPushShowsServer = s.EmbeddedPushShowsServer
	c.Refresh = time.Duration(s.Refresh)
	c.PushLifetime = time.Duration(s.PushLifetime)
	c.RateLimit = s.RateLimit
	c.NoRecord = s.NoRecord
}

// simSettings decodes over the present settings, so that what is left out stays.
func (o *Org) simSettings(w http.ResponseWriter, r *http.Request) {
	s := settingsOf(o.cfg.Load())
	s.TrustedProxies = append([]netip.Prefix(nil), s.TrustedProxies...) // the decoder writes into it
	if !readJSON(w, r, &s) {
		return
	}
	o.Update(s.apply)
	writeJSON(w, s)
}

// readJSON decodes strictly: a misspelt switch must not pass for one that works.
func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		http.Error(w, "cannot read the body: "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}
