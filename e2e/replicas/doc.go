// Package replicas holds the tests of several replicas: real Caddy processes that share a real Redis, a simulated org, and
// browsers that meet another replica with each request, as behind a load balancer. It holds tests only. A replica is this
// test's own binary, started again.
package replicas
