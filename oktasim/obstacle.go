package oktasim

import (
	"net/http"
	"slices"
)

// What stands before or beside the first page and cannot be answered by a server: the probe for FastPass on the person's
// machine, its button, identity providers. And Okta's safe mode, which has to be waited out.

// firstStage is where a transaction begins under the policy.
func (p *Policy) firstStage() stage {
	switch {
	case p.SafeModePolls > 0:
		return stageSafeMode
	case p.DeviceProbe:
		return stageProbe
	}
	return stageIdentify
}

// pollSafeMode waits; after the last poll the sign-in goes on as ever.
func (o *Org) pollSafeMode(x *exchange, t *transaction) reply {
	p := x.cfg.Policy
	if t.waited++; t.waited >= p.SafeModePolls {
		p.SafeModePolls = 0
		t.stage = p.firstStage()
	}
	return t.ok(x)
}

// safeMode is the document of a degraded Okta, without a word of explanation.
func (b *documentBuilder) safeMode(d *document) {
	poll := b.form("poll", "poll")
	poll.Refresh = b.x.cfg.Refresh.Milliseconds()
	d.Remediation = array(poll)
}

// probe is the document of a silent FastPass probe (identity-engine.md §5.6).
func (b *documentBuilder) probe(d *document) {
	poll := b.form("device-challenge-poll", "authenticators/poll")
	poll.RelatesTo = []string{"authenticatorChallenge"}
	poll.Refresh = b.x.cfg.Refresh.Milliseconds()
	d.Remediation = array(poll)
	challenge := deviceChallenge()
	challenge["cancel"] = b.cancelPolling()
	d.AuthenticatorChallenge = objectOf(challenge)
}

// deviceChallenge is what a process on the person's machine would have to answer.
func deviceChallenge() map[string]any {
	return map[string]any{
		"challengeMethod": "LOOPBACK", "challengeRequest": secretID(""), "domain": "http://localhost",
		"ports": []string{"2000", "6511", "6512", "6513"},
	}
}

func (b *documentBuilder) cancelPolling() *form {
	f := b.form("cancel-polling", "authenticators/poll/cancel")
	f.Produces = "" // the recordings have none here
	return f
}

// beside are the other ways in that the first page offers.
func (b *documentBuilder) beside() []*form {
	var out []*form
	if b.x.cfg.Policy.FastPass {
		out = append(out, b.form("launch-authenticator", "authenticators/okta-verify/launch"))
	}
	for _, name := range b.x.cfg.Policy.IdentityProviders {
		id := stableID("0oa", name)
		out = append(out, &form{
			Name: "redirect-idp", Type: name, IDP: map[string]string{"id": id, "name": name},
			Href: b.x.cfg.URL + "/sso/idps/" + id + "?stateToken=" + b.t.handle, Method: http.MethodGet,
		})
	}
	return out
}

// cancelProbe leaves FastPass, or the probe for it.
func (o *Org) cancelProbe(x *exchange, t *transaction, _ *idxRequest) reply {
	if !slices.Contains([]stage{stageFastPass, stageProbe}, t.stage) {
		return bad()
	}
	if t.stage = stageChoose; t.user == nil {
		t.stage = stageIdentify
	}
	return t.ok(x)
}
