package caddymodule

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/identity"
)

func TestMetricsCount(t *testing.T) {
	c, reg := newCollectors(), prometheus.NewPedanticRegistry()
	if err := c.register(reg); err != nil {
		t.Fatal(err)
	}
	c.Decision(gateway.DecisionAllowed)
	c.Decision(gateway.DecisionAllowed)
	c.Decision(gateway.DecisionOwn)
	c.SignIn("success")
	c.SignIn("denied_on_phone")
	c.Challenge(identity.Push, "accepted", 3*time.Second)
	c.Challenge(identity.TOTP, "rejected", time.Second)
	c.oktaRequest("poll", 200, 80*time.Millisecond)
	c.oktaRequest("poll", 429, 10*time.Millisecond)
	c.oktaRequest("token", 0, 5*time.Second)
	c.Pending(2)
	c.Pending(-1)
	c.Streams(1)
	const prefix = "caddy_okta_mfa_"
	want := `challenge_duration_seconds_count{factor="push"} 1
challenge_duration_seconds_sum{factor="push"} 3
challenges_total{factor="push",result="accepted"} 1
challenges_total{factor="totp",result="rejected"} 1
decisions_total{decision="allowed"} 2
decisions_total{decision="own"} 1
okta_rate_limited_total{endpoint="poll"} 1
okta_request_duration_seconds_count{endpoint="poll"} 2
okta_request_duration_seconds_count{endpoint="token"} 1
okta_request_duration_seconds_sum{endpoint="poll"} 0.09
okta_request_duration_seconds_sum{endpoint="token"} 5
okta_requests_total{endpoint="poll",status="200"} 1
okta_requests_total{endpoint="poll",status="429"} 1
okta_requests_total{endpoint="token",status="error"} 1
open_streams 1
pending_transactions 1
sign_ins_total{result="denied_on_phone"} 1
sign_ins_total{result="success"} 1
`
	want = prefix + strings.ReplaceAll(strings.TrimSpace(want), "\n", "\n"+prefix)
	if have := strings.Join(samples(t, reg), "\n"); have != want {
		t.Errorf("samples\n have %s\n want %s", have, want)
	}
}

// samples lists what a scrape sees, sorted, without buckets.
func samples(t *testing.T, reg prometheus.Gatherer) []string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		if f.GetHelp() == "" {
			t.Errorf("%s has no help text", f.GetName())
		}
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	for line := range strings.Lines(text.String()) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, "_bucket{") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestLabelsStayClosed: whatever a caller passes, the number of series is bounded.
func TestLabelsStayClosed(t *testing.T) {
	c := newCollectors()
	for _, wild := range []string{"", "bob@example.com", "203.0.113.7", "/path"} {
		c.Decision(gateway.Decision(wild))
		c.SignIn(wild)
		c.Challenge(identity.Factor(wild), wild, time.Second)
		c.oktaRequest("poll", 799, time.Second)
	}
	reg := prometheus.NewPedanticRegistry()
	if err := c.register(reg); err != nil {
		t.Fatal(err)
	}
	have := strings.Join(samples(t, reg), "\n")
	want := `caddy_okta_mfa_challenges_total{factor="other",result="other"} 4
caddy_okta_mfa_decisions_total{decision="allowed"} 0
caddy_okta_mfa_decisions_total{decision="other"} 4
caddy_okta_mfa_okta_request_duration_seconds_count{endpoint="poll"} 4
caddy_okta_mfa_okta_request_duration_seconds_sum{endpoint="poll"} 4
caddy_okta_mfa_okta_requests_total{endpoint="poll",status="other"} 4
caddy_okta_mfa_open_streams 0
caddy_okta_mfa_pending_transactions 0
caddy_okta_mfa_sign_ins_total{result="other"} 4`
	if have != want {
		t.Errorf("samples\n have %s\n want %s", have, want)
	}
}

// TestTwoHandlersShareOneRegistry: the second registration finds the first one's collectors and goes on
// counting in them.
func TestTwoHandlersShareOneRegistry(t *testing.T) {
	c, reg := newCollectors(), prometheus.NewPedanticRegistry()
	for range 2 {
		if err := c.register(reg); err != nil {
			t.Fatal(err)
		}
	}
	other := newCollectors()
	reg2 := prometheus.NewPedanticRegistry()
	reg2.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "caddy_okta_mfa_open_streams", Help: "Something else."}))
	if err := other.register(reg2); err == nil {
		t.Error("a foreign collector of the same name went unnoticed")
	}
}
