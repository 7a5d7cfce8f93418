package oktasim

import (
	"net/http"
	"regexp"
	"slices"
	"time"
)

// The steps that set authenticators up. Those with an *idxRequest are idxSteps.

// Ways to bring Okta Verify's account to a phone.
const (
	channelQR         = "qrcode"
	channelEmail      = "email"
	channelSMS        = "sms"
	channelSameDevice = "samedevice"
)

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)

func (x *exchange) channels() []string {
	if len(x.cfg.Policy.Channels) > 0 {
		return x.cfg.Policy.Channels
	}
	return []string{channelQR, channelEmail, channelSMS}
}

// wanted are the keys that the policy wants set up now, and whether that can be skipped.
func (t *transaction) wanted(now time.Time) (keys []string, optional bool) {
	a := t.user
	required := a.Require
	if t.activating {
		required = append([]string{keyPassword}, required...)
	}
	switch missing := a.missing(required); {
	case len(missing) == 0:
	case !now.Before(a.GraceUntil):
		return missing, false
	case !t.offered:
		return missing, true
	}
	if missing := a.missing(a.Optional); len(missing) > 0 && !t.offered {
		return missing, true
	}
	if len(a.Methods) == 0 && len(a.Enrolled) == 0 && !t.offered {
		return []string{keyVerify}, false
	}
	return nil, false
}

// afterProof moves on when all factors that the policy asks for are proved.
func (o *Org) afterProof(t *transaction, now time.Time) {
	if keys, _ := t.wanted(now); len(keys) > 0 {
		t.stage = stageEnroll
		return
	}
	o.afterLast(t, now)
}

// afterLast ends the sign-in, or asks first whether to stay signed in.
func (o *Org) afterLast(t *transaction, now time.Time) {
	if o.cfg.Load().Policy.KeepMeSignedIn && !t.remember {
		t.stage = stageKeep
		return
	}
	o.finish(t, now)
}

// enrolStages are those in which another authenticator, or another way to set one up, may be chosen.
var enrolStages = []stage{stageEnroll, stageEnrollAnswer, stageEnrollPoll, stageChannelData, stagePhoneData}

// enrollStart begins to set an authenticator up.
func (o *Org) enrollStart(x *exchange, t *transaction, req *idxRequest) reply {
	if !slices.Contains(enrolStages, t.stage) {
		return o.forbidden(x, t, req)
	}
	want, k := req.Authenticator, kindByID(req.Authenticator.ID)
	if keys, _ := t.wanted(x.now); k == nil || !slices.Contains(keys, k.key) {
		return bad()
	}
	switch k.key {
	case keyVerify:
		return o.enrollVerify(x, t, want.Channel)
	case keyPhone:
		return o.enrollPhone(x, t, want.MethodType, want.PhoneNumber)
	}
	if want.MethodType != "" && !slices.Contains(k.methods, want.MethodType) {
		return bad()
	}
	next := task{key: k.key, method: k.methods[0]}
	if k.key == keyCustomApp {
		next.channel, next.link = channelQR, secretID("")
		t.stage = stageEnrollPoll
		o.begin(t, next)
		return t.ok(x)
	}
	if k.key == keyGoogle {
		next.secret = []byte(secretID("")[:20])
		t.user.lastGoogle = -1
		t.user.googleKey = next.secret // the app on the phone has it once it is scanned
	}
	t.stage = stageEnrollAnswer
	o.start(x, t, next)
	return t.ok(x)
}

func (o *Org) enrollVerify(x *exchange, t *transaction, channel string) reply {
	if channel == "" {
		channel = channelQR
	}
	if !slices.Contains(x.channels(), channel) {
		return bad()
	}
	next := task{key: keyVerify, channel: channel}
	t.stage = stageEnrollPoll
	switch channel {
	case channelEmail, channelSMS:
		t.stage = stageChannelData
	default:
		next.link = secretID("")
	}
	o.begin(t, next)
	return t.ok(x)
}

func (o *Org) enrollPhone(x *exchange, t *transaction, method, number string) reply {
	t.stage = stagePhoneData
	if number == "" {
		o.begin(t, task{key: keyPhone})
		return t.ok(x)
	}
	if !e164.MatchString(number) {
		o.begin(t, task{key: keyPhone})
		return t.withMessage(x, http.StatusBadRequest, invalidPhone)
	}
	if !slices.Contains(catalogue[keyPhone].methods, method) {
		return bad()
	}
	t.stage = stageEnrollAnswer
	o.start(x, t, task{key: keyPhone, method: method, phone: number})
	return t.ok(x)
}

// sendSetUp sends the link that sets Okta Verify up.
func (o *Org) sendSetUp(x *exchange, t *transaction, req *idxRequest) reply {
	if t.stage != stageChannelData {
		return bad()
	}
	address := req.Email
	if t.task.channel == channelSMS {
		address = req.PhoneNumber
	}
	if t.task.channel == channelSMS && !e164.MatchString(address) || address == "" {
		return t.withMessage(x, http.StatusBadRequest, invalidPhone)
	}
	t.stage = stageEnrollPoll
	o.sendLink(x, t, t.task.channel, address)
	return t.ok(x)
}

func (o *Org) sendLink(x *exchange, t *transaction, channel, address string) {
	next := task{key: keyVerify, channel: channel, address: address, link: secretID("")}
	o.begin(t, next)
	o.send(x, t.user, Mail{Channel: channel, To: address, Subject: "Set up Okta Verify",
		Text: "Open this link on your phone to set up Okta Verify.", Link: x.linkURL(next.link)})
}

// defineQuestion sets the security question up: one of the list, or one of the user's own.
func (o *Org) defineQuestion(x *exchange, t *transaction, req *idxRequest) reply {
	c := req.Credentials
	question := questions[c.QuestionKey]
	if c.QuestionKey == ownQuestion {
		question = c.Question
	}
	if question == "" {
		return bad()
	}
	if len(c.Answer) < 4 {
		return t.onAnswers(x, shortAnswer)
	}
	t.user.questionKey, t.user.question, t.user.Answer = c.QuestionKey, question, c.Answer
	return o.enrolled(x, t)
}

// onAnswers puts a message on the answer of both alternatives, as Okta does.
func (t *transaction) onAnswers(x *exchange, m message) reply {
	d := t.document(x)
	for _, o := range d.Remediation.Value[0].Value[0].Options {
		value := o.Value.(map[string]fields)["form"].Value
		value[len(value)-1].Messages = array(m)
	}
	return reply{status: http.StatusBadRequest, doc: d}
}

// skip leaves out what is optional.
func (o *Org) skip(x *exchange, t *transaction, _ *idxRequest) reply {
	optional := false
	if t.user != nil {
		_, optional = t.wanted(x.now)
	}
	switch {
	case t.stage == stagePasswordExpiring:
		return o.afterPassword(x, t)
	case slices.Contains(enrolStages, t.stage) && optional:
		t.offered = true
		o.begin(t, task{})
		o.afterProof(t, x.now)
	default:
		return bad()
	}
	return t.ok(x)
}
