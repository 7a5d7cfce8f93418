package oktasim

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Mail is something that Okta sent: an e-mail, a text message or a call.
type Mail struct {
	ID      string    `json:"id"`
	Login   string    `json:"login"`
	Channel string    `json:"channel"` // "email", "sms" or "voice"
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	Code    string    `json:"code,omitempty"`
	Link    string    `json:"link,omitempty"`
	Sent    time.Time `json:"sent"`
}

// maxInbox bounds one inbox; older mails are forgotten.
const maxInbox = 200

// task is the authenticator that a transaction asks for or sets up, where it is not Okta Verify's push or code.
type task struct {
	key, method string
	code        string // that was sent; "" when none was
	wrong       int
	// link is the token in a mailed link or a QR code that ends a poll, opened whether somebody has followed it.
	link   string
	opened bool
	// channel and address are those of Okta Verify's set-up, phone the number being set up, secret Google's key.
	channel, address, phone string
	secret                  []byte
	challenge               string // WebAuthn's, base64url
	next                    bool   // the token's next code is asked for
}

// begin makes next the transaction's task; links of the one before lead nowhere from then on. The caller holds mu.
func (o *Org) begin(t *transaction, next task) {
	delete(o.links, t.task.link)
	t.task = next
	t.nextPoll = time.Time{}
	if next.link != "" {
		o.links[next.link] = t
	}
}

// send puts a mail into a user's inbox. The caller holds mu.
func (o *Org) send(x *exchange, a *account, m Mail) {
	m.ID, m.Login, m.Sent = secretID("msg"), a.Login, x.now
	a.inbox = append(a.inbox, m)
	if len(a.inbox) > maxInbox {
		a.inbox = a.inbox[1:]
	}
}

// linkURL is what is mailed for a token.
func (x *exchange) linkURL(token string) string { return x.cfg.URL + "/inbox/link/" + token }

// mailedCode is the link in a mail with a code: to the org, where following it ends the poll, or to the app's own page
// for it (identity-engine.md §6.2).
func (x *exchange) mailedCode(t *transaction, next *task) string {
	if x.cfg.Policy.EmailLink == "" {
		return x.linkURL(next.link)
	}
	return x.cfg.Policy.EmailLink + "?" + url.Values{"otp": {next.code}, "state": {t.state}}.Encode()
}

// qrScheme begins the text of a QR code that sets Okta Verify up.
const qrScheme = "oktaverify://enroll?"

func (x *exchange) qrContent(token string) string {
	return qrScheme + url.Values{"org": {x.cfg.URL}, "t": {token}}.Encode()
}

// Inbox is what a user was sent, newest last.
func (o *Org) Inbox(login string) []Mail {
	o.mu.Lock()
	defer o.mu.Unlock()
	if a := o.users[normalLogin(login)]; a != nil {
		return slices.Clone(a.inbox)
	}
	return nil
}

// Authenticators are the keys of what a user has set up, the password included; a key for each passkey.
func (o *Org) Authenticators(login string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.users[normalLogin(login)]
	if a == nil {
		return nil
	}
	var out []string
	for _, h := range a.held() {
		out = append(out, h.kind.key)
	}
	return out
}

// Remembered reports whether the user's newest sign-in asked to stay signed in.
func (o *Org) Remembered(login string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.users[normalLogin(login)]
	return a != nil && a.remembered
}

// Errors of links and QR codes.
var (
	// ErrNoLink: the link is unknown, used, or was replaced by a newer one.
	ErrNoLink = errors.New("oktasim: no such link, or not any more")
	// ErrOtherPhone: the QR code belongs to another user's account.
	ErrOtherPhone = errors.New("oktasim: this code is for the account of another user")
)

// OpenLink follows a link that was mailed.
func (o *Org) OpenLink(link string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	token := link[strings.LastIndexByte(link, '/')+1:]
	if found, err := o.openSetUp(token, ""); found {
		return err
	}
	return o.open(o.links[token], token)
}

// open ends the poll that waits for the token, once. The caller holds mu.
func (o *Org) open(t *transaction, token string) error {
	if t == nil || t.task.link != token || t.task.opened || o.live(t, o.now()) == nil {
		return ErrNoLink
	}
	t.task.opened = true
	return nil
}

// ScanQR has the phone of a user scan the text of a QR code.
func (o *Org) ScanQR(login, content string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	query, ok := strings.CutPrefix(content, qrScheme)
	values, err := url.ParseQuery(query)
	if !ok || err != nil {
		return ErrNoLink
	}
	if found, err := o.openSetUp(values.Get("t"), login); found {
		return err
	}
	t := o.links[values.Get("t")]
	if t != nil && (t.user == nil || normalLogin(t.user.Login) != normalLogin(login)) {
		return ErrOtherPhone
	}
	return o.open(t, values.Get("t"))
}

// PendingQR is the text of the newest QR code that waits for a phone of the user; "" for none.
func (o *Org) PendingQR(login string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	content := o.pendingSetUp(login)
	var latest time.Time
	for token, t := range o.links {
		if t.user != nil && normalLogin(t.user.Login) == normalLogin(login) && t.stage == stageEnrollPoll && t.task.channel == channelQR && !t.task.opened && t.expires.After(latest) {
			content, latest = (&exchange{cfg: o.cfg.Load()}).qrContent(token), t.expires
		}
	}
	return content
}

// GoogleCode is the code that a user's Google Authenticator shows: that of the account being set up, if one is.
func (o *Org) GoogleCode(login string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.users[normalLogin(login)]
	if a == nil {
		return ""
	}
	return totpCode(a.googleKey, max(totpStep(o.now()), a.lastGoogle+1))
}

// HardwareCode is the next code of a user's hardware token.
func (o *Org) HardwareCode(login string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if a := o.users[normalLogin(login)]; a != nil {
		return tokenCode(a.lastToken + 1)
	}
	return ""
}
