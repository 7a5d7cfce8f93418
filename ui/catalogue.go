package ui

import (
	"fmt"
	"strings"

	"golang.org/x/text/language"
)

// maxAcceptLanguage bounds what is parsed; no browser sends more.
const maxAcceptLanguage = 256

// catalogue holds every text of the pages in one language. A language is added by writing its catalogue
// and naming it in New; a test checks that no text is missing. Texts are plain, never HTML.
type catalogue struct {
	tag language.Tag
	// dir is the writing direction, "ltr" or "rtl".
	dir   string
	texts map[string]string
}

// text returns the text for key with each {name} of pairs (name, value, name, value...) put in, in one
// pass: a value that holds "{name}" itself stays as it is (immunity S43).
func (c *catalogue) text(key string, pairs ...string) (string, error) {
	s, ok := c.texts[key]
	if !ok {
		return "", fmt.Errorf("no text %q in %s", key, c.tag)
	}
	put := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		put = append(put, "{"+pairs[i]+"}", pairs[i+1])
	}
	return strings.NewReplacer(put...).Replace(s), nil
}

// languages picks a catalogue for a browser.
type languages struct {
	catalogues []catalogue
	matcher    language.Matcher
}

// newLanguages takes the fallback first.
func newLanguages(catalogues []catalogue) languages {
	tags := make([]language.Tag, len(catalogues))
	for i, c := range catalogues {
		tags[i] = c.tag
	}
	return languages{catalogues: catalogues, matcher: language.NewMatcher(tags)}
}

// pick returns the best catalogue for an Accept-Language header. Nothing of the header itself ever
// reaches a page: only the tag of a catalogue does (immunity S36).
func (l *languages) pick(acceptLanguage string) *catalogue {
	if len(acceptLanguage) > maxAcceptLanguage {
		return &l.catalogues[0]
	}
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return &l.catalogues[0]
	}
	_, index, _ := l.matcher.Match(wanted...)
	return &l.catalogues[index]
}
