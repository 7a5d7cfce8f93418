package caddymodule

import (
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"sidegate.example/sidegate/oktasim"
)

// site is the simulated site with the options of one test.
func (w *world) site(options string) string {
	return strings.Replace(w.simulated(), "okta_mfa {", "okta_mfa {\n\t\t"+options, 1)
}

var pageHook = regexp.MustCompile(`data-(?:view|kind|topic|reason|enrolling)(?:="([a-z_]*)")?`)

// shown is what kind of page it is, by its stable hooks.
func shown(a answer) string {
	var parts []string
	for _, m := range pageHook.FindAllString(a.body[:strings.Index(a.body+"<h1", "<h1")], -1) {
		parts = append(parts, strings.TrimPrefix(m, "data-"))
	}
	return strings.Join(parts, " ")
}

// signIn sends the name and the password, and returns what comes of it.
func (b *browser) signIn(login string, more url.Values) answer {
	b.w.t.Helper()
	form := url.Values{"csrf": {find(b.w.t, csrfInput, b.get("/payroll"))}, "f.identifier": {login}, "f.password": {password}}
	for k, v := range more {
		form[k] = v
	}
	b.submit("/_mfa/identify", form)
	return b.get("/payroll")
}

// Each option of enrolment, recovery and passkeys changes what a person sees or what Okta gets, in a real Caddy.
func TestOptionsChangeAnswers(t *testing.T) {
	newcomer := func(c *oktasim.Config) {
		c.Users[0].Methods, c.Users[0].Require = nil, []string{"okta_verify"}
	}
	enrol := func(b *browser, _ *oktasim.Org) string { return shown(b.signIn("bob", nil)) }
	firstPage := func(hook string) func(*browser, *oktasim.Org) string {
		return func(b *browser, _ *oktasim.Org) string {
			if strings.Contains(b.get("/payroll").body, hook) {
				return "there"
			}
			return "not there"
		}
	}
	status := func(path string) func(*browser, *oktasim.Org) string {
		return func(b *browser, _ *oktasim.Org) string { return http.StatusText(b.get(path).StatusCode) }
	}
	const refused, allowed = `view="step" kind="denied" reason="enrollment"`, `view="step" kind="choose" enrolling`
	for _, c := range []struct {
		option string
		org    func(*oktasim.Config)
		see    func(*browser, *oktasim.Org) string
		want   string
	}{
		{"", newcomer, enrol, refused},
		{"enroll_requires factor", newcomer, enrol, refused},
		{"enroll_requires never", newcomer, enrol, refused},
		{"enroll_requires 192.0.2.0/24", newcomer, enrol, refused},
		{"enroll_requires 192.0.2.0/24 127.0.0.0/8", newcomer, enrol, allowed},
		{"enroll_requires okta_policy", newcomer, enrol, allowed},

		{"", nil, firstPage(`value="recover"`), "not there"},
		{"self_service recover", nil, firstPage(`value="recover"`), "there"},
		{"", nil, firstPage(`value="unlock"`), "not there"},
		{"self_service unlock", nil, firstPage(`value="unlock"`), "there"},
		{"self_service recover unlock", nil, status("/_mfa/activate?token=t"), "Not Found"},
		{"self_service activate", nil, status("/_mfa/activate?token=t"), "OK"},
		{"self_service off", nil, status("/_mfa/recover?token=t"), "Not Found"},

		{"", nil, firstPage(`name="f.rememberMe"`), "not there"},
		{"remember_me on", nil, remembered, "Okta was told"},
		{"remember_me on", nil, func(b *browser, sim *oktasim.Org) string { return told(b, sim, nil) }, "Okta was not told"},

		{"", pushAndCode, offered, "push totp"},
		{"require push", pushAndCode, offered, "push"},
		{"require any max_age 5m", pushAndCode, offered, "push totp"},

		{"", passkeyAlone, enrol, `view="step" kind="denied" reason="unsupported"`},
		{"webauthn on", passkeyAlone, enrol, `view="step" kind="choose"`},
	} {
		t.Run(strings.ReplaceAll(c.option, "/", "_")+" "+c.want, func(t *testing.T) {
			org := c.org
			if org == nil {
				org = func(*oktasim.Config) {}
			}
			w, sim := newSimulated(t, org)
			b := w.browser(w.start(w.site(c.option)))
			if got := c.see(b, sim); got != c.want {
				t.Errorf("%q: %s, want %s", c.option, got, c.want)
			}
		})
	}
}

func pushAndCode(c *oktasim.Config) { c.Users[0].Methods = []string{"push", "totp"} }

// offered are the factors that a sign-in can go on with after the password.
func offered(b *browser, _ *oktasim.Org) string {
	return strings.Join(choices(b.signIn("bob", nil)), " ")
}

func passkeyAlone(c *oktasim.Config) {
	c.Users[0].Methods, c.Users[0].Enrolled = nil, []string{"webauthn"}
}

func remembered(b *browser, sim *oktasim.Org) string {
	return told(b, sim, url.Values{"f.rememberMe": {"true"}})
}

func told(b *browser, sim *oktasim.Org, more url.Values) string {
	if page := b.signIn("bob", more); !strings.Contains(page.body, "data-events=") {
		b.submit("/_mfa/answer", url.Values{"csrf": {find(b.w.t, csrfInput, page)}, "choice": {find(b.w.t, pushChoice, page)}})
	}
	approve(b.w.t, sim)
	b.arrive()
	if sim.Remembered("bob") {
		return "Okta was told"
	}
	return "Okta was not told"
}

// push_context decides whether the page asks people to compare what the phone shows.
func TestPushContextChangesThePage(t *testing.T) {
	for option, want := range map[string]string{"": "it shows anything else, choose No", "push_context gateway": "not yours"} {
		w, _ := newSimulated(t)
		page := w.browser(w.start(w.site(option))).waitAtPush()
		context := page.body[strings.Index(page.body, `id="context"`):]
		if context, _, _ = strings.Cut(context, "</div>"); !strings.Contains(context, want) {
			t.Errorf("%q: the page says %s, want %q in it", option, context, want)
		}
	}
}

// The examples of docs/reference.md are what the Caddyfile takes: each alone, in the block of a site, where they are of engine
// factors of such a one, and those that are for the global options there.
func TestReferenceExamples(t *testing.T) {
	text, err := os.ReadFile("../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, engine := 0, ""
	for line := range strings.Lines(string(text)) {
		if heading, ok := strings.CutPrefix(line, "### "); ok {
			engine = map[string]string{"Engine factors\n": "{\n\tokta_mfa {\n\t\tengine factors\n\t\tfactors push sms email\n\t}\n}\n"}[heading]
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		example := strings.ReplaceAll(strings.Trim(cells[len(cells)-1], " `"), " ⏎ ", "\n")
		name, _, spaced := strings.Cut(example, " ")
		if len(cells) != 5 || !spaced || !strings.HasPrefix(strings.TrimSpace(cells[0]), "`"+name) {
			continue
		}
		examples++
		config := engine + ":80 {\n\t@transfer path /transfer/*\n\t@admin path /admin/*\n\tokta_mfa {\n\t\t" + example + "\n\t}\n}\n"
		if strings.HasPrefix(strings.TrimSpace(cells[3]), "Global only") {
			config = "{\n\tokta_mfa {\n\t\t" + example + "\n\t}\n}\n"
		}
		if _, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(config), nil); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
	if examples < 35 {
		t.Errorf("found only %d examples", examples)
	}
}
