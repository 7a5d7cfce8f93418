package oktasim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// enrolment is the body of POST …/factors.
type enrolment struct {
	kind    *factorKind
	profile apiBody
	verify  apiBody
	body    apiBody
}

var (
	alreadySetUp  = notValid("factorType", "A factor of this type is already set up.")
	existingPhone = notValid("phoneNumber", "There is an existing verified phone number.")
	badNumber     = apiFail(http.StatusBadRequest, "E0000098", "This phone number is invalid.")
)

// readEnrolment finds the kind that is asked for; FastPass cannot be enrolled by itself (factors-api.md §4.1).
func (x *exchange) readEnrolment() (*enrolment, *apiReply) {
	body, ok := x.readBody()
	typ, ok1 := body.text("factorType")
	provider, ok2 := body.text("provider")
	if !ok || !ok1 || !ok2 {
		return nil, &malformed
	}
	i := slices.IndexFunc(factorKinds, func(k *factorKind) bool {
		return k.typ == typ && k.provider == provider && typ != factorFastPass && k.key != keyOnPrem && k.key != keyCustomApp
	})
	if i < 0 || !x.cfg.Policy.Factors.enabled(factorKinds[i]) {
		rep := notValid("factorType", "factorType: "+typ+" of "+provider+" is not enabled")
		return nil, &rep
	}
	return &enrolment{kind: factorKinds[i], profile: body.object("profile"), verify: body.object("verify"), body: body}, nil
}

// enrolFactor answers POST …/factors (factors-api.md §4.2).
func (o *Org) enrolFactor(x *exchange, a *account) apiReply {
	e, rep := x.readEnrolment()
	if rep != nil {
		return *rep
	}
	life, ok := x.codeLife()
	if !ok {
		return notValid("tokenLifetimeSeconds", "tokenLifetimeSeconds: must be between 1 and 86400")
	}
	if e.kind.typ != factorWebAuthn && a.owns(e.kind) {
		return alreadySetUp
	}
	atOnce := x.r.URL.Query().Get("activate") == "true"
	f := &factor{factorKind: e.kind, id: a.factorID(e.kind), status: factorPending, made: x.now, expires: x.now.Add(setUpLife)}
	switch e.kind.typ {
	case factorSMS, factorCall, factorEmail:
		return o.enrolAddress(x, a, f, e, life, atOnce)
	case factorQuestion:
		return o.enrolQuestion(x, a, f, e)
	case factorToken, factorHardware:
		return o.enrolToken(x, a, f, e)
	case factorHOTP:
		return o.enrolHOTP(x, a, f, e, atOnce)
	case factorWebAuthn:
		f.id = stableID("fwf", secretID(""))
		f.challenge, f.profile = secretID(""), map[string]any{}
	case factorTOTP:
		f.link, f.secret = secretID(""), []byte(secretID("")[:20])
		f.profile = map[string]any{"credentialId": a.Login}
		a.learn(f)
	case factorPush:
		f.link = secretID("")
	}
	o.addPending(a, f)
	return apiReply{http.StatusOK, x.factorObject(a, f)}
}

// learn puts a secret that is being set up into the app on the phone, as if its QR code were scanned at once.
func (a *account) learn(f *factor) {
	if f.provider == "GOOGLE" {
		a.googleKey, a.lastGoogle = f.secret, -1
		return
	}
	a.totpKey, a.lastTOTPStep = f.secret, -1
}

// enrolAddress sets a phone number or the e-mail address up.
func (o *Org) enrolAddress(x *exchange, a *account, f *factor, e *enrolment, life time.Duration, atOnce bool) apiReply {
	if f.typ == factorEmail {
		if email, ok := e.profile.text("email"); !ok || email != a.Email || email == "" {
			return notValid("email", "email: must be the primary address of the user")
		}
		f.profile = map[string]any{"email": a.Email}
	} else {
		if rep := f.takeNumber(x, a, e); rep != nil {
			return *rep
		}
		life = codeLife
	}
	if atOnce {
		o.activate(x, a, f)
		return apiReply{http.StatusOK, x.factorObject(a, a.factor(f.factorKind))}
	}
	if rep := o.sendCode(x, a, f, life); rep != nil {
		return *rep
	}
	o.addPending(a, f)
	return apiReply{http.StatusOK, x.factorObject(a, f)}
}

// takeNumber reads the number; without one it is that which Okta knows. A number that another factor uses stays.
func (f *factor) takeNumber(x *exchange, a *account, e *enrolment) *apiReply {
	number, ok := e.profile.text("phoneNumber")
	if number == "" {
		number = a.Phone
	}
	number = strings.NewReplacer("-", "", " ", "").Replace(number)
	switch {
	case !ok || !e164.MatchString(number):
		return &badNumber
	case number != a.Phone && a.hasKey(keyPhone):
		return &existingPhone // updatePhone does not help where an active factor has the number
	}
	f.phone, f.profile = number, map[string]any{"phoneNumber": number}
	if extension, _ := e.profile.text("phoneExtension"); extension != "" && f.typ == factorCall {
		f.profile["phoneExtension"] = extension
	}
	return nil
}

// enrolQuestion is done at once.
func (o *Org) enrolQuestion(x *exchange, a *account, f *factor, e *enrolment) apiReply {
	question, _ := e.profile.text("question")
	answer, _ := e.profile.text("answer")
	text := factorQuestions[question]
	switch {
	case text == "":
		return notValid("question", "question: is not one of the supported questions")
	case len([]rune(answer)) < 4:
		return notValid("answer", "The security question answer must be at least 4 characters in length")
	}
	a.questionKey, a.question, a.Answer = question, text, answer
	o.activate(x, a, f)
	return apiReply{http.StatusOK, x.factorObject(a, a.factor(f.factorKind))}
}

// enrolToken proves a token by its next code, VIP by the next two, and is done at once.
func (o *Org) enrolToken(x *exchange, a *account, f *factor, e *enrolment) apiReply {
	credential, _ := e.profile.text("credentialId")
	code, _ := e.verify.text("passCode")
	next, _ := e.verify.text("nextPassCode")
	right := a.judgeToken(f, code) == codeRight
	switch f.key {
	case keyRSA:
		right = right && credential != ""
	case keySymantec:
		right = right && credential == SymantecCredential && a.judgeToken(f, next) == codeRight
	}
	if !right {
		return wrongCode
	}
	o.activate(x, a, f)
	return apiReply{http.StatusOK, x.factorObject(a, a.factor(f.factorKind))}
}

// enrolHOTP takes a token whose secret an admin knows; there is no other way than activate=true.
func (o *Org) enrolHOTP(x *exchange, a *account, f *factor, e *enrolment, atOnce bool) apiReply {
	profile, _ := e.body.text("factorProfileId")
	secret, _ := e.profile.text("sharedSecret")
	if !atOnce || profile == "" || secret == "" {
		return notValid("factorProfileId", "factorProfileId, sharedSecret and activate=true are required")
	}
	o.activate(x, a, f)
	return apiReply{http.StatusOK, x.factorObject(a, a.factor(f.factorKind))}
}
