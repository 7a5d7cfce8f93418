package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/identity"
	"sidegate.example/sidegate/gateway/store/redisstore"
)

const (
	metricsNamespace = "caddy"
	metricsSubsystem = "okta_mfa"
	otherLabel       = "other"
)

// collectors count what the gates of this process do. There is one set per process, registered anew
// in the registry of every configuration: collectors made per configuration would start at 0 on each
// reload, and a second handler could not register its own (caddy-notes §8). No label ever holds a user, an
// address, a path or a host.
type collectors struct {
	decisions    *prometheus.CounterVec
	signIns      *prometheus.CounterVec
	challenges   *prometheus.CounterVec
	challengeFor *prometheus.HistogramVec
	requests     *prometheus.CounterVec
	requestFor   *prometheus.HistogramVec
	rateLimited  *prometheus.CounterVec
	pending      prometheus.Gauge
	streams      prometheus.Gauge
	storeErrors  *prometheus.CounterVec
	// allowed is the one of decisions that every authenticated request counts: found once.
	allowed prometheus.Counter
}

// metrics is the one set of this process.
var metrics = newCollectors()

func newCollectors() *collectors {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: metricsNamespace, Subsystem: metricsSubsystem, Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: metricsNamespace, Subsystem: metricsSubsystem, Name: name, Help: help, Buckets: buckets}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: metricsNamespace, Subsystem: metricsSubsystem, Name: name, Help: help})
	}
	c := &collectors{
		decisions:  counter("decisions_total", "Requests by what the gate decided.", "decision"),
		signIns:    counter("sign_ins_total", "Sign-ins that ended, by result.", "result"),
		challenges: counter("challenges_total", "Factors that were answered, by result.", "factor", "result"),
		challengeFor: histogram("challenge_duration_seconds", "Time from asking for a factor to its acceptance.",
			[]float64{1, 2, 5, 10, 20, 30, 60, 120, 300}, "factor"),
		requests: counter("okta_requests_total", "Requests to Okta, by endpoint and status code; status error means no answer.", "endpoint", "status"),
		requestFor: histogram("okta_request_duration_seconds", "Time that Okta took to answer.",
			[]float64{.05, .1, .2, .3, .5, .75, 1, 2, 5, 10}, "endpoint"),
		rateLimited: counter("okta_rate_limited_total", "Requests that Okta refused because of its rate limit.", "endpoint"),
		pending:     gauge("pending_transactions", "Sign-ins in progress."),
		streams:     gauge("open_streams", "Event streams of waiting browsers."),
		storeErrors: counter("store_errors_total", "What the shared store failed to do, by operation.", "operation"),
	}
	c.allowed = c.decisions.WithLabelValues(string(gateway.DecisionAllowed))
	return c
}

// register adds the collectors to the registry of one configuration. Several handlers share a
// registry, so all but the first find them there.
func (c *collectors) register(to prometheus.Registerer) error {
	for _, collector := range []prometheus.Collector{
		c.decisions, c.signIns, c.challenges, c.challengeFor,
		c.requests, c.requestFor, c.rateLimited, c.pending, c.streams, c.storeErrors,
	} {
		err := to.Register(collector)
		if _, known := errors.AsType[prometheus.AlreadyRegisteredError](err); err != nil && !known {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

// The closed label sets; anything else counts as other.
var (
	decisions = []gateway.Decision{gateway.DecisionAllowed, gateway.DecisionChallenged,
		gateway.DecisionForbidden, gateway.DecisionOwn, gateway.DecisionFailed}
	signInResults = []string{"success", "abandoned",
		string(flows.DeniedOnPhone), string(flows.DeniedTimeout), string(flows.DeniedExpired),
		string(flows.DeniedLocked), string(flows.DeniedPolicy), string(flows.DeniedNoFactor),
		string(flows.DeniedUnsupported), string(flows.DeniedUpdateApp), string(flows.DeniedEnrollment),
		string(flows.DeniedElsewhere), string(flows.DeniedRestored), string(flows.DeniedUnavailable), string(flows.DeniedTooMany), string(flows.DeniedStepUp),
		string(flows.ReasonExpired), string(flows.ReasonRateLimited), string(flows.ReasonUnavailable),
		string(flows.ReasonMalformed), string(flows.ReasonMisconfigured), string(flows.ReasonBadAnswer)}
	challengeResults = []string{challengeAccepted, "rejected", "timeout"}
	allFactors       = identity.All()
)

const challengeAccepted = "accepted"

func label[T ~string](v T, allowed []T) string {
	if slices.Contains(allowed, v) {
		return string(v)
	}
	return otherLabel
}

// Decision counts one request.
func (c *collectors) Decision(d gateway.Decision) {
	if d == gateway.DecisionAllowed {
		c.allowed.Inc()
		return
	}
	c.decisions.WithLabelValues(label(d, decisions)).Inc()
}

// SignIn counts one sign-in that ended.
func (c *collectors) SignIn(result string) {
	c.signIns.WithLabelValues(label(result, signInResults)).Inc()
}

// Challenge counts one factor that was answered. Only acceptances are timed: how long a rejection or a
// timeout took says nothing about people.
func (c *collectors) Challenge(f identity.Factor, result string, took time.Duration) {
	factor := label(f, allFactors)
	c.challenges.WithLabelValues(factor, label(result, challengeResults)).Inc()
	if result == challengeAccepted {
		c.challengeFor.WithLabelValues(factor).Observe(took.Seconds())
	}
}

// Pending counts sign-ins in progress.
func (c *collectors) Pending(delta int) { c.pending.Add(float64(delta)) }

// Streams counts event streams.
func (c *collectors) Streams(delta int) { c.streams.Add(float64(delta)) }

// storeError counts what the store failed to do. operation is from a closed set of package redisstore.
func (c *collectors) storeError(operation string, _ error) {
	c.storeErrors.WithLabelValues(label(operation, redisstore.Operations())).Inc()
}

// oktaRequest counts one request to Okta. endpoint is from the closed set of package okta; status is 0 when no
// answer came.
func (c *collectors) oktaRequest(endpoint string, status int, took time.Duration) {
	c.requests.WithLabelValues(endpoint, statusLabel(status)).Inc()
	c.requestFor.WithLabelValues(endpoint).Observe(took.Seconds())
	if status == http.StatusTooManyRequests {
		c.rateLimited.WithLabelValues(endpoint).Inc()
	}
}

// statusLabel keeps status codes that net/http knows and folds what a broken server makes up.
func statusLabel(status int) string {
	switch {
	case status == 0:
		return "error"
	case http.StatusText(status) == "":
		return otherLabel
	}
	return strconv.Itoa(status)
}

var _ gateway.Observer = (*collectors)(nil)
