// Package ui owns the pages that a person sees at the gate: their templates, texts, style, script and
// the headers that guard them. It renders a flows.Step and knows neither Okta nor the request;
// the gateway decides which page to show and what its forms may do.
//
// Every page works without script, loads nothing from another origin, and holds no inline script or style.
package ui

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Options configure New.
type Options struct {
	// Prefix is the path under which the gate's own routes live, without a trailing slash: "/_mfa".
	Prefix string
	// Sites are the origins that a form may lead to beside its own, where sites share a sign-in.
	Sites []string
}

// Pages renders every page of the gate. It is safe for concurrent use.
type Pages struct {
	prefix    string
	policy    string // of content security, without the nonce
	languages languages
	assets    assets
	templates *template.Template
}

// New parses the templates and names the assets. It fails when Prefix is not an absolute path.
func New(o Options) (*Pages, error) {
	return newPages(o, english)
}

func newPages(o Options, catalogues ...catalogue) (*Pages, error) {
	if len(o.Prefix) < 2 || o.Prefix[0] != '/' || strings.HasSuffix(o.Prefix, "/") || localPath(o.Prefix) != o.Prefix {
		return nil, fmt.Errorf("ui: prefix %q must look like /_mfa", o.Prefix)
	}
	templates, err := parsed()
	if err != nil {
		return nil, fmt.Errorf("ui: parsing templates: %w", err)
	}
	assets, err := loadAssets(o.Prefix)
	if err != nil {
		return nil, fmt.Errorf("ui: loading assets: %w", err)
	}
	languages, err := newLanguages(catalogues)
	if err != nil {
		return nil, fmt.Errorf("ui: %w", err)
	}
	return &Pages{prefix: o.Prefix, policy: pagePolicy(o.Sites), languages: languages, assets: assets, templates: templates}, nil
}

// Write answers with the page and everything that guards it: SecurityHeaders, and a content security policy
// that lets only this page's own style and script in, by a nonce of its own. A page that cannot be rendered
// is answered with a plain 500, never in part.
func (p *Pages) Write(w http.ResponseWriter, status int, page Page) {
	SecurityHeaders(w.Header())
	nonce := rand.Text()
	body, err := p.render(page, nonce)
	if err != nil {
		http.Error(w, "This page cannot be shown.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", strings.ReplaceAll(p.policy, nonceHere, nonce))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the browser has gone: nobody is left to tell
}

func (p *Pages) render(page Page, nonce string) ([]byte, error) {
	m := p.model(page)
	m.Nonce = nonce
	name := m.template()
	if !slices.Contains(bodies, name) {
		return nil, fmt.Errorf("no template for view %q, kind %q", page.View, page.Step.Kind)
	}
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, m); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
