package oktasim

import (
	"net/http"
	"slices"
	"time"
)

// setUpLife is how long a QR code and the links beside it are good (factors-api.md §4.3).
const setUpLife = 10 * time.Minute

// addPending keeps a factor that is being set up; another of its kind is void.
func (o *Org) addPending(a *account, f *factor) {
	for _, other := range slices.Clone(a.mfa.pending) {
		if other.factorKind == f.factorKind {
			o.dropPending(a, other)
		}
	}
	a.mfa.pending = append(a.mfa.pending, f)
	o.linkSetUp(a, f)
}

func (o *Org) dropPending(a *account, f *factor) {
	a.mfa.pending = slices.DeleteFunc(a.mfa.pending, func(p *factor) bool { return p == f })
	delete(o.api.setUps, f.link)
}

// setUp is a factor that waits for a phone.
type setUp struct {
	user   *account
	factor *factor
}

// linkSetUp makes the factor's link lead to it, for a push.
func (o *Org) linkSetUp(a *account, f *factor) {
	if f.typ != factorPush {
		return
	}
	if o.api.setUps == nil {
		o.api.setUps = map[string]setUp{}
	}
	o.api.setUps[f.link] = setUp{a, f}
}

// openSetUp is the phone that follows the link of a push that is being set up; not found when there is none by that
// token. login is whose phone it is, "" for a link that was mailed.
func (o *Org) openSetUp(token, login string) (found bool, err error) {
	s, ok := o.api.setUps[token]
	switch {
	case !ok:
		return false, nil
	case login != "" && normalLogin(s.user.Login) != normalLogin(login):
		return true, ErrOtherPhone
	case s.factor.opened || !o.now().Before(s.factor.expires):
		return true, ErrNoLink
	}
	s.factor.opened = true
	return true, nil
}

// settingUp reports whether a factor of the authenticator is pending.
func (a *account) settingUp(key string) bool {
	return slices.ContainsFunc(a.mfa.pending, func(f *factor) bool { return f.key == key })
}

// pendingSetUp is the text of a QR code that waits for the user's phone; "" for none.
func (o *Org) pendingSetUp(login string) string {
	a := o.users[normalLogin(login)]
	if a == nil {
		return ""
	}
	for _, f := range a.mfa.pending {
		if f.typ == factorPush && !f.opened && o.now().Before(f.expires) {
			return (&exchange{cfg: o.cfg.Load()}).qrContent(f.link)
		}
	}
	return ""
}

// activate makes a factor the user's, in both worlds.
func (o *Org) activate(x *exchange, a *account, f *factor) {
	switch {
	case f.typ == factorPush:
		a.Methods = []string{methodFastPass, methodPush, methodTOTP} // Identity Engine makes all three
		if a.Device == "" {
			a.Device = "New phone"
		}
	case f.key == keyVerify:
		a.Methods = append(a.Methods, f.method)
	case f.key == keyPhone:
		other := map[string]string{factorSMS: factorCall, factorCall: factorSMS}[f.typ]
		if !a.hasKey(keyPhone) {
			a.mfa.without = []string{other}
		}
		a.mfa.without = without(a.mfa.without, f.typ)
		a.Phone = f.phone
		a.add(f.key)
	default:
		a.add(f.key)
	}
	o.dropPending(a, f)
	delete(a.mfa.codes, f.id)
	if a.mfa.made == nil {
		a.mfa.made = map[string]time.Time{}
	}
	a.mfa.made[f.id] = x.now
}

// effort counts activations and resends: five in five minutes for each user (factors-api.md §4.1).
func (a *account) effort(now time.Time) *apiReply {
	a.mfa.efforts = slices.DeleteFunc(a.mfa.efforts, func(t time.Time) bool { return now.Sub(t) >= 5*time.Minute })
	if len(a.mfa.efforts) >= 5 {
		return &tooManyTries
	}
	a.mfa.efforts = append(a.mfa.efforts, now)
	return nil
}

