package oktasim

import "net/http"

// AddUser adds a user. One with the same login is replaced, and with it all that was set up and sent.
func (o *Org) AddUser(u User) error {
	if err := u.validate(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	login := normalLogin(u.Login)
	if o.users[login] == nil {
		o.logins = append(o.logins, u.Login)
	}
	o.users[login] = newAccount(u)
	return nil
}

func (o *Org) simAddUser(w http.ResponseWriter, r *http.Request) {
	var u User
	if !readJSON(w, r, &u) {
		return
	}
	if err := o.AddUser(u); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	done(w, nil)
}
