package ui

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast: every pair of design tokens that is used together is legible to WCAG 2.2 AA, in light and in
// dark: 4.5 for text, 3 for the edges of controls and the focus ring.
func TestContrast(t *testing.T) {
	css, err := assetFiles.ReadFile("assets/gate.css")
	if err != nil {
		t.Fatal(err)
	}
	light, rest, ok := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	dark, _, ok2 := strings.Cut(rest, "}")
	if !ok || !ok2 {
		t.Fatal("no dark tokens")
	}
	pairs := []struct {
		front, back string
		least       float64
	}{
		{"text", "bg", 4.5}, {"muted", "bg", 4.5}, {"accent", "bg", 3},
		{"text", "surface", 4.5}, {"muted", "surface", 4.5}, {"accent", "surface", 4.5}, {"danger", "surface", 4.5},
		{"text", "tint", 4.5}, {"muted", "tint", 4.5}, {"accent", "tint", 4.5},
		{"danger", "danger-tint", 4.5}, {"good", "good-tint", 3},
		{"on-accent", "accent", 4.5}, {"on-accent", "accent-strong", 4.5},
		{"control-line", "surface", 3}, {"focus", "surface", 3}, {"focus", "bg", 3},
	}
	for scheme, block := range map[string]string{"light": light, "dark": dark} {
		tokens := colours(t, block)
		for _, p := range pairs {
			if got := contrast(t, tokens, p.front, p.back); got < p.least {
				t.Errorf("%s: --%s on --%s is %.2f, want %.1f", scheme, p.front, p.back, got, p.least)
			}
		}
	}
}

// TestContrastFormula checks the yardstick itself against the ends that WCAG names.
func TestContrastFormula(t *testing.T) {
	tokens := map[string]float64{"black": luminance(t, "000000"), "white": luminance(t, "ffffff")}
	if got := contrast(t, tokens, "black", "white"); math.Abs(got-21) > 0.01 {
		t.Errorf("black on white is %.2f, want 21", got)
	}
}

var token = regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`)

func colours(t *testing.T, block string) map[string]float64 {
	out := make(map[string]float64)
	for _, m := range token.FindAllStringSubmatch(block, -1) {
		out[m[1]] = luminance(t, m[2])
	}
	return out
}

func contrast(t *testing.T, tokens map[string]float64, front, back string) float64 {
	t.Helper()
	a, ok := tokens[front]
	b, ok2 := tokens[back]
	if !ok || !ok2 {
		t.Fatalf("no token --%s or --%s", front, back)
	}
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(shift uint) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}