// activateFactor answers POST …/lifecycle/activate.
func (o *Org) activateFactor(x *exchange, a *account, f *factor) apiReply {
	body, ok := x.readBody()
	code, okCode := body.text("passCode")
	switch {
	case !ok || !okCode:
		return malformed
	case f.status != factorPending:
		return notAllowedNow
	case f.typ == factorPush:
		return o.activatePush(x, a, f)
	}
	if rep := a.effort(x.now); rep != nil {
		return *rep
	}
	if f.typ == factorWebAuthn {
		return o.activatePasskey(x, a, f, body)
	}
	if code == "" {
		return emptyCode
	}
	if o.judgeCode(x, a, f, code) != codeRight {
		return wrongCode
	}
	o.activate(x, a, f)
	return apiReply{http.StatusOK, x.factorObject(a, a.factor(f.factorKind))}
}

// activatePush polls as well: its answer names itself as the link to poll. When the code has expired it makes a new one.
func (o *Org) activatePush(x *exchange, a *account, f *factor) apiReply {
	if !f.opened && !x.now.Before(f.expires) {
		if rep := a.effort(x.now); rep != nil {
			return *rep
		}
		delete(o.api.setUps, f.link)
		f.link, f.expires = secretID(""), x.now.Add(setUpLife)
		o.linkSetUp(a, f)
	}
	return o.pushProgress(x, a, f, x.factorURL(a, f)+"/lifecycle/activate")
}

// pollActivation answers POST …/lifecycle/activate/poll.
func (o *Org) pollActivation(x *exchange, a *account, f *factor) apiReply {
	if f.typ != factorPush || f.status != factorPending {
		return notAllowedNow
	}
	return o.pushProgress(x, a, f, x.factorURL(a, f)+"/lifecycle/activate/poll")
}

// pushProgress is WAITING, TIMEOUT, or the whole factor, which then has no factorResult.
func (o *Org) pushProgress(x *exchange, a *account, f *factor, poll string) apiReply {
	switch {
	case f.opened:
		o.activate(x, a, f)
		return apiReply{http.StatusOK, x.factorObject(a, a.factor(f.factorKind))}
	case !x.now.Before(f.expires):
		links := map[string]any{"activate": link(x.factorURL(a, f)+"/lifecycle/activate", "POST")}
		return apiReply{http.StatusOK, map[string]any{"factorResult": "TIMEOUT", "_links": links}}
	}
	return apiReply{http.StatusOK, x.waitingObject(a, f, poll)}
}

// mailActivation and textActivation send the link, which has to be opened on the phone.
func (o *Org) mailActivation(x *exchange, a *account, f *factor) apiReply {
	return o.sendActivation(x, a, f, "email", a.Email)
}

func (o *Org) textActivation(x *exchange, a *account, f *factor) apiReply {
	body, ok := x.readBody()
	number, okNumber := body.object("profile").text("phoneNumber")
	switch {
	case !ok || !okNumber:
		return malformed
	case !e164.MatchString(number):
		return badNumber
	}
	return o.sendActivation(x, a, f, "sms", number)
}

func (o *Org) sendActivation(x *exchange, a *account, f *factor, channel, to string) apiReply {
	if f.typ != factorPush || f.status != factorPending || !x.now.Before(f.expires) {
		return notAllowedNow
	}
	if rep := a.effort(x.now); rep != nil {
		return *rep
	}
	o.send(x, a, Mail{Channel: channel, To: to, Subject: "Set up Okta Verify",
		Text: "Open this link on your phone to set up Okta Verify.", Link: x.linkURL(f.link)})
	return o.pushProgress(x, a, f, x.factorURL(a, f)+"/lifecycle/activate/poll")
}

// resendFactor answers POST …/resend, whose body is that of the enrolment.
func (o *Org) resendFactor(x *exchange, a *account, f *factor) apiReply {
	e, rep := x.readEnrolment()
	switch {
	case rep != nil:
		return *rep
	case e.kind != f.factorKind:
		return notValid("factorType", "factorType: is not that of the factor")
	case f.status != factorPending || !slices.Contains([]string{factorSMS, factorCall, factorEmail}, f.typ):
		return notAllowedNow
	}
	if rep := a.effort(x.now); rep != nil {
		return *rep
	}
	if rep := o.sendCode(x, a, f, codeLife); rep != nil {
		return *rep
	}
	return apiReply{http.StatusOK, x.factorObject(a, f)}
}
