package sdkgo

import (
	"slices"
	"testing"

	"github.com/okta/okta-sdk-golang/v5/okta"
)

// common is what all kinds have; nil for one that the SDK did not know.
func common(f okta.ListFactors200ResponseInner) *okta.UserFactor {
	switch {
	case f.UserFactorCall != nil:
		return withType(f.UserFactorCall.UserFactor, "call", f.UserFactorCall.GetProvider())
	case f.UserFactorEmail != nil:
		return withType(f.UserFactorEmail.UserFactor, "email", f.UserFactorEmail.GetProvider())
	case f.UserFactorPush != nil:
		return withType(f.UserFactorPush.UserFactor, "push", f.UserFactorPush.GetProvider())
	case f.UserFactorSMS != nil:
		return withType(f.UserFactorSMS.UserFactor, "sms", f.UserFactorSMS.GetProvider())
	case f.UserFactorSecurityQuestion != nil:
		return withType(f.UserFactorSecurityQuestion.UserFactor, "question", f.UserFactorSecurityQuestion.GetProvider())
	case f.UserFactorTOTP != nil:
		return withType(f.UserFactorTOTP.UserFactor, "token:software:totp", f.UserFactorTOTP.GetProvider())
	case f.UserFactorToken != nil:
		return withType(f.UserFactorToken.UserFactor, "token", f.UserFactorToken.GetProvider())
	}
	return nil
}

func withType(f okta.UserFactor, typ string, provider string) *okta.UserFactor {
	f.FactorType, f.Provider = &typ, &provider
	return &f
}

// enrol enrols and returns what came back.
func (b *bench) enrol(user string, f okta.ListFactors200ResponseInner) *okta.UserFactor {
	b.Helper()
	r, _, err := b.client.UserFactorAPI.EnrollFactor(b.ctx, user).Body(f).Execute()
	b.must(err)
	g := common(*r)
	if g == nil {
		b.Fatalf("enrolled %+v", r)
	}
	return g
}

// activate activates with a code; "" is none.
func (b *bench) activate(user, factor, code string) *okta.UserFactor {
	b.Helper()
	body := map[string]any{}
	if code != "" {
		body["passCode"] = code
	}
	r, _, err := b.client.UserFactorAPI.ActivateFactor(b.ctx, user, factor).Body(body).Execute()
	b.must(err)
	g := common(*r)
	if g == nil || g.GetStatus() != "ACTIVE" {
		b.Fatalf("activated %+v", r)
	}
	return g
}

func TestSDKEnrols(t *testing.T) {
	everyWay(t, func(b *bench) {
		id := b.user(bare)
		number, question, answer := "+15555550177", "disliked_food", "mayonnaise"

		sms := okta.UserFactorSMS{FactorType: "sms", Profile: &okta.UserFactorSMSProfile{PhoneNumber: &number}}
		sms.SetProvider("OKTA")
		f := b.enrol(id, okta.UserFactorSMSAsListFactors200ResponseInner(&sms))
		b.later()
		_, _, err := b.client.UserFactorAPI.ResendEnrollFactor(b.ctx, id, f.GetId()).
			ResendEnrollFactorRequest(okta.UserFactorSMSAsResendEnrollFactorRequest(&sms)).Execute()
		b.must(err)
		b.activate(id, f.GetId(), b.lastCode(bare))

		email := okta.UserFactorEmail{FactorType: "email", Profile: &okta.UserFactorEmailProfile{Email: new(string)}}
		*email.Profile.Email = bare
		email.SetProvider("OKTA")
		f = b.enrol(id, okta.UserFactorEmailAsListFactors200ResponseInner(&email))
		b.activate(id, f.GetId(), b.lastCode(bare))

		totp := okta.UserFactorTOTP{FactorType: "token:software:totp"}
		totp.SetProvider("GOOGLE")
		f = b.enrol(id, okta.UserFactorTOTPAsListFactors200ResponseInner(&totp))
		b.activate(id, f.GetId(), b.org.GoogleCode(bare))

		kba := okta.UserFactorSecurityQuestion{FactorType: "question",
			Profile: &okta.UserFactorSecurityQuestionProfile{Question: &question, Answer: &answer}}
		kba.SetProvider("OKTA")
		if f = b.enrol(id, okta.UserFactorSecurityQuestionAsListFactors200ResponseInner(&kba)); f.GetStatus() != "ACTIVE" {
			b.Errorf("question %+v", f)
		}

		push := okta.UserFactorPush{FactorType: "push"}
		push.SetProvider("OKTA")
		f = b.enrol(id, okta.UserFactorPushAsListFactors200ResponseInner(&push))
		b.must(b.org.ScanQR(bare, b.org.PendingQR(bare)))
		b.activate(id, f.GetId(), "")

		factors := b.factors(id)
		for _, want := range []string{"sms/OKTA", "email/OKTA", "token:software:totp/GOOGLE", "question/OKTA", "push/OKTA", "token:software:totp/OKTA"} {
			if factors[want] == "" {
				b.Errorf("no %s in %v", want, factors)
			}
		}
		b.later()
		b.verify(id, factors["sms/OKTA"], map[string]any{}, "CHALLENGE")
		b.verify(id, factors["sms/OKTA"], passCode(b.lastCode(bare)), "SUCCESS")

		_, err = b.client.UserFactorAPI.UnenrollFactor(b.ctx, id, factors["sms/OKTA"]).Execute()
		b.must(err)
		if b.factors(id)["sms/OKTA"] != "" {
			b.Error("the factor is still there")
		}
	})
}

func TestSDKCatalogAndQuestions(t *testing.T) {
	everyWay(t, func(b *bench) {
		id := b.user(bare)
		catalog, _, err := b.client.UserFactorAPI.ListSupportedFactors(b.ctx, id).Execute()
		b.must(err)
		var types []string
		for _, f := range catalog {
			types = append(types, f.GetFactorType()+"/"+f.GetProvider())
		}
		for _, want := range []string{"push/OKTA", "token:software:totp/GOOGLE", "sms/OKTA", "question/OKTA"} {
			if !slices.Contains(types, want) {
				b.Errorf("no %s in %q", want, types)
			}
		}
		questions, _, err := b.client.UserFactorAPI.ListSupportedSecurityQuestions(b.ctx, id).Execute()
		b.must(err)
		if len(questions) != 20 {
			b.Errorf("%d questions", len(questions))
		}
	})
}

// The SDK reads what went wrong.
func TestSDKReadsErrors(t *testing.T) {
	b := newBench(t, credentials["SSWS"]...)
	id := b.user(full)
	_, response, err := b.client.UserFactorAPI.VerifyFactor(b.ctx, id, b.factors(id)["token:software:totp/OKTA"]).Body(passCode("000000")).Execute()
	e, ok := err.(*okta.GenericOpenAPIError)
	if !ok || response.StatusCode != 403 {
		t.Fatalf("%v", err)
	}
	if model, ok := e.Model().(okta.Error); !ok || model.GetErrorCode() != "E0000068" {
		t.Errorf("error %+v", e.Model())
	}
}
