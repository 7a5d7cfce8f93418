package factors

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway/identity"
)

const (
	// maxQR bounds a QR code; recorded ones have 2 KB.
	maxQR = 64 << 10
	// maxSecret bounds a shared secret.
	maxSecret = 256
	// Inputs of the forms.
	fieldPhone    = "phoneNumber"
	fieldQuestion = "question"
	fieldAnswer   = "answer"
	// minAnswer is Okta's least length of an answer (§3.3).
	minAnswer = 4
)

var (
	msgSetupOver = flows.Message{Key: "sidegate.setup_over", Error: true}
	msgNotSetUp  = flows.Message{Key: "sidegate.not_set_up", Error: true}
	msgPhone     = flows.Message{Key: "sidegate.phone_format", Error: true}
	msgAnswer    = flows.Message{Key: "sidegate.answer_short", Error: true}
)

// readSetup keeps what the person needs for the app: the picture and the key, from wherever Okta has put them (§4.2).
func (a *attempt) readSetup(ctx context.Context, l *listed) {
	s := &a.state
	switch s.Enrol.Factor {
	case identity.Push, identity.TOTP, identity.GoogleOTP:
	default:
		return
	}
	act := &l.Embedded.Activation
	setup := &flows.Setup{Channel: flows.ChannelQR, Secret: sharedSecret(act.SharedSecret, act.Encoding)}
	href := act.Links.QRCode.first()
	if href == "" {
		href = l.Embedded.Links.QRCode.first()
	}
	if path, ok := a.engine.owned(href, factorPath(s.User, l.ID)); ok {
		setup.QR = a.picture(ctx, path)
	}
	s.Enrol.Setup = setup
}

// picture fetches a PNG. Its address is a secret of its own (§4.3), so that no credential goes along; nil when it cannot be
// had, for which the page has other ways.
func (a *attempt) picture(ctx context.Context, path string) []byte {
	res, err := a.engine.client.Do(ctx, a.cc, okta.Request{Method: http.MethodGet, URL: path, Accept: "image/png"})
	if err != nil || res.Status != http.StatusOK || len(res.Body) > maxQR || !bytes.HasPrefix(res.Body, []byte("\x89PNG\r\n\x1a\n")) {
		return nil
	}
	return res.Body
}

// sharedSecret is base32, as it is typed into an app; "" for anything else.
func sharedSecret(s, encoding string) string {
	if encoding == "base64" {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return ""
		}
		s = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)
	}
	if len(s) > maxSecret || strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '2' || c > '7') && c != '='
	}) {
		return ""
	}
	return s
}

// enrolFields are the inputs of a form, and what it is about.
func (a *attempt) enrolFields() (flows.Topic, []flows.Field) {
	if a.state.Enrol.Factor == identity.SecurityQuestion {
		return flows.TopicQuestion, []flows.Field{
			{Name: fieldQuestion, Type: flows.FieldSelect, Required: true, Options: a.questions},
			{Name: fieldAnswer, Secret: true, Required: true, Messages: a.wrong},
		}
	}
	return flows.TopicPhone, []flows.Field{{Name: fieldPhone, Type: flows.FieldTel, Required: true, Messages: a.wrong}}
}

// enrolForm takes what a form asked for.
func (a *attempt) enrolForm(ctx context.Context, in map[string]string) (flows.State, flows.Step, error) {
	s := &a.state
	if s.Enrol.Factor == identity.SecurityQuestion {
		return a.enrolQuestion(ctx, in)
	}
	phone := readPhone(in[fieldPhone])
	if phone == "" {
		a.wrong = []flows.Message{msgPhone}
		return a.show()
	}
	if s.Enrol.Sending {
		profile := map[string]any{"profile": map[string]string{fieldPhone: phone}}
		return a.sendLink(ctx, s.Enrol.SMS, flows.ChannelSMS, profile, maskPhone(phone))
	}
	if no, err := a.mayNotSend(ctx, &factor{Factor: s.Enrol.Factor}); err != nil || no != nil {
		return a.notSent(no, err)
	}
	s.Enrol.Profile = map[string]string{fieldPhone: phone}
	return a.enrol(ctx)
}

// readPhone is a number in E.164; "" for what is none (§4.2: digits only).
func readPhone(in string) string {
	in = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -.()/\u00a0", r) {
			return -1
		}
		return r
	}, in)
	digits, ok := strings.CutPrefix(in, "+")
	if !ok || len(digits) < 7 || len(digits) > 15 || digits[0] == '0' ||
		strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return ""
	}
	return in
}

// sendLink has Okta send the link that sets Okta Verify up.
func (a *attempt) sendLink(ctx context.Context, path string, channel flows.Channel, body any, to string) (flows.State, flows.Step, error) {
	s := &a.state
	if no, err := a.mayNotSend(ctx, &factor{Factor: identity.SMS}); err != nil || no != nil {
		return a.notSent(no, err)
	}
	res, err := a.post(ctx, path, body)
	if err != nil {
		return a.enrolFailed(ctx, err, true)
	}
	if res.Status >= http.StatusMultipleChoices {
		return a.enrolRefused(res)
	}
	s.Want, s.Enrol.Sending, s.Enrol.Setup = wantDevice, false, &flows.Setup{Channel: channel, SentTo: to}
	return a.show()
}

// resend has Okta send the first code again (§4.1).
func (a *attempt) resend(ctx context.Context) (flows.State, flows.Step, error) {
	s := &a.state
	if no, err := a.mayNotSend(ctx, &factor{Factor: s.Enrol.Factor}); err != nil || no != nil {
		if no != nil {
			a.messages = []flows.Message{*no}
			return a.show()
		}
		return nil, flows.Step{}, err
	}
	path := factorPath(s.User, s.Enrol.ID) + "/resend"
	if q := a.enrolQuery(); q != "" && s.Enrol.Factor == identity.SMS {
		path += "?" + q
	}
	res, err := a.post(ctx, path, s.Enrol.body())
	if err != nil {
		return a.enrolFailed(ctx, err, true)
	}
	if res.Status != http.StatusOK {
		return a.enrolRefused(res)
	}
	return a.show()
}

// askQuestion shows the questions that Okta knows. They are asked for each time: twenty texts are too much to keep.
func (a *attempt) askQuestion(ctx context.Context) (flows.State, flows.Step, error) {
	res, err := a.get(ctx, factorsPath(a.state.User)+"/questions")
	if err != nil {
		return nil, flows.Step{}, err
	}
	var list []struct {
		Question string `json:"question"`
		Text     string `json:"questionText"`
	}
	if res.Status != http.StatusOK || json.Unmarshal(res.Body, &list) != nil || len(list) == 0 {
		return nil, flows.Step{}, malformed(res)
	}
	for _, q := range list[:min(len(list), maxFactors)] {
		if oktaID(q.Question) {
			a.questions = append(a.questions, flows.Option{Value: q.Question, Label: line(q.Text)})
		}
	}
	a.state.Want = wantForm
	return a.show()
}

// enrolQuestion sets a security question up, which is active at once.
func (a *attempt) enrolQuestion(ctx context.Context, in map[string]string) (flows.State, flows.Step, error) {
	answer := readCode(identity.SecurityQuestion, in[fieldAnswer])
	if !oktaID(in[fieldQuestion]) || len([]rune(answer)) < minAnswer {
		a.wrong = []flows.Message{msgAnswer}
		return a.askQuestion(ctx)
	}
	a.state.Enrol.Profile = map[string]string{fieldQuestion: in[fieldQuestion], fieldAnswer: answer}
	return a.enrol(ctx)
}
