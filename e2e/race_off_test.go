//go:build !race

package e2e

// buildArgs build the demo as this test was built.
var buildArgs []string
