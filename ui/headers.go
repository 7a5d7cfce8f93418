package ui

import (
	"net/http"
	"strings"
)

// fixedHeaders are the same on every answer of the gate.
var fixedHeaders = map[string]string{
	// Nothing of the gate may be framed: a framed number challenge could be clicked blind (immunity S42).
	"X-Frame-Options":         "DENY",
	"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":  "nosniff",
	// The origin alone, because the address of a page that a mailed link led to holds a secret (immunity S27). Not
	// no-referrer: under that browsers send "Origin: null" with a form, and the gate could not tell its own forms from
	// foreign ones.
	"Referrer-Policy":              "strict-origin",
	"Cache-Control":                "no-store",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
	"X-Robots-Tag":                 "noindex",
}

// SecurityHeaders sets what every answer of the gate carries, whatever it is. Its content security
// policy allows nothing at all; Write replaces it for pages, ServeAsset replaces Cache-Control.
func SecurityHeaders(h http.Header) {
	for name, value := range fixedHeaders {
		h.Set(name, value)
	}
}

// nonceHere stands for the nonce in pagePolicy.
const nonceHere = "{nonce}"

// pagePolicy is the content security policy of pages. Browsers hold what a form's answer redirects to against form-action too.
func pagePolicy(sites []string) string {
	forms := strings.Join(append([]string{"'self'"}, sites...), " ")
	return "default-src 'none'; script-src 'nonce-" + nonceHere + "'; style-src 'nonce-" + nonceHere + "'; " +
		"img-src 'self' data:; connect-src 'self'; form-action " + forms + "; base-uri 'none'; frame-ancestors 'none'"
}
