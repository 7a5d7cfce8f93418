package ui

import (
	"maps"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

func arabic() catalogue {
	texts := maps.Clone(english.texts)
	texts["signedout.title"] = "تم تسجيل الخروج"
	return catalogue{tag: language.Arabic, dir: "rtl", texts: texts}
}

// TestS36AcceptLanguage: the header chooses among our languages and never reaches the page.
func TestS36AcceptLanguage(t *testing.T) {
	p, err := newPages(Options{Prefix: "/_mfa"}, english, arabic())
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"": "en", "en-GB,en;q=0.9": "en", "de-CH": "en", "*": "en",
		"ar-EG,ar;q=0.9,en;q=0.5":                "ar",
		"en;q=0.1, ar;q=0.9":                     "ar",
		`"><script>`:                             "en",
		`ar"><script>alert(1)</script>`:          "en",
		"ar\" onload=alert(1)":                   "en",
		"{env.LANG}":                             "en",
		"ar," + strings.Repeat("x-", 1<<15):      "en",
		"ar;q=0.5," + strings.Repeat("a-b,", 40): "en",
	} {
		w := write(t, p, Page{View: ViewSignedOut, Lang: header})
		root := w.all("html")[0]
		dir := map[string]string{"en": "ltr", "ar": "rtl"}[want]
		if attr(root, "lang") != want || attr(root, "dir") != dir {
			t.Errorf("%.40q: lang %q dir %q, want %q", header, attr(root, "lang"), attr(root, "dir"), want)
		}
		if strings.Contains(w.body, "onload") || strings.Contains(w.body, "alert(1)") || strings.Contains(w.body, "{env") {
			t.Errorf("%.40q reached the page", header)
		}
	}
}

func TestIncompleteLanguageIsRefused(t *testing.T) {
	ar := arabic()
	delete(ar.texts, "wait.title")
	if _, err := newPages(Options{Prefix: "/_mfa"}, english, ar); err == nil || !strings.Contains(err.Error(), "wait.title") {
		t.Errorf("error %v does not name the missing text", err)
	}
}

// TestDirectionControls: a device name cannot turn round the sentence that names it.
func TestDirectionControls(t *testing.T) {
	got, err := english.text("wait.lead.device", "device", "Pix\u202eel\u2067 7")
	if err != nil || got != "We sent a push to Pixel 7. Open it and choose Yes." {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzPick(f *testing.F) {
	for _, s := range []string{"", "ar", "en-GB,en;q=0.9", `"><script>`, "*;q=0", "x-a-b", "\xff"} {
		f.Add(s)
	}
	l, err := newLanguages([]catalogue{english, arabic()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if c := l.pick(header); c != &l.catalogues[0] && c != &l.catalogues[1] {
			t.Errorf("%q picked something else", header)
		}
	})
}
