package factors_test

import (
	"slices"
	"testing"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
)

// S54: who is not ACTIVE may not be signed in any more; groups are read again where the sign-in reads them.
func TestRecheck_S54(t *testing.T) {
	for name, c := range map[string]struct {
		status string
		groups bool
		active bool
		want   []string
	}{
		"active":                  {"ACTIVE", true, true, []string{"staff"}},
		"active, groups not read": {"ACTIVE", false, true, nil},
		"suspended":               {"SUSPENDED", true, false, nil},
		"deactivated":             {"DEPROVISIONED", true, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := bare(t, func(cfg *factors.Config) { cfg.Groups = c.groups })
			w.on("GET /api/v1/users/"+userID, 200, `{"id":"`+userID+`","status":"`+c.status+`","profile":{"login":"`+login+`"}}`)
			w.on("GET /api/v1/users/"+userID+"/groups", 200, `[{"profile":{"name":"staff"}}]`)
			is, err := w.engine.Recheck(t.Context(), w.cc, flows.Standing{Subject: userID, Groups: []string{"old"}})
			if err != nil || is.Active != c.active || !slices.Equal(is.Groups, c.want) || is.Subject != userID {
				t.Errorf("%+v, %v", is, err)
			}
		})
	}
	w := bare(t, func(cfg *factors.Config) { cfg.Groups = true })
	w.on("GET /api/v1/users/"+userID, 200, `{"id":"`+userID+`","status":"ACTIVE","profile":{"login":"`+login+`"}}`)
	w.on("GET /api/v1/users/"+userID+"/groups", 503, `{}`)
	if is, err := w.engine.Recheck(t.Context(), w.cc, flows.Standing{Subject: userID}); err == nil || is.Active {
		t.Errorf("groups that cannot be read: %+v, %v", is, err)
	}
}
