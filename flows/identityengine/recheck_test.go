package identityengine_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/oktasim"
)

const scopes = "openid profile email groups offline_access"

// renewable is a bench with somebody signed in by a code, and what Okta is asked about them with.
func renewable(t *testing.T, change ...func(*settings)) (*bench, flows.Standing) {
	t.Helper()
	b := newBench(t, append([]func(*settings){func(s *settings) {
		s.engine.Scopes = strings.Fields(scopes)
		for i := range s.sim.Users {
			s.sim.Users[i].Groups = []string{"staff", "finance"}
		}
	}}, change...)...)
	who := b.session("totp@sidegate.example")
	if who.Renewal == "" {
		t.Fatal("the sign-in ended without a renewal")
	}
	return b, flows.Standing{Subject: who.Subject, Renewal: string(who.Renewal)}
}

// S54: the refresh token tells who may still be signed in and in which groups they are; Okta gives a new one each time and
// takes each once.
func TestRecheck_S54(t *testing.T) {
	b, first := renewable(t)
	is, err := b.engine.Recheck(t.Context(), b.cc, first)
	if err != nil || !is.Active || !slices.Equal(is.Groups, []string{"staff", "finance"}) || is.Subject != first.Subject || is.Renewal == first.Renewal {
		t.Fatalf("%+v, %v", is, err)
	}
	if again, err := b.engine.Recheck(t.Context(), b.cc, first); err != nil || again.Active {
		t.Errorf("a spent refresh token: %+v, %v", again, err)
	}
	b.org.SetGroups("totp@sidegate.example", "board")
	if is, err = b.engine.Recheck(t.Context(), b.cc, is); err != nil || !is.Active || !slices.Equal(is.Groups, []string{"board"}) {
		t.Errorf("other groups: %+v, %v", is, err)
	}
	b.org.SetGroups("totp@sidegate.example")
	if is, err = b.engine.Recheck(t.Context(), b.cc, is); err != nil || !is.Active || is.Groups == nil || len(is.Groups) != 0 {
		t.Errorf("no groups: %+v, %v", is, err)
	}
	b.org.SetStatus("totp@sidegate.example", "SUSPENDED")
	if out, err := b.engine.Recheck(t.Context(), b.cc, is); err != nil || out.Active || out.Renewal != "" {
		t.Errorf("suspended: %+v, %v", out, err)
	}
}

// S54: an authorization server may give its claim of groups with any scope: what it gives counts. Where it gives none, who had
// groups has none any more; of who had none nothing is known, unless the claim was asked for.
func TestRecheckOfGroupsWithoutTheirScope_S54(t *testing.T) {
	for name, c := range map[string]struct {
		scopes, claim string
		had, want     []string
	}{
		"other groups": {"openid profile email offline_access", `,"groups":["board"]`, []string{"staff"}, []string{"board"}},
		"groups":       {"openid profile email offline_access", `,"groups":["board"]`, nil, []string{"board"}},
		"none":         {"openid profile email offline_access", `,"groups":[]`, []string{"staff"}, []string{}},
		"none yet":     {"openid profile email offline_access", `,"groups":[]`, nil, []string{}},
		"no claim":     {"openid profile email offline_access", "", []string{"staff"}, []string{}},
		"no claim yet": {"openid profile email offline_access", "", nil, nil},
		"asked for":    {scopes, "", nil, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			b, is := renewable(t, func(s *settings) {
				s.sim.Policy.ThinIDToken = true
				s.engine.Scopes = strings.Fields(c.scopes)
			})
			b.org.Inject(oktasim.Fault{Path: "/v1/userinfo", Kind: "body", Body: fmt.Sprintf(`{"sub":%q,"name":"Timo"%s}`, is.Subject, c.claim)})
			is.Groups = c.had
			out, err := b.engine.Recheck(t.Context(), b.cc, is)
			if err != nil || !out.Active || !reflect.DeepEqual(out.Groups, c.want) {
				t.Errorf("%#v, active %t, %v", out.Groups, out.Active, err)
			}
		})
	}
}

// S77: an answer that cannot be had says nothing about the person, and one about somebody else is none.
func TestRecheckFailsClosed_S77(t *testing.T) {
	b, is := renewable(t)
	if out, err := b.engine.Recheck(t.Context(), b.cc, flows.Standing{Subject: is.Subject}); err == nil || out.Active {
		t.Errorf("without a refresh token: %+v, %v", out, err)
	}
	if out, err := b.engine.Recheck(t.Context(), b.cc, flows.Standing{Subject: "00uanother", Renewal: is.Renewal}); err == nil || out.Active {
		t.Errorf("another person's: %+v, %v", out, err)
	}
	b, is = renewable(t)
	b.srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	var failed *flows.Error
	if out, err := b.engine.Recheck(t.Context(), b.cc, is); !errors.As(err, &failed) || failed.Reason != flows.ReasonUnavailable || out.Active {
		t.Errorf("Okta down: %+v, %v", out, err)
	}
}

// S77: what Okta gave in the place of the refresh token is not lost when it says nothing more: without it the next recheck would
// sign the person out.
func TestRecheckKeepsTheRotatedToken_S77(t *testing.T) {
	b, is := renewable(t)
	b.org.RotateKeys()
	b.org.Inject(oktasim.Fault{Path: "/v1/keys", Kind: "status", Status: http.StatusServiceUnavailable, Times: -1})
	out, err := b.engine.Recheck(t.Context(), b.cc, is)
	if err == nil || out.Active || out.Renewal == "" || out.Renewal == is.Renewal {
		t.Fatalf("without the keys: %+v, %v", out, err)
	}
	b.org.ClearFaults()
	b.later(time.Minute)
	is.Renewal = out.Renewal
	if out, err = b.engine.Recheck(t.Context(), b.cc, is); err != nil || !out.Active {
		t.Errorf("afterwards: %+v, %v", out, err)
	}
}

// A refresh token that nobody used for a week is no longer good.
func TestRecheckAfterAWeek(t *testing.T) {
	b, is := renewable(t)
	b.later(7 * 24 * time.Hour)
	if out, err := b.engine.Recheck(t.Context(), b.cc, is); err != nil || out.Active {
		t.Errorf("%+v, %v", out, err)
	}
}
