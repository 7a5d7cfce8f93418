package oktasim

import (
	"maps"
	"slices"
)

// authnState is what a transaction shows.
func (x *exchange) authnState(t *authnTransaction) map[string]any {
	a := t.user
	url := x.cfg.URL + "/api/v1/authn"
	embedded := map[string]any{"user": authnUser(a)}
	links := map[string]any{}
	out := map[string]any{"expiresAt": apiTime(t.expires), "status": t.status, "_embedded": embedded}
	if t.status == authnSuccess {
		out["sessionToken"] = secretID("20111")
		return out
	}
	out["stateToken"], out["_links"] = t.token, links
	links["cancel"] = link(url+"/cancel", "POST")
	switch t.status {
	case authnMFARequired:
		x.authnChoice(t, embedded)
	case authnMFAChallenge:
		x.authnChallenge(t, out, embedded, links)
	case authnMFAEnroll:
		embedded["factors"] = x.authnCatalog(a)
		if a.maySkipEnrolment() {
			links["skip"] = link(url+"/skip", "POST")
		}
	case authnPasswordWarn, authnPasswordExpired:
		embedded["policy"] = map[string]any{
			"expiration": map[string]any{"passwordExpireDays": 5}, "complexity": map[string]any{"minLength": 8, "minNumber": 1},
		}
		links["next"] = named("changePassword", link(url+"/credentials/change_password", "POST"))
		if t.status == authnPasswordWarn {
			links["skip"] = named("skip", link(url+"/skip", "POST"))
		}
	}
	return out
}

func named(name string, l map[string]any) map[string]any {
	l["name"] = name
	return l
}

func authnUser(a *account) map[string]any {
	return map[string]any{"id": a.id, "passwordChanged": apiEpoch, "profile": map[string]any{
		"login": a.Login, "firstName": a.firstName(), "lastName": a.lastName(), "locale": "en_US", "timeZone": "America/Los_Angeles",
	}}
}

// authnChoice lists the factors, and the types of which there are several.
func (x *exchange) authnChoice(t *authnTransaction, embedded map[string]any) {
	var list, types []any
	info := map[string]any{}
	byType := map[string]int{}
	for _, f := range t.factors(x) {
		entry := x.authnFactor(t.user, f)
		entry["_links"] = map[string]any{"verify": link(x.authnVerifyURL(f.id), "POST")}
		list = append(list, entry)
		if f.typ == factorPush {
			info[f.id] = map[string]any{"autoPushEnabled": false}
		}
		byType[f.typ]++
	}
	for _, typ := range slices.Sorted(maps.Keys(byType)) {
		if byType[typ] > 1 {
			types = append(types, map[string]any{"factorType": typ, "_links": map[string]any{"next": named("verify", link(x.authnVerifyURL(typ), "POST"))}})
		}
	}
	embedded["factors"] = list
	if types != nil {
		embedded["factorTypes"] = types
	}
	embedded["policy"] = map[string]any{
		"allowRememberDevice": false, "rememberDeviceLifetimeInMinutes": 0, "rememberDeviceByDefault": false, "factorsPolicyInfo": info,
	}
}

func (x *exchange) authnVerifyURL(idOrType string) string {
	return x.cfg.URL + "/api/v1/authn/factors/" + idOrType + "/verify"
}

// authnFactor is a factor with its addresses masked: whoever is signing in has not proved that they are his.
func (x *exchange) authnFactor(a *account, f *factor) map[string]any {
	profile := maps.Clone(f.profile)
	switch f.typ {
	case factorSMS, factorCall:
		profile["phoneNumber"] = maskedNumber(a.Phone)
	case factorEmail:
		profile["email"] = masked(a.Email)
	}
	return map[string]any{"id": f.id, "factorType": f.typ, "provider": f.provider, "vendorName": f.vendorName(), "profile": profile}
}

// authnChallenge shows the one factor and where to go. The right number of a push stands in a later poll, when the phone
// has opened the prompt, and never in the first answers (factors-api.md §5.4).
func (x *exchange) authnChallenge(t *authnTransaction, out, embedded, links map[string]any) {
	f := t.factor
	entry := x.authnFactor(t.user, f)
	verify := x.authnVerifyURL(f.id)
	links["next"] = named("verify", link(verify, "POST"))
	links["prev"] = link(x.cfg.URL+"/api/v1/authn/previous", "POST")
	if t.result != "" {
		out["factorResult"] = t.result
	}
	switch f.typ {
	case factorPush:
		if t.result == "WAITING" {
			links["next"] = named("poll", link(verify, "POST"))
			if t.push.Numbers != nil && t.polls > 1 {
				entry["_embedded"] = t.push.challenge()
			}
		}
		links["resend"] = []any{named("push", link(verify+"/resend", "POST"))}
	case factorSMS, factorCall, factorEmail:
		links["resend"] = []any{named(f.typ, link(verify+"/resend", "POST"))}
	case factorWebAuthn:
		entry["_embedded"] = map[string]any{"challenge": map[string]any{
			"challenge": t.challenge, "userVerification": x.userVerification(), "extensions": struct{}{},
		}}
	}
	embedded["factor"] = entry
}

// authnCatalog is what the user could set up.
func (x *exchange) authnCatalog(a *account) []any {
	list := []any{}
	for _, k := range factorKinds {
		if !x.cfg.Policy.Factors.enabled(k) || k.typ == factorFastPass || k.provider == "CUSTOM" || k.key == keyOnPrem {
			continue
		}
		entry := map[string]any{"factorType": k.typ, "provider": k.provider, "vendorName": k.vendorName(), "status": "NOT_SETUP",
			"enrollment": "OPTIONAL", "_links": map[string]any{"enroll": link(x.cfg.URL+"/api/v1/authn/factors", "POST")}}
		if slices.Contains(a.Require, k.key) {
			entry["enrollment"] = "REQUIRED"
		}
		list = append(list, entry)
	}
	return list
}
