package ui

// signedIn is a session as the list of ViewSignOut shows it.
type signedIn struct {
	Site, Browser, System, Address, Since string
	This                                  bool
}

// maxSessions bounds the list; people have a handful.
const maxSessions = 20

// sinceForm shows a moment to people of any time zone and language, as a machine can read it too.
const sinceForm = "2006-01-02 15:04 UTC"

func signedIns(all []Session) []signedIn {
	var out []signedIn
	for _, s := range all[:min(len(all), maxSessions)] {
		one := signedIn{Site: s.Site, Address: s.Address, Since: s.Since.UTC().Format(sinceForm), This: s.This}
		one.Browser, one.System = agent(s.Agent)
		out = append(out, one)
	}
	return out
}

// BrowserOf names the browser of a session.
func (m *model) BrowserOf(s signedIn) (string, error) {
	switch {
	case s.Browser == "":
		return m.T("signout.session.unknown")
	case s.System == "":
		return m.T("signout.session.browser", "browser", s.Browser)
	}
	return m.T("signout.session.browser.system", "browser", s.Browser, "system", s.System)
}
