package oktasim

import (
	"maps"
	"net/http"
	"slices"
)

// factorRoutes are the operations below a user (factors-api.md §3.1, §4.1, §5).
func (o *Org) factorRoutes(mux *http.ServeMux) {
	const base = "/api/v1/users/{user}/factors"
	const one = base + "/{factor}"
	for pattern, op := range map[string]struct {
		scope string
		step  userStep
	}{
		"GET " + base:                                       {scopeRead, o.listFactors},
		"POST " + base:                                      {scopeManage, o.enrolFactor},
		"GET " + base + "/catalog":                          {scopeRead, o.listCatalog},
		"GET " + base + "/questions":                        {scopeRead, o.listQuestions},
		"GET " + one:                                        {scopeRead, o.withFactor(o.getFactor)},
		"DELETE " + one:                                     {scopeManage, o.withFactor(o.removeFactor)},
		"POST " + one + "/lifecycle/activate":               {scopeManage, o.withFactor(o.activateFactor)},
		"POST " + one + "/lifecycle/activate/poll":          {scopeManage, o.withFactor(o.pollActivation)},
		"POST " + one + "/lifecycle/activate/email":         {scopeManage, o.withFactor(o.mailActivation)},
		"POST " + one + "/lifecycle/activate/sms":           {scopeManage, o.withFactor(o.textActivation)},
		"POST " + one + "/resend":                           {scopeManage, o.withFactor(o.resendFactor)},
		"POST " + one + "/verify":                           {scopeManage, o.verifyFactor},
		"GET " + one + "/transactions/{transaction}":        {scopeRead, o.pollPush},
		"DELETE " + one + "/transactions/{transaction}":     {scopeManage, o.cancelFactorPush},
		"POST /api/v1/users/{user}/lifecycle/reset_factors": {scopeManage, o.resetFactors},
	} {
		mux.Handle(pattern, o.operation(op.scope, o.withUser(op.step)))
	}
	mux.Handle("GET "+one+"/qr/{secret}", endpoint(o.serveQR))
}

// userStep is an operation on a user, factorStep one on a factor.
type (
	userStep   func(x *exchange, a *account) apiReply
	factorStep func(x *exchange, a *account, f *factor) apiReply
)

func (o *Org) withUser(step userStep) apiStep {
	return func(x *exchange, _ *caller) apiReply {
		a, rep := o.byID(x)
		if rep != nil {
			return *rep
		}
		return step(x, a)
	}
}

func (o *Org) withFactor(step factorStep) userStep {
	return func(x *exchange, a *account) apiReply {
		f := a.findFactor(&x.cfg.Policy.Factors, x.r.PathValue("factor"))
		if f == nil {
			return apiNotFound(x.r.PathValue("factor"), "UserFactor")
		}
		return step(x, a, f)
	}
}

func (o *Org) listFactors(x *exchange, a *account) apiReply {
	list := []any{}
	for _, f := range a.factors(&x.cfg.Policy.Factors) {
		list = append(list, x.listedFactor(a, f))
	}
	return apiReply{http.StatusOK, list}
}

func (o *Org) getFactor(x *exchange, a *account, f *factor) apiReply {
	return apiReply{http.StatusOK, x.factorObject(a, f)}
}

// listCatalog answers what could be enrolled.
func (o *Org) listCatalog(x *exchange, a *account) apiReply {
	list := []any{}
	base := x.cfg.URL + "/api/v1/users/" + a.id + "/factors"
	for _, k := range factorKinds {
		if !x.cfg.Policy.Factors.enabled(k) || k.typ == factorFastPass || k.provider == "CUSTOM" {
			continue
		}
		links := map[string]any{"enroll": link(base, "POST")}
		entry := map[string]any{"factorType": k.typ, "provider": k.provider, "vendorName": k.vendorName(), "enrollment": "OPTIONAL",
			"status": "NOT_SETUP", "_links": links}
		if slices.Contains(a.Require, k.key) {
			entry["enrollment"] = "REQUIRED"
		}
		if a.owns(k) {
			entry["status"] = factorActive
		}
		if k.typ == factorQuestion {
			links["questions"] = link(base + "/questions")
		}
		if k.typ == factorSMS && a.hasKey(keyPhone) {
			entry["_embedded"] = map[string]any{"phones": []any{map[string]any{
				"id": stableID("mbl", a.Login), "profile": map[string]string{"phoneNumber": a.Phone}, "status": factorActive,
			}}}
		}
		list = append(list, entry)
	}
	return apiReply{http.StatusOK, list}
}

// factorQuestions are the keys that a question factor may have, with the texts that matter here.
var factorQuestions = func() map[string]string {
	all := map[string]string{}
	for _, key := range []string{
		"disliked_food", "name_of_first_plush_toy", "first_award", "favorite_security_question", "favorite_toy", "first_computer_game",
		"favorite_movie_quote", "first_sports_team_mascot", "first_music_purchase", "favorite_art_piece", "grandmother_favorite_desert",
		"first_thing_cooked", "childhood_dream_job", "first_kiss_location", "place_where_significant_other_was_met",
		"favorite_vacation_location", "new_years_two_thousand", "favorite_speaker_actor", "favorite_book_movie_character",
		"favorite_sports_player",
	} {
		all[key] = "Question about " + key + "?"
	}
	maps.Copy(all, questions)
	return all
}()

func (o *Org) listQuestions(*exchange, *account) apiReply {
	list := []any{}
	for _, key := range slices.Sorted(maps.Keys(factorQuestions)) {
		list = append(list, map[string]string{"question": key, "questionText": factorQuestions[key]})
	}
	return apiReply{http.StatusOK, list}
}

// removeFactor takes a factor away. Push and FastPass of Okta Verify are one enrolment, and take its code along.
func (o *Org) removeFactor(x *exchange, a *account, f *factor) apiReply {
	if a.state() == "DEPROVISIONED" {
		return wrongUserState
	}
	if f.status == factorPending {
		o.dropPending(a, f)
		return apiReply{status: http.StatusNoContent}
	}
	switch {
	case f.key == keyVerify && f.typ == factorTOTP:
		a.Methods = without(a.Methods, methodTOTP)
	case f.key == keyVerify:
		a.Methods = nil
	case f.key == keyPhone:
		a.mfa.without = append(a.mfa.without, f.typ)
		if len(a.mfa.without) == 2 {
			a.drop(keyPhone)
		}
	case f.passkey != nil:
		a.passkeys = slices.DeleteFunc(a.passkeys, func(p *passkey) bool { return p == f.passkey })
		if len(a.passkeys) == 0 {
			a.drop(keyWebAuthn)
		}
	default:
		a.drop(f.key)
	}
	a.mfa.forget(f)
	return apiReply{status: http.StatusNoContent}
}

// resetFactors takes all away.
func (o *Org) resetFactors(x *exchange, a *account) apiReply {
	for _, f := range a.factors(&FactorsPolicy{}) {
		o.removeFactor(x, a, f)
	}
	return apiReply{http.StatusOK, struct{}{}}
}

// drop takes an authenticator of the catalogue away.
func (a *account) drop(key string) {
	a.Enrolled = without(a.Enrolled, key)
	if key == keyPhone {
		a.mfa.without = nil
	}
}

func without(list []string, item string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == item })
}

// forget gives the next factor of the kind a new id.
func (s *factorState) forget(f *factor) {
	if s.removed == nil {
		s.removed = map[string]int{}
	}
	s.removed[f.prefix]++
	delete(s.codes, f.id)
}
