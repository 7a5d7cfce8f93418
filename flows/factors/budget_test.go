package factors_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/factors"
	"sidegate.example/sidegate/flows/limits"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store"
)

// S78: twenty clicks in a minute, in five sign-ins, are three pushes on the phone.
func TestS78PushBudget(t *testing.T) {
	w := newWorld(t)
	w.on("POST "+push+"/verify", 201, waitingPush("72"))
	w.on("DELETE "+pushTx, 204, "")
	refused := 0
	for range 5 {
		w.start().want("choose")
		for range 4 {
			if w.step.Kind == flows.KindWait {
				w.press("resend")
			} else {
				w.choose(identity.Push)
			}
			if w.page() == "choose [sidegate.too_many_sends]" {
				refused++
			}
		}
	}
	if n := w.posts(); n != 3 || refused != 17 {
		t.Errorf("Okta was asked for %d pushes, want 3; %d clicks were refused, want 17", n, refused)
	}
	w.choose(identity.TOTP).want("code totp") // another way is open
}

// S78: messages cost the same budget as pushes.
func TestS78Messages(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"smsphone", "clfphone", "emfmail"} {
		w.on("POST "+base+"/"+id+"/verify", 200, `{"factorResult":"CHALLENGE"}`)
	}
	w.start().choose(identity.SMS).want("code sms")
	w.press("resend").want("code sms")
	w.press("other").choose(identity.Voice).want("code voice")
	w.press("other").choose(identity.Email).want("choose [sidegate.too_many_sends]")
	if w.step.Cause == nil || w.step.Cause.Error() != "too many pushes and messages; Okta was not asked for another one" {
		t.Errorf("the log gets %v", w.step.Cause)
	}
	w.choose(identity.Push).want("choose [sidegate.too_many_sends]")
}

// S78: after a denial no push is sent for a while, in no sign-in of that person.
func TestS78CoolDown(t *testing.T) {
	w := pending(t)
	w.on("GET "+pushTx, 200, `{"factorResult":"REJECTED"}`)
	w.poll().want("denied denied_on_phone")
	if w.buttons() != "other not_me" {
		t.Errorf("the buttons are %s", w.buttons())
	}
	before := w.posts()
	w.press("other").choose(identity.Push).want("choose [sidegate.cool_down]")
	if w.step.Cause == nil || w.step.Cause.Error() != "a push was denied a short while ago; Okta was not asked for another one" {
		t.Errorf("the log gets %v", w.step.Cause)
	}
	w.start().choose(identity.Push).want("choose [sidegate.cool_down]")
	if w.posts() != before {
		t.Error("a push was sent after a denial")
	}
	w.on("POST "+base+"/ostokta/verify", 200, `{"factorResult":"SUCCESS"}`)
	w.choose(identity.TOTP).code("123456").want("done 00uisaac totp")
}

// "That was not me" ends the sign-in, and blocks the person where the operator says so.
func TestNotMe(t *testing.T) {
	for _, window := range []time.Duration{0, time.Hour} {
		w := pending(t, func(c *factors.Config) { c.Limits.NotMe = window })
		w.on("GET "+pushTx, 200, `{"factorResult":"REJECTED"}`)
		w.poll().press(flows.ChoiceIDNotMe).want("denied denied_on_phone final")
		if w.step.Cause == nil || w.step.Cause.Error() != `the person pressed "that was not me"` {
			t.Errorf("the log gets %v", w.step.Cause)
		}
		if window == 0 {
			w.start().want("choose")
		} else {
			w.start().want("denied policy final")
		}
	}
	w := pending(t, func(c *factors.Config) { c.Limits.NotMe = time.Hour })
	w.press(flows.ChoiceIDNotMe).want("error bad_answer") // nothing was denied
	w.on("GET "+pushTx, 200, `{"factorResult":"TIMEOUT"}`)
	w.poll().want("denied timeout").press(flows.ChoiceIDNotMe).want("error bad_answer")
	w.start().want("choose")
}

