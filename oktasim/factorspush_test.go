package oktasim_test

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

// pushed is a push that was sent through the Factors API.
type pushed struct {
	*person
	answer *answer
	path   string // of the transaction
}

func (p *person) push(body any) *pushed {
	p.t.Helper()
	a := p.verify("push", "OKTA", body).wantResult(201, "WAITING")
	href := a.str("_links", "poll", "href")
	if href != a.str("_links", "cancel", "href") || !strings.HasPrefix(href, orgURL+p.path("/opf")) || !strings.Contains(href, "/transactions/v2mst.") {
		p.t.Fatalf("links %v", a.at("_links"))
	}
	return &pushed{p, a, strings.TrimPrefix(href, orgURL)}
}

func (p *pushed) poll() *answer {
	p.t.Helper()
	return p.api("GET", p.path, nil)
}

func TestFactorPush(t *testing.T) {
	b := newAPIBench(t)
	for name, c := range map[string]struct {
		answer func(id string) error
		result string
	}{"approved": {b.org.Approve, "SUCCESS"}, "denied": {b.org.Deny, "REJECTED"}} {
		t.Run(name, func(t *testing.T) {
			p := b.person(pushUser).push(nil)
			if got, want := p.answer.str("expiresAt"), "2026-08-01T12:05:00.000Z"; got != want || p.answer.at("_embedded") != nil {
				t.Errorf("201 is %s", p.answer.body)
			}
			a := p.poll().wantResult(200, "WAITING")
			if a.str("profile", "credentialId") != pushUser || a.str("_links", "poll", "href") != orgURL+p.path {
				t.Errorf("WAITING is %s", a.body)
			}
			if err := c.answer(p.pending(pushUser).ID); err != nil {
				t.Fatal(err)
			}
			a = p.poll().wantResult(200, c.result)
			if (a.at("_links") == nil) != (c.result == "SUCCESS") {
				t.Errorf("the end is %s", a.body)
			}
		})
	}
}

func TestFactorPushTimesOut(t *testing.T) {
	p := newAPIBench(t).person(pushUser).push(nil)
	p.now = p.now.Add(5*time.Minute - time.Second)
	p.poll().wantResult(200, "WAITING")
	p.now = p.now.Add(time.Second)
	a := p.poll().wantResult(200, "TIMEOUT")
	if a.str("_links", "verify", "href") == "" || a.str("_links", "factor", "href") == "" {
		t.Errorf("TIMEOUT is %s", a.body)
	}
	p.now = p.now.Add(5 * time.Minute)
	p.poll().wantCode(404, "E0000191")
}

func TestFactorPushIsCancelled(t *testing.T) {
	p := newAPIBench(t).person(pushUser).push(nil)
	id := p.pending(pushUser).ID
	p.api("DELETE", p.path, nil).wantStatus(204)
	p.poll().wantCode(404, "E0000191")
	p.api("DELETE", p.path, nil).wantCode(404, "E0000191")
	if err := p.org.Approve(id); err == nil {
		t.Error("a push that was taken back can be approved")
	}
}

// A transaction belongs to its user and its factor: with the ids of another it is unknown.
func TestFactorPushBelongsToUserAndFactor(t *testing.T) {
	b := newAPIBench(t)
	p := b.person(pushUser).push(nil)
	other := b.person(numberUser)
	transaction := p.path[strings.Index(p.path, "/transactions/"):]
	factor := p.factor("push", "OKTA")["id"].(string)
	totp := p.factor("token:software:totp", "OKTA")["id"].(string)
	if err := b.org.Approve(b.pending(pushUser).ID); err != nil {
		t.Fatal(err)
	}
	other.call("GET", "/"+factor+transaction, nil).wantCode(404, "E0000191")
	p.call("GET", "/"+totp+transaction, nil).wantCode(404, "E0000191")
	other.call("DELETE", "/"+factor+transaction, nil).wantCode(404, "E0000191")
	p.poll().wantResult(200, "SUCCESS")
}

// Nothing cancels a push that is pending when another is sent.
func TestFactorPushesPileUp(t *testing.T) {
	p := newAPIBench(t).person(pushUser)
	for range 3 {
		p.push(nil)
	}
	if n := len(p.org.Pushes(pushUser)); n != 3 || slices.ContainsFunc(p.org.Pushes(pushUser), func(p oktasim.Push) bool { return p.State != "pending" }) {
		t.Errorf("pushes %+v", p.org.Pushes(pushUser))
	}
}

func TestFactorNumberChallenge(t *testing.T) {
	p := newAPIBench(t).person(pushUser).push(map[string]any{"useNumberMatchingChallenge": true})
	number, ok := p.answer.at("_embedded", "challenge", "correctAnswer").(float64)
	if a := p.poll().wantResult(200, "WAITING"); !ok || a.at("_embedded", "challenge", "correctAnswer") != number {
		t.Errorf("the number is %v in the 201 and %s in the poll", number, a.body)
	}
	shown := p.pending(pushUser)
	right := strconv.Itoa(int(number))
	if len(shown.Numbers) != 3 || !slices.Contains(shown.Numbers, right) {
		t.Fatalf("the phone shows %q, right is %s", shown.Numbers, right)
	}
	if err := p.org.Approve(shown.ID); err == nil {
		t.Fatal("approved without a number")
	}
	wrong := slices.DeleteFunc(slices.Clone(shown.Numbers), func(n string) bool { return n == right })[0]
	if err := p.org.Tap(shown.ID, wrong); err != nil {
		t.Fatal(err)
	}
	p.poll().wantResult(200, "REJECTED")
	again := p.push(map[string]any{"useNumberMatchingChallenge": true})
	number = again.answer.at("_embedded", "challenge", "correctAnswer").(float64)
	if err := p.org.Tap(p.pending(pushUser).ID, strconv.Itoa(int(number))); err != nil {
		t.Fatal(err)
	}
	again.poll().wantResult(200, "SUCCESS")
}

