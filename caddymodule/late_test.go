package caddymodule

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() { caddy.RegisterModule(lateFailure{}) }

var errLate = errors.New("an app fails to start")

// lateFailure is an app that fails to start when every site of its configuration has had a request.
type lateFailure struct{ http *caddyhttp.App }

func (lateFailure) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "sidegate_test_late", New: func() caddy.Module { return new(lateFailure) }}
}

func (l *lateFailure) Provision(ctx caddy.Context) error {
	app, err := ctx.App("http")
	if err != nil {
		return err
	}
	l.http = app.(*caddyhttp.App)
	return nil
}

func (l *lateFailure) Start() error {
	for _, server := range l.http.Servers {
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/payroll", nil))
		if answer.Code != http.StatusUnauthorized {
			return errors.New("the new configuration did not serve: " + http.StatusText(answer.Code))
		}
	}
	return errLate
}

func (l *lateFailure) Stop() error { return nil }

// TestReloadThatFailsLateTakesItsFlowAlong (T11): a configuration with a wrong client secret serves a request and is then
// given up; a sign-in that is under way goes on with the flow of the configuration that stays.
func TestReloadThatFailsLateTakesItsFlowAlong(t *testing.T) {
	w, sim := newSimulated(t)
	address := "http://:" + freePort(t)
	text := w.caddyfile(address, w.simulated())
	b := w.browser(w.run(adapt(t, text)))
	b.waitAtPush()

	t.Setenv("SIDEGATE_TEST_WRONG_SECRET", "wrong")
	bad := string(adapt(t, strings.Replace(text, "{env.SIDEGATE_TEST_CLIENT_SECRET}", "{env.SIDEGATE_TEST_WRONG_SECRET}", 1)))
	bad = strings.Replace(bad, `"apps":{`, `"apps":{"sidegate_test_late":{},`, 1)
	if err := caddy.Load([]byte(bad), true); err == nil || !strings.HasSuffix(err.Error(), errLate.Error()) {
		t.Fatalf("the reload: %v, want %v", err, errLate)
	}
	approve(t, sim)
	if a := b.arrive(); a.body != upstreamBody {
		t.Errorf("body %q", a.body)
	}
}

// TestCleanupAfterHalfAProvision (T11): Caddy cleans up a handler that has no gate yet.
func TestCleanupAfterHalfAProvision(t *testing.T) {
	if err := new(Handler).Cleanup(); err != nil {
		t.Error(err)
	}
}
