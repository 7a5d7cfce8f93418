package replicas

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sidegate.example/sidegate/oktasim"
)

// crowdSize is how many people sign in at once.
var crowdSize = flag.Int("crowd", 60, "how many people sign in at once in TestCrowd")

// crowd is many people who sign in at once, and what came of it.
type crowd struct {
	w *world
	// inFlight is closed when everybody's sign-in has begun, and none is over.
	inFlight chan struct{}
	begun    sync.WaitGroup
	// turn has a place for each who does something at the moment: most of those who sign in look for their phone.
	turn chan struct{}

	in, startedOver, wrong, lost, unavailable, gone, typedAgain, slow atomic.Int64
	mu                                                                sync.Mutex
	failures                                                          []string
}

// member is one of them.
type member struct {
	*crowd
	person
	b      *browser
	path   string
	byCode bool // the second factor is a code, and not a push
}

func (m *member) failed(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures = append(m.failures, m.login+": "+fmt.Sprintf(format, args...))
}

// load asks for a page until there is an answer that is not about Redis or a connection being down. begun says whether
// this person's sign-in has begun, so that the first page would mean to start over.
func (m *member) load(ask func() (*page, error)) *page {
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for over := time.Now().Add(4 * patience); time.Now().Before(over); <-pause.C {
		p, err := ask()
		switch {
		case err != nil:
			m.lost.Add(1) // the replica died with it
		case p.status == http.StatusServiceUnavailable || p.status == http.StatusBadGateway:
			m.unavailable.Add(1)
		default:
			return p
		}
		ask = func() (*page, error) { return m.b.try(m.b.url(m.path), nil) } // a person loads the page again, and goes on from there
	}
	return nil
}

func (m *member) open() *page {
	return m.load(func() (*page, error) { return m.b.try(m.b.url(m.path), nil) })
}

func (m *member) send(p *page, form string, typed map[string]string) *page {
	m.turn <- struct{}{}
	defer func() { <-m.turn }()
	return m.load(func() (*page, error) { return p.trySubmit(form, typed) })
}

// begin types name and password until the sign-in has begun.
func (m *member) begin() *page {
	p := m.open()
	for n := 0; n < 20 && p != nil && p.shown() == "signin/identify"; n++ {
		if n > 0 {
			m.typedAgain.Add(1)
		}
		p = m.send(p, "identify", credentials(m.person))
	}
	return p
}

// startOver notes that somebody has to.
func (m *member) startOver(p *page) {
	m.startedOver.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.crowd.w.t.Logf("%s has to start over: %s", m.login, p)
	if reason := attr(p.main, "data-reason"); p.shown() == "step/denied" && reason != "expired" {
		m.failures = append(m.failures, m.login+" has to start over: "+reason)
	}
}

// finish goes on to the app, whatever comes between.
func (m *member) finish(p *page) {
	denied := false // so that the next page is the first one, and who is there is counted already
	for range 200 {
		if p == nil {
			m.failed("no answer")
			return
		}
		switch p.shown() {
		case "app":
			m.in.Add(1)
			if err := p.in(m.person); err != nil {
				m.wrong.Add(1)
				m.failed("%v", err)
			}
			return
		case "signin/identify": // the sign-in had begun, and is gone
			if !denied {
				m.startOver(p)
			}
			denied = false
			p = m.send(p, "identify", credentials(m.person))
		case "step/denied":
			m.startOver(p)
			denied = true
			p = m.send(p, "cancel", nil)
		case "step/choose":
			factor := "push"
			if m.byCode {
				factor = "totp"
			}
			p = m.send(p, "answer", map[string]string{"choice": p.choice(factor)})
		case "step/code":
			p = m.send(p, "answer", map[string]string{p.codeField(): m.code()})
		case "step/wait":
			m.turn <- struct{}{}
			m.approve() //nolint:errcheck // it may have been approved
			<-m.turn
			if p.waitFor(m.crowd.w.t.Context()) != nil {
				m.slow.Add(1) // the dead replica has to lose its turn first; the person loads the page again
			}
			p = m.open()
		case "error/stale": // a form was sent twice, of which the first got through
			m.gone.Add(1)
			p = m.open()
		default:
			m.failed("at %s", p)
			return
		}
	}
	m.failed("goes in circles at %s", p)
}

// gather makes people who have an address each, as the gate counts by address too.
func (c *crowd) gather(n int) (people []*member) {
	for n := range n {
		address := netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}).String()
		people = append(people, &member{crowd: c, person: c.w.join(fmt.Sprintf("crowd%04d", n)), b: c.w.browserFrom(mainSite, address),
			path: fmt.Sprintf("/page/%04d", n), byCode: n%4 == 0})
	}
	return people
}

