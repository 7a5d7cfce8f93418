package main

import (
	_ "embed"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

//go:embed legacy.html
var legacyPage string

var legacyTemplate = template.Must(template.New("legacy").Parse(legacyPage))

// visitsCookie is a cookie of the legacy app's own, to show that the gate leaves those alone.
const visitsCookie = "legacy_visits"

// legacyApp is an app as there are many: it trusts a request header for who somebody is, has a form,
// and was written before Okta.
func legacyApp() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", showLegacy)
	mux.HandleFunc("POST /", showLegacy)
	return mux
}

type legacyHeader struct{ Name, Value string }

func showLegacy(w http.ResponseWriter, r *http.Request) {
	view := struct {
		User, Name, Request, Note, To, Amount string
		Visits                                int
		Headers                               []legacyHeader
	}{
		User:    r.Header.Get("Remote-User"),
		Name:    r.Header.Get("Remote-Name"),
		Request: r.Method + " " + r.URL.RequestURI(),
		Note:    r.PostFormValue("note"),
		To:      r.PostFormValue("to"),
		Amount:  r.PostFormValue("amount"),
		Visits:  1,
	}
	if c, err := r.Cookie(visitsCookie); err == nil {
		if n, err := strconv.Atoi(c.Value); err == nil {
			view.Visits = n + 1
		}
	}
	view.Headers = append(view.Headers, legacyHeader{"Host", r.Host})
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		view.Headers = append(view.Headers, legacyHeader{name, strings.Join(r.Header[name], "\n")})
	}
	http.SetCookie(w, &http.Cookie{Name: visitsCookie, Value: strconv.Itoa(view.Visits), Path: "/", HttpOnly: true})
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := legacyTemplate.Execute(w, view); err != nil {
		http.Error(w, "the page could not be written", http.StatusInternalServerError)
	}
}