// "That was not me" stops the sign-ins of the person that are under way, too.
func TestNotMeStopsOthers(t *testing.T) {
	w := pending(t, func(c *factors.Config) { c.Limits.NotMe = time.Hour })
	w.on("GET "+pushTx, 200, `{"factorResult":"REJECTED"}`)
	w.on("POST "+base+"/ostokta/verify", 200, `{"factorResult":"SUCCESS"}`)
	first := w.state
	w.start().choose(identity.TOTP).want("code totp")
	second := w.state
	w.state = first
	w.poll().press(flows.ChoiceIDNotMe).want("denied denied_on_phone final")
	w.state = second
	w.code("123456").want("denied policy final")
}

// A push that Okta did not send costs nothing; one that it may have sent does.
func TestUnsentPushes(t *testing.T) {
	for status, counted := range map[int]bool{429: false, 500: true} {
		w := newWorld(t)
		w.on("POST "+push+"/verify", status, `{"errorCode":"E0000047"}`)
		w.start().choose(identity.Push)
		if w.err == nil {
			t.Fatalf("%d: %s", status, w.page())
		}
		if wait, _ := w.budget.Wait(t.Context(), "send/"+userID, 1, time.Hour); (wait > 0) != counted {
			t.Errorf("%d: counted %v, want %v", status, wait > 0, counted)
		}
	}
}

// What Okta says of a message that was sent a moment ago, or that it cannot send, is about this way alone.
func TestMessagesThatCannotBeSent(t *testing.T) {
	for code, want := range map[string]string{
		"429 E0000109": "sidegate.too_soon", "429 E0000118": "sidegate.too_soon", "429 E0000133": "sidegate.too_soon",
		"429 E0000146": "sidegate.quota", "429 E0000147": "sidegate.quota", "429 E0000186": "sidegate.quota",
		"429 E0000204": "sidegate.quota", "403 E0000150": "sidegate.quota", "500 E0000138": "sidegate.factor_failed",
		"503 E0000139": "sidegate.factor_failed", "400 E0000140": "sidegate.factor_failed", "403 E0000247": "sidegate.factor_failed",
		"504 E0000067": "sidegate.factor_failed", "404 E0000007": "sidegate.factor_gone",
	} {
		w := newWorld(t)
		status := int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
		w.on("POST "+base+"/smsphone/verify", status, `{"errorCode":"`+code[4:]+`"}`)
		if w.start().choose(identity.SMS); w.page() != "choose ["+want+"]" {
			t.Errorf("%s: the page is %q (%v), want [%s]", code, w.page(), w.err, want)
		}
	}
}

// The options of a challenge go where Okta takes them and nowhere else.
func TestChallengeOptions(t *testing.T) {
	w := newWorld(t, func(c *factors.Config) { c.TemplateID, c.TokenLifetime = "cstk 1&", 10*time.Minute })
	w.on("POST "+base+"/smsphone/verify?templateId=cstk+1%26", 200, `{"factorResult":"CHALLENGE"}`)
	w.on("POST "+base+"/emfmail/verify?tokenLifetimeSeconds=600", 200, `{"factorResult":"CHALLENGE"}`)
	w.on("POST "+base+"/clfphone/verify", 200, `{"factorResult":"CHALLENGE"}`)
	w.on("POST "+base+"/smsphone/verify", 200, `{"factorResult":"SUCCESS"}`)
	w.start().choose(identity.Email).want("code email")
	w.press("other").choose(identity.Voice).want("code voice")
	w.press("other").choose(identity.SMS).want("code sms").code("123456").want("done 00uisaac sms")
}

// broken is a store that cannot be read.
type broken struct{}

var errStore = errors.New("redis: connection refused")

func (broken) Take(context.Context, string, int, time.Duration) (time.Duration, error) {
	return 0, errStore
}
func (broken) Wait(context.Context, string, int, time.Duration) (time.Duration, error) {
	return 0, errStore
}
func (broken) Return(context.Context, string) error { return errStore }
func (broken) Reset(context.Context, string) error  { return errStore }

// What cannot be counted is not allowed (S70, S77).
func TestBrokenBudget(t *testing.T) {
	w := newWorld(t, func(c *factors.Config) { c.Budget = broken{} })
	w.start().want("choose")
	state := w.state
	w.choose(identity.Push).want("error unavailable")
	w.state, w.step = state, flows.Step{}
	w.start().choose(identity.TOTP).want("error unavailable")
	w.wantSent()
	if !strings.Contains(w.err.Error(), "redis: connection refused") {
		t.Errorf("the log gets %v", w.err)
	}
	w = newWorld(t, func(c *factors.Config) { c.Budget, c.Primary = broken{}, factors.PrimaryPassword })
	w.start(flows.FieldPassword, "x").want("error unavailable")
	w.wantSent()
}

