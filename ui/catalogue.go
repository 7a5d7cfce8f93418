package ui

import (
	"fmt"
	"strings"

	"golang.org/x/text/language"
)

// maxAcceptLanguage bounds what is parsed; no browser sends more.
const maxAcceptLanguage = 256

// catalogue holds every text of the pages in one language. A language is added by writing its catalogue
// and naming it in New, which refuses one that lacks a text. Texts are plain, never HTML.
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
	if len(pairs) == 0 { // most texts; a Replacer of nothing costs as much as one of something
		return s, nil
	}
	put := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		put = append(put, "{"+pairs[i]+"}", strings.Map(noDirection, pairs[i+1]))
	}
	return strings.NewReplacer(put...).Replace(s), nil
}

// noDirection drops the controls with which a value could turn round the sentence that it is put in.
func noDirection(r rune) rune {
	if r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
		return -1
	}
	return r
}

// languages picks a catalogue for a browser.
type languages struct {
	catalogues []catalogue
	matcher    language.Matcher
}

// newLanguages takes the fallback first; every other catalogue must have all its texts.
func newLanguages(catalogues []catalogue) (languages, error) {
	tags := make([]language.Tag, len(catalogues))
	for i, c := range catalogues {
		tags[i] = c.tag
		for key := range catalogues[0].texts {
			if c.texts[key] == "" {
				return languages{}, fmt.Errorf("language %s lacks the text %q", c.tag, key)
			}
		}
	}
	return languages{catalogues: catalogues, matcher: language.NewMatcher(tags)}, nil
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
