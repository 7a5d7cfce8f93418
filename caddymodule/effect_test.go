package caddymodule

import "testing"

// Who gives two credentials is told to keep one, and not that what belongs to one of them changes nothing.
func TestTwoCredentialsAreNoMatterOfEffect(t *testing.T) {
	for _, s := range []Settings{
		{ClientSecret: "{env.S}", PrivateKey: "{env.K}", PrivateKeyID: "k1"},
		{Engine: engineFactors, FactorsSettings: FactorsSettings{APIToken: "{env.T}", APIClientID: "0oa2", APIPrivateKey: "{env.K}", APIPrivateKeyID: "k2"}},
	} {
		if err := s.checkEffect(s); err != nil {
			t.Error(err)
		}
		s.Org, s.ClientID = "https://acme.okta.com", "0oa1"
		if err := s.validate(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
