package sdk

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"sidegate.example/sidegate/oktasim"
)

// someone is the person of these tests.
const someone = "someone@sidegate.example"

// driven is the SDK, driven call by call (drive.mjs), and the org that it talks to.
type driven struct {
	*run
	org *oktasim.Org
}

// view is what the SDK makes of an answer.
type view struct {
	Event           string         `json:"event"`
	Status          string         `json:"status"`
	Step            string         `json:"step"`
	Inputs          []string       `json:"inputs"`
	Options         []string       `json:"options"`
	Authenticator   string         `json:"authenticator"`
	AuthenticatorID string         `json:"authenticatorId"`
	Contextual      map[string]any `json:"contextual"`
	CanSkip         bool           `json:"canSkip"`
	CanResend       bool           `json:"canResend"`
	Refresh         int            `json:"refresh"`
	Features        []string       `json:"features"`
	Steps           []string       `json:"steps"`
	Messages        []string       `json:"messages"`
	Claims          map[string]any `json:"claims"`
	AccessToken     bool           `json:"accessToken"`
	Text            string         `json:"text"`
}

// drive starts the SDK beside an org with one more person, who has the usual password unless u says another.
func drive(t *testing.T, u oktasim.User, change ...func(*oktasim.Config)) *driven {
	t.Helper()
	t.Parallel() // each has an org and a script of its own
	u.Login, u.Email = someone, someone
	if u.Password == "" {
		u.Password = oktasim.DefaultPassword
	}
	org, url := startOrg(t, append([]func(*oktasim.Config){func(c *oktasim.Config) { c.Users = append(c.Users, u) }}, change...)...)
	return &driven{org: org, run: script(t, "drive.mjs", map[string]string{
		"issuer": url + "/oauth2/default", "clientId": confidential, "clientSecret": clientSecret, "redirectUri": redirectURI,
		"origin": strings.TrimSuffix(redirectURI, "/callback"),
	})}
}

// try makes one call of the SDK.
func (d *driven) try(call string, options map[string]any) view {
	d.t.Helper()
	line, err := json.Marshal(map[string]any{"call": call, "options": options})
	if err != nil {
		d.t.Fatal(err)
	}
	d.say(string(line))
	if !d.lines.Scan() {
		d.t.Fatalf("the script ended at %s", line)
	}
	var v view
	if err := json.Unmarshal(d.lines.Bytes(), &v); err != nil {
		d.t.Fatalf("not an event: %s", d.lines.Bytes())
	}
	return v
}

// do makes a call that has to lead to a step, "" for none.
func (d *driven) do(call string, options map[string]any, step string) view {
	d.t.Helper()
	v := d.try(call, options)
	if v.Event != "did" || v.Step != step {
		d.t.Fatalf("%s %v: %+v, want step %q", call, options, v, step)
	}
	return v
}

// signIn gives name and password.
func (d *driven) signIn(step string) view {
	d.t.Helper()
	return d.do("authenticate", map[string]any{"username": someone, "password": oktasim.DefaultPassword}, step)
}

func (d *driven) proceed(options map[string]any, step string) view {
	d.t.Helper()
	return d.do("proceed", options, step)
}

// choose takes an authenticator from a list.
func (d *driven) choose(key, step string) view {
	d.t.Helper()
	return d.proceed(map[string]any{"authenticator": key}, step)
}

// poll has the SDK poll until something changes; none of its polls may be refused.
func (d *driven) poll(last view, step string) view {
	d.t.Helper()
	return d.do("poll", map[string]any{"refresh": last.Refresh}, step)
}

// code answers with a code: first a wrong one, which the SDK has to tell, then the right one.
func (d *driven) code(code func() string, messages ...string) view {
	d.t.Helper()
	if len(messages) == 0 {
		messages = []string{"api.authn.error.PASSCODE_INVALID"}
	}
	right := code()
	wrong := strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, right)
	v := d.try("proceed", map[string]any{"verificationCode": wrong})
	if !slices.Equal(v.Messages, messages) || v.Status != "PENDING" {
		d.t.Fatalf("a wrong code gave %+v, want %v", v, messages)
	}
	return d.try("proceed", map[string]any{"verificationCode": right})
}

func (d *driven) newest() oktasim.Mail {
	d.t.Helper()
	mails := d.org.Inbox(someone)
	if len(mails) == 0 {
		d.t.Fatal("nothing was sent")
	}
	return mails[len(mails)-1]
}

func (d *driven) mailed() string { return d.newest().Code }

// in wants v to be the end of a sign-in whose ID token the SDK has verified.
func (d *driven) in(v view, amr ...any) {
	d.t.Helper()
	if v.Status != "SUCCESS" || !v.AccessToken || v.Claims["preferred_username"] != someone {
		d.t.Fatalf("the SDK ended with %+v, want SUCCESS and tokens", v)
	}
	if got, _ := v.Claims["amr"].([]any); !slices.Equal(got, amr) {
		d.t.Errorf("amr = %v, want %v", got, amr)
	}
	for _, q := range d.org.Requests() {
		if q.Status == 429 || q.Status >= 500 {
			d.t.Errorf("%s %s was answered %d", q.Method, q.Path, q.Status)
		}
	}
}

// scan has the person's phone scan the QR code that the SDK was given.
func (d *driven) scan(v view) {
	d.t.Helper()
	code, _ := v.Contextual["qrcode"].(map[string]any)
	href, _ := code["href"].(string)
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(href, "data:image/png;base64,"))
	if err != nil {
		d.t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		d.t.Fatalf("no QR code in %+v", v)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		d.t.Fatal(err)
	}
	// The picture is the code and nothing else; told so, the reader does not miss one in 700 as in a photograph.
	pure := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true}
	read, err := qrcode.NewQRCodeReader().Decode(bitmap, pure)
	if err != nil {
		d.t.Fatal(err)
	}
	check(d.t, d.org.ScanQR(someone, read.GetText()))
}