// The org may ask for the number by itself, or lack the feature.
func TestFactorNumberChallengeIsTheOrgsToDecide(t *testing.T) {
	b := newAPIBench(t, func(c *oktasim.Config) { c.Policy.Factors.NoNumberMatching = true })
	if p := b.person(numberUser).push(nil); p.answer.at("_embedded", "challenge", "correctAnswer") == nil {
		t.Errorf("no number: %s", p.answer.body)
	}
	p := b.person(pushUser)
	p.verify("push", "OKTA", map[string]any{"useNumberMatchingChallenge": true}).wantCode(400, "E0000001")
	p.verify("push", "OKTA", map[string]any{"useNumberMatchingChallenge": "yes"}).wantCode(400, "E0000003")
	p.verify("push", "OKTA", map[string]any{"useNumberMatchingChallenge": false}).wantResult(201, "WAITING")
}

// zoneOfTheBench is a network zone with the test client itself in it.
var zoneOfTheBench = []netip.Prefix{netip.MustParsePrefix("198.51.100.9/32")}

// What the phone shows (factors-api.md §7): the browser's address only through a trusted proxy, the agent always; and the
// embedded SDK's limitation does not apply here.
func TestFactorPushShowsTheBrowser(t *testing.T) {
	zone := zoneOfTheBench
	for name, c := range map[string]struct {
		zone    []netip.Prefix
		forward string
		address string
		place   string
	}{
		"trusted proxy":              {zone, "203.0.113.7", "203.0.113.7", "Lisbon, Portugal"},
		"zone switch off":            {nil, "203.0.113.7", "198.51.100.9", "Oslo, Norway"},
		"another zone":               {[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "203.0.113.7", "198.51.100.9", "Oslo, Norway"},
		"nothing forwarded":          {zone, "", "198.51.100.9", "Oslo, Norway"},
		"a chain with a forged head": {zone, "192.0.2.1, 203.0.113.7", "203.0.113.7", "Lisbon, Portugal"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newAPIBench(t, func(c *oktasim.Config) { c.EmbeddedPushShowsServer = true })
			b.org.Update(func(cfg *oktasim.Config) { cfg.TrustedProxies = c.zone })
			p := b.person(pushUser)
			b.head.Set("User-Agent", chrome)
			if c.forward != "" {
				b.head.Set("X-Forwarded-For", c.forward)
			}
			p.push(nil)
			got := b.pending(pushUser)
			if got.Address != c.address || got.Place != c.place || got.UserAgent != chrome {
				t.Errorf("the phone shows %+v", got)
			}
			page := string(b.do("GET", orgURL+"/phone/"+pushUser, "", nil).body)
			if !strings.Contains(page, c.place) || !strings.Contains(page, "Chrome on Windows") {
				t.Errorf("the phone page lacks %s:\n%s", c.place, page)
			}
		})
	}
}

// Okta answers 500 to an address that is none.
func TestFactorPushWithAMalformedAddress(t *testing.T) {
	b := newAPIBench(t, func(c *oktasim.Config) { c.TrustedProxies = zoneOfTheBench })
	p := b.person(pushUser)
	id := p.factor("push", "OKTA")["id"].(string)
	b.head.Set("X-Forwarded-For", "203.0.113.7:443")
	p.call("POST", "/"+id+"/verify", nil).wantCode(500, "E0000009")
}

func TestFactorPathsAreRecordedAndSpoilt(t *testing.T) {
	b := newAPIBench(t)
	p := b.person(pushUser)
	b.head.Set("X-Forwarded-For", "203.0.113.7")
	b.head.Set("User-Agent", chrome)
	q := p.push(nil)
	all := b.org.Requests()
	last := all[len(all)-1]
	if last.Method != http.MethodPost || !strings.HasSuffix(last.Path, "/verify") || last.Header.Get("X-Forwarded-For") != "203.0.113.7" ||
		last.Header.Get("User-Agent") != chrome || last.Header.Get("Authorization") != "SSWS "+adminToken || last.Status != 201 {
		t.Errorf("recorded %+v", last)
	}
	b.org.Inject(oktasim.Fault{Path: "/api/v1/users/*/factors/*/transactions/*", Kind: "foreign_href"})
	if a := q.poll(); !strings.HasPrefix(a.str("_links", "poll", "href"), "https://evil.example/api/v1/users/") {
		t.Errorf("spoilt answer %s", a.body)
	}
	b.org.Inject(oktasim.Fault{Path: "/verify", Kind: "status", Status: 429})
	a := p.verify("push", "OKTA", nil).wantCode(429, "E0000047")
	if a.header.Get("X-Rate-Limit-Remaining") != "0" {
		t.Errorf("headers %v", a.header)
	}
}

func TestFactorOfACustomApp(t *testing.T) {
	p := newAPIBench(t, withFull).person(fullUser)
	p.verify("push", "CUSTOM", nil).wantResult(201, "WAITING")
	if got := p.pending(fullUser); got.Authenticator != "custom_app" {
		t.Errorf("push %+v", got)
	}
}
