// Package e2e drives the demo (cmd/demo) with a real Chromium: what the pages say, what the upstream received
// and what the phone showed. It holds tests only. Screenshots of each run are in e2e/screenshots.
package e2e
