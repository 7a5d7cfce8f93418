package ui

import (
	"embed"
	"html/template"
)

//go:embed templates/*.html
var templateFiles embed.FS

// bodies are the templates that fill the layout, one file each.
var bodies = []string{"signin", "choose", "code", "wait", "form", "webauthn", "denied", "error", "mailed", "signout", "signedout", "forbidden", "resume"}

// parseTemplates makes one set per body, each with the layout and the shared parts. None of them
// interpolates into script, style, an event attribute or a content attribute (immunity S37; a test holds it).
func parseTemplates() (map[string]*template.Template, error) {
	shared, err := template.ParseFS(templateFiles, "templates/layout.html", "templates/parts.html", "templates/icons.html")
	if err != nil {
		return nil, err
	}
	sets := make(map[string]*template.Template, len(bodies))
	for _, name := range bodies {
		set, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		if sets[name], err = set.ParseFS(templateFiles, "templates/"+name+".html"); err != nil {
			return nil, err
		}
	}
	return sets, nil
}
