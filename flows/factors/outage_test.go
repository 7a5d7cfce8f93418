package factors_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/flows/okta/access"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
)

// S23: the address that the server decided on is sent as one plain address, whatever it was written like.
func TestS23OneAddress(t *testing.T) {
	for in, want := range map[string]string{"::ffff:203.0.113.7": address, "203.0.113.7": address} {
		w := newWorld(t)
		var err error
		if w.cc, err = flows.NewClientContext(in, agent, "de", ""); err != nil {
			t.Fatal(err)
		}
		w.start().want("choose")
		for _, c := range w.calls {
			if got := c.header.Values("X-Forwarded-For"); len(got) != 1 || got[0] != want {
				t.Errorf("%s: Okta is told %q", in, got)
			}
		}
	}
	for _, bad := range []string{"evil, 203.0.113.7", "203.0.113.7:80", "", "[::1]"} {
		if _, err := flows.NewClientContext(bad, agent, "", ""); err == nil {
			t.Errorf("%q is taken for an address", bad)
		}
	}
}

// S77: an Okta that cannot be reached, or that is not the one it should be, admits nobody at any step.
func TestS77NobodyIsLetInWithoutOkta(t *testing.T) {
	success := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"factorResult":"SUCCESS"}`)) })
	badCert := httptest.NewTLSServer(success)
	defer badCert.Close()
	gone := httptest.NewServer(success)
	gone.Close()
	w := pending(t)
	states := map[string]flows.State{"push": w.state}
	states["code"] = newWorld(t).start().choose(identity.TOTP).want("code totp").state
	for name, org := range map[string]string{"another certificate": badCert.URL, "nobody there": gone.URL} {
		client, err := okta.New(okta.Config{Org: org})
		if err != nil {
			t.Fatal(err)
		}
		api, err := access.New(access.Config{Client: client, Token: ssws})
		if err != nil {
			t.Fatal(err)
		}
		engine, err := factors.New(factors.Config{API: api, Primary: factors.PrimaryIdentity, Budget: new(store.Counters)})
		if err != nil {
			t.Fatal(err)
		}
		x := &world{TB: t, engine: engine, client: client, cc: w.cc}
		x.start().want("error unavailable")
		x.state = states["push"]
		x.poll().want("error unavailable")
		if string(x.state) != string(states["push"]) {
			t.Errorf("%s: the state is lost", name)
		}
		x.state = states["code"]
		x.code("123456").want("error unavailable")
		if strings.Contains(x.err.Error(), "123456") || strings.Contains(x.err.Error(), ssws) {
			t.Errorf("%s: the error holds a secret: %v", name, x.err)
		}
	}
}
