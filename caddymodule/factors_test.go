package caddymodule

import (
	"crypto/rsa"
	"testing"
)

// Everything that shapes what engine factors does tells its flows apart; what counts as a second factor tells its
// sessions apart too (S13).
func TestFactorsSettingsTellFlowsAndSessionsApart(t *testing.T) {
	base := func() (Settings, *resolved) {
		return Settings{Engine: "factors"}, &resolved{org: "https://acme.okta.com", apiToken: "t"}
	}
	s, r := base()
	engine, policy := s.engine(r), s.policy(r)
	for name, tt := range map[string]struct {
		change                 func(*Settings, *resolved)
		sameEngine, samePolicy bool
	}{
		"rotated token":   {func(_ *Settings, r *resolved) { r.apiToken = "new" }, true, true},
		"service app":     {func(_ *Settings, r *resolved) { r.apiPrivateKey, r.apiPrivateKeyID = new(rsa.PrivateKey), "k" }, false, true},
		"factors":         {func(s *Settings, _ *resolved) { s.Factors = []string{"sms"} }, false, false},
		"primary":         {func(s *Settings, _ *resolved) { s.Primary = "identity_engine" }, false, false},
		"primary written": {func(s *Settings, _ *resolved) { s.Primary = "password" }, true, true},
		"identity": {func(s *Settings, _ *resolved) {
			s.Primary, s.PrimaryIdentity = "identity", "{http.auth.user.id}"
		}, false, false},
		"number":      {func(s *Settings, _ *resolved) { s.NumberChallenge = "never" }, false, true},
		"groups":      {func(s *Settings, _ *resolved) { s.UserGroups = "on" }, false, false},
		"enroll":      {func(s *Settings, _ *resolved) { s.Enroll = []string{"push"} }, false, true},
		"enroll page": {func(s *Settings, _ *resolved) { s.EnrollURL = "https://acme.okta.com/help" }, false, true},
		"template":    {func(s *Settings, _ *resolved) { s.SMSTemplate = "t" }, false, true},
		"code life":   {func(s *Settings, _ *resolved) { s.EmailCodeLifetime = 1 }, false, true},
		"limit":       {func(s *Settings, _ *resolved) { s.Limits.Pushes = 1 }, false, true},
		"title":       {func(s *Settings, _ *resolved) { s.Title = "Payroll" }, true, true},
	} {
		s, r := base()
		tt.change(&s, r)
		if got := s.engine(r) == engine; got != tt.sameEngine {
			t.Errorf("%s: same engine %v, want %v", name, got, tt.sameEngine)
		}
		if got := s.policy(r) == policy; got != tt.samePolicy {
			t.Errorf("%s: same policy %v, want %v", name, got, tt.samePolicy)
		}
	}
	if s, r := base(); s.policy(r) == (Settings{}).policy(r) {
		t.Error("sessions of one engine are good at the other")
	}
}
