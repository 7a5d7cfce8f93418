package oktasim

import (
	"errors"
	"net/http"
	"net/url"
)

// inboxRoutes are the inboxes of the users, and what following a mailed link shows: a page with a button, because
// programs that look at mail follow links too.
func (o *Org) inboxRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /inbox/{login}", func(w http.ResponseWriter, r *http.Request) {
		v, ok := o.view(r.PathValue("login"))
		if !ok {
			http.Error(w, "There is no such user.", http.StatusNotFound)
			return
		}
		v.Inbox = o.Inbox(r.PathValue("login"))
		render(w, "inbox.html", v)
	})
	mux.HandleFunc("GET /inbox/link/{token}", func(w http.ResponseWriter, r *http.Request) {
		render(w, "link.html", linkView{Token: r.PathValue("token")})
	})
	mux.HandleFunc("POST /inbox/link/{token}", func(w http.ResponseWriter, r *http.Request) {
		err := o.OpenLink(r.PathValue("token"))
		if err != nil {
			w.WriteHeader(http.StatusGone)
		}
		render(w, "link.html", linkView{Token: r.PathValue("token"), Done: err == nil, Failed: err != nil})
	})
	return mux
}

type linkView struct {
	Token        string
	Done, Failed bool
}

// phoneScan is the phone's camera: it reads what is pasted, or what the screen shows.
func (o *Org) phoneScan(w http.ResponseWriter, r *http.Request) {
	login, content := r.PathValue("login"), r.PostFormValue("content")
	if content == "" {
		content = o.PendingQR(login)
	}
	if err := o.ScanQR(login, content); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	http.Redirect(w, r, "/phone/"+url.PathEscape(login), http.StatusSeeOther)
}

// simInbox, simScan and simLink are the control port's twins of these pages.
func (o *Org) simInbox(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, append([]Mail{}, o.Inbox(r.URL.Query().Get("login"))...))
}

func (o *Org) simScan(w http.ResponseWriter, r *http.Request) {
	var in struct{ Login, Content string }
	if readJSON(w, r, &in) {
		linkDone(w, o.ScanQR(in.Login, in.Content))
	}
}

func (o *Org) simLink(w http.ResponseWriter, r *http.Request) {
	var in struct{ Link string }
	if readJSON(w, r, &in) {
		linkDone(w, o.OpenLink(in.Link))
	}
}

func linkDone(w http.ResponseWriter, err error) {
	if errors.Is(err, ErrNoLink) || errors.Is(err, ErrOtherPhone) {
		http.Error(w, err.Error(), http.StatusGone)
		return
	}
	done(w, err)
}

// simCodes are the codes that a user's apps and tokens show now.
func (o *Org) simCodes(w http.ResponseWriter, r *http.Request) {
	login := r.URL.Query().Get("login")
	writeJSON(w, map[string]string{"totp": o.TOTP(login), "google": o.GoogleCode(login), "token": o.HardwareCode(login), "yubikey": o.YubiKeyCode(login)})
}

// simWelcome mails a link of the org's own accord.
func simWelcome(send func(login string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Login string }
		if !readJSON(w, r, &in) {
			return
		}
		if err := send(in.Login); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		done(w, nil)
	}
}

// simPerson is what a user has set up, and whether the newest sign-in asked to be remembered.
func (o *Org) simPerson(w http.ResponseWriter, r *http.Request) {
	login := r.URL.Query().Get("login")
	writeJSON(w, map[string]any{"authenticators": append([]string{}, o.Authenticators(login)...), "remembered": o.Remembered(login)})
}
