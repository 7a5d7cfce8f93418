package oktasim

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"
)

//go:embed phone
var phoneFiles embed.FS

var phonePages = template.Must(template.ParseFS(phoneFiles, "phone/*.html"))

// shownPushes is how many past pushes a phone lists.
const shownPushes = 8

// phonePolicy allows the page its own files and nothing else; it may be framed, for the demo.
const phonePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'"

// phoneRoutes is the phones of the org in the browser. Pages work by forms and refresh; a script refreshes
// without reloading.
func (o *Org) phoneRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /phone/{$}", o.phoneList)
	mux.HandleFunc("GET /phone/{login}", o.phoneShow)
	mux.HandleFunc("POST /phone/{login}", o.phoneAnswer)
	mux.HandleFunc("POST /phone/{login}/scan", o.phoneScan)
	mux.HandleFunc("POST /phone/{login}/clear", o.phoneClear)
	for _, name := range []string{"phone.css", "phone.js"} {
		mux.HandleFunc("GET /phone/assets/"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Content-Type-Options", "nosniff")
			http.ServeFileFS(w, r, phoneFiles, "phone/"+name)
		})
	}
	return mux
}

func render(w http.ResponseWriter, page string, data any) {
	var b bytes.Buffer
	if err := phonePages.ExecuteTemplate(&b, page, data); err != nil {
		http.Error(w, "the page failed: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", phonePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	_, _ = b.WriteTo(w) // a browser that left is its own loss
}

// phoneListing is one line of the list of phones.
type phoneListing struct {
	User
	Pending int
}

// phoneDirectory is the list of phones.
type phoneDirectory struct {
	Phones []phoneListing
	// Logout: an app of the org has Universal Logout.
	Logout bool
}

func (o *Org) phoneList(w http.ResponseWriter, _ *http.Request) {
	list := phoneDirectory{Logout: slices.ContainsFunc(o.cfg.Load().Clients, func(c Client) bool { return c.GlobalTokenRevocation != "" })}
	o.mu.Lock()
	now := o.now()
	for _, login := range o.logins {
		a := o.users[normalLogin(login)]
		l := phoneListing{User: a.User}
		for _, p := range a.latest(shownPushes) {
			p.settle(now)
			if p.State == pushPending {
				l.Pending++
			}
		}
		list.Phones = append(list.Phones, l)
	}
	o.mu.Unlock()
	render(w, "list.html", list)
}

// phoneView is what the phone of one person shows.
type phoneView struct {
	User        User
	Code        string // current one-time code, "" without that method
	SecondsLeft int64
	Clock       string
	Cards       []pushCard // pending, newest first
	History     []pushCard
	// Google and Token are the codes of other apps and tokens; "" without them.
	Google, Token string
	Inbox         []Mail
}

// Credential is printed on the Symantec VIP token.
func (v phoneView) Credential() string { return SymantecCredential }

// Newest is the inbox, newest first.
func (v phoneView) Newest() []Mail {
	out := slices.Clone(v.Inbox)
	slices.Reverse(out)
	return out
}

// pushCard is a push in the words of the page.
type pushCard struct {
	Push
	Browser string
	At      string
}

func (a *account) latest(n int) []*push { return a.pushes[max(0, len(a.pushes)-n):] }

func (o *Org) view(login string) (phoneView, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.users[normalLogin(login)]
	if a == nil {
		return phoneView{}, false
	}
	now := o.now()
	v := phoneView{User: a.User, Clock: now.Format("15:04")}
	if slices.Contains(a.Methods, methodTOTP) {
		v.Code = totpCode(a.totpKey, totpStep(now))
		period := int64(totpPeriod / time.Second)
		v.SecondsLeft = period - now.Unix()%period
	}
	if a.mayHave(keyGoogle) || a.settingUp(keyGoogle) {
		v.Google = totpCode(a.googleKey, max(totpStep(now), a.lastGoogle+1))
	}
	if slices.ContainsFunc(tokens, a.mayHave) {
		v.Token = tokenCode(a.lastToken + 1)
	}
	recent := a.latest(shownPushes)
	for i := len(recent) - 1; i >= 0; i-- {
		p := recent[i]
		p.settle(now)
		card := pushCard{Push: p.Push, Browser: agentName(p.UserAgent), At: p.Sent.Format("15:04:05")}
		if p.State == pushPending && !p.ignored {
			v.Cards = append(v.Cards, card)
			continue
		}
		if p.ignored && p.State == pushPending {
			card.State = "ignored"
		}
		v.History = append(v.History, card)
	}
	return v, true
}

func (o *Org) phoneShow(w http.ResponseWriter, r *http.Request) {
	v, ok := o.view(r.PathValue("login"))
	if !ok {
		http.Error(w, "There is no phone of that user.", http.StatusNotFound)
		return
	}
	render(w, "phone.html", v)
}

// phoneAnswer is a press of a button. A push that ended meanwhile is no error: the page shows it.
func (o *Org) phoneAnswer(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	id := r.PostForm.Get("push")
	var err error
	switch {
	case r.PostForm.Has("number"):
		err = o.Tap(id, r.PostForm.Get("number"))
	case r.PostForm.Has("approve"):
		err = o.Approve(id)
	case r.PostForm.Has("deny"):
		err = o.Deny(id)
	case r.PostForm.Has("ignore"):
		err = o.ignore(id)
	default:
		http.Error(w, "The form names no button.", http.StatusBadRequest)
		return
	}
	if err != nil && !errors.Is(err, ErrNotPending) {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/phone/"+url.PathEscape(r.PathValue("login")), http.StatusSeeOther)
}