// A denial stands, though it cannot be counted: inside a transaction the call that polled would send the next push (§6.5, S78).
func TestDenialOutlivesTheBudget_S78(t *testing.T) {
	budget := &interrupted{Budget: new(store.Counters)}
	w := pending(t, func(c *factors.Config) { c.Budget = budget })
	w.on("GET "+pushTx, 200, `{"factorResult":"REJECTED"}`)
	budget.err = errStore
	w.poll().want("denied denied_on_phone")
}

// interrupted is a Budget whose store is away while err is set.
type interrupted struct {
	limits.Budget
	err error
}

func (i *interrupted) Take(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error) {
	if i.err != nil {
		return 0, i.err
	}
	return i.Budget.Take(ctx, key, limit, window)
}

// S74: two pushes for one person are two sign-ins: the approval of the first ends the first alone, and one that was
// cancelled or has run out makes no session when it is approved later.
func TestS74TwoPushes(t *testing.T) {
	w := newWorld(t)
	second := strings.ReplaceAll(waitingPush("11"), pushTx, push+"/transactions/v2mst.second")
	w.on("POST "+push+"/verify", 201, waitingPush("72"), second)
	w.on("GET "+pushTx, 200, `{"factorResult":"SUCCESS"}`)
	w.on("GET "+push+"/transactions/v2mst.second", 200, second)
	w.start().choose(identity.Push)
	first := w.state
	w.start().choose(identity.Push).want("wait number_challenge #11")
	w.poll().want("wait number_challenge #11")
	later := w.state
	w.state = first
	w.poll().want("done 00uisaac number_challenge")
	w.state = later
	w.poll().want("wait number_challenge #11")
	w.later(6 * time.Minute)
	w.on("GET "+push+"/transactions/v2mst.second", 200, `{"factorResult":"SUCCESS"}`)
	w.poll().want("denied timeout")
	w.poll().want("error bad_answer")
}

// S79: only what a person presses makes Okta send anything: neither the begin of a sign-in nor a poll does.
func TestS79OnlyGesturesSend(t *testing.T) {
	w := pending(t)
	w.on("GET "+pushTx, 200, waitingPush("72"), `{"factorResult":"TIMEOUT"}`)
	before := w.posts()
	w.poll()
	w.poll().want("denied timeout")
	w.poll().want("error bad_answer")
	w.start().want("choose").poll().want("error bad_answer")
	if w.posts() != before || before != 1 {
		t.Errorf("%d pushes were sent, want the one that was pressed for", w.posts())
	}
}

// S75: the number is on the page of who began the sign-in, and neither in an error nor in a cause.
func TestS75NumberStaysOnThePage(t *testing.T) {
	w := pending(t)
	w.on("GET "+pushTx, 200, strings.Replace(waitingPush("7291"), "WAITING", "NONSENSE", 1))
	w.poll().want("denied unsupported final")
	if strings.Contains(w.step.Cause.Error(), "7291") {
		t.Errorf("the log gets %v", w.step.Cause)
	}
}

// S78: where Okta sends a push of itself after the password, at a site with the other engine, it is not asked to while a denial
// at this one counts.
func TestS78DeniedForTheOtherEngine(t *testing.T) {
	w := newWorld(t)
	w.on("POST "+push+"/verify", 201, waitingPush(""))
	w.on("GET "+pushTx, 200, `{"factorResult":"REJECTED"}`)
	w.start().choose(identity.Push).poll().want("denied denied_on_phone")
	other, err := limits.New(w.budget, limits.Config{}, w.client.Origin())
	if err != nil {
		t.Fatal(err)
	}
	other.Unasked(t.Context(), userID, "Isaac@Example.com")
	if wait, err := other.WaitUnasked(t.Context(), "Isaac@Example.com"); err != nil || wait != 5*time.Minute {
		t.Errorf("the next password has to wait for %v, %v", wait, err)
	}
}
