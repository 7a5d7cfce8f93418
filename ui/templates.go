package ui

import (
	"embed"
	"html/template"
	"sync"
)

//go:embed templates/*.html
var templateFiles embed.FS

// bodies are the templates of whole pages, one file each: the top of the layout, what is the page's own, and the bottom.
var bodies = []string{"signin", "choose", "code", "wait", "form", "webauthn", "denied", "error", "mailed", "signout", "signedout", "forbidden", "resume"}

// parsed are all templates, once for all gates: the garbage collector goes through every node of them each time, which costs
// the requests that need no page. None of them interpolates into script, style, an event attribute or a content attribute
// (immunity S37; a test holds it).
var parsed = sync.OnceValues(func() (*template.Template, error) { return template.ParseFS(templateFiles, "templates/*.html") })