// run signs everybody in; when all sign-ins are in flight, disaster strikes while they go on.
func (c *crowd) run(people []*member, disaster func()) {
	var all sync.WaitGroup
	c.begun.Add(len(people))
	for _, m := range people {
		all.Go(func() {
			p := m.begin()
			if p != nil && !m.byCode && rand.IntN(2) == 0 && p.shown() == "step/choose" {
				p = m.send(p, "answer", map[string]string{"choice": p.choice("push")})
			}
			c.begun.Done()
			<-c.inFlight
			m.finish(p)
		})
	}
	c.begun.Wait()
	if c.in.Load() > 0 {
		c.w.t.Error("somebody is in before the phones were touched")
	}
	close(c.inFlight)
	disaster()
	all.Wait()
}

// rush has a crowd sign in on three replicas that share a Redis which keeps what it has answered. When all are in the middle of
// it and a tenth is in, strike kills what it likes beside Redis, which starts again after 2 s. Everybody gets in, as who they are.
func rush(t *testing.T, strike func(w *world)) *crowd {
	t.Helper()
	w := newRedisWorld(t, setup{org: func(o *oktasim.Config) { o.NoRecord = true }}, durable...)
	c := &crowd{w: w, inFlight: make(chan struct{}), turn: make(chan struct{}, 16)}
	people := c.gather(*crowdSize)
	began := time.Now()
	c.run(people, func() {
		t.Logf("%d sign-ins are in flight after %s", len(people), time.Since(began).Round(time.Millisecond))
		w.eventually("a tenth of them is in", func() bool { return int(c.in.Load()) >= len(people)/10 })
		in := c.in.Load()
		strike(w)
		w.redis.Kill()
		t.Logf("disaster strikes when %d are in", in)
		<-time.After(2 * time.Second)
		t.Logf("Redis starts again when %d are in", c.in.Load())
		w.redis.Start()
	})
	pushes, twice, chose := 0, 0, 0
	for _, m := range people {
		n := m.pushed()
		pushes += n
		if n > 1 {
			twice++
		}
		if !m.byCode {
			chose++
		}
	}
	t.Logf("%d begun, %d in, %d started over, %d wrong, in %s", len(people), c.in.Load(), c.startedOver.Load(), c.wrong.Load(), time.Since(began).Round(time.Millisecond))
	t.Logf("%d chose a push, Okta saw %d, %d people got more than one", chose, pushes, twice)
	t.Logf("%d answers 503 and %d lost connections, tried again; %d forms had got through the first time; %d typed the password again because their first form was lost; %d waited for more than %s",
		c.unavailable.Load(), c.lost.Load(), c.gone.Load(), c.typedAgain.Load(), c.slow.Load(), patience)
	for _, f := range c.failures[:min(len(c.failures), 10)] {
		t.Error(f)
	}
	if int(c.in.Load()) != len(people) || c.wrong.Load() > 0 {
		t.Errorf("%d are in, %d wrong", c.in.Load(), c.wrong.Load())
	}
	c.everyHitIsItsOwn(people)
	return c
}

// Redis is killed and started again with what it had written, while a crowd signs in: nobody has to start over (S48).
func TestCrowdWhileRedisStartsAgain_S48(t *testing.T) {
	c := rush(t, func(*world) {})
	if n := c.startedOver.Load(); n > 0 {
		t.Errorf("%d had to start over", n)
	}
}

// The same, and one replica is killed as well. Who has to start over is whose tokens Okta had given to the replica that died, and
// nobody else: a code is good for tokens once (RFC 6749, 4.1.2).
func TestCrowd_S48(t *testing.T) {
	c := rush(t, func(w *world) { w.all[0].kill() })
	spent := 0
	for _, r := range c.w.all {
		spent += strings.Count(r.log.String(), "token: HTTP 400 invalid_grant")
	}
	if n := int(c.startedOver.Load()); n > spent {
		t.Errorf("%d had to start over, only %d of them because of their tokens", n, spent)
	}
}

// everyHitIsItsOwn checks what the app was told: each page asked for by the person whose it is, and by nobody else.
func (c *crowd) everyHitIsItsOwn(people []*member) {
	owner := map[string]string{}
	for _, m := range people {
		owner[m.path] = m.login
	}
	for _, h := range c.w.app.received() {
		if owner[h.path] != h.user {
			c.w.t.Errorf("%s was asked for by %q", h.path, h.user)
		}
	}
}
