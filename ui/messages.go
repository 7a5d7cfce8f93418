package ui

import (
	"strings"

	"sidegate.example/sidegate/flows"
)

// ownKeys are the messages whose words are ours whatever Okta says: wrong user and wrong password must
// read alike.
const ownKeys = "sidegate."

// messages turns Okta's messages into lines, each told once in a page. Keys are never shown: a
// message with neither a text of Okta's nor one of ours is left out (immunity S38).
type messages struct {
	catalogue *catalogue
	told      map[string]bool
}

func (m *messages) split(in []flows.Message) (errs, infos []string) {
	for _, msg := range in {
		line := m.line(msg)
		if line == "" || m.told[line] {
			continue
		}
		if m.told == nil {
			m.told = make(map[string]bool)
		}
		m.told[line] = true
		if msg.Error {
			errs = append(errs, line)
		} else {
			infos = append(infos, line)
		}
	}
	return errs, infos
}

func (m *messages) line(msg flows.Message) string {
	own := m.catalogue.texts["message."+msg.Key]
	if strings.HasPrefix(msg.Key, ownKeys) && own != "" {
		return own
	}
	if text := strings.TrimSpace(msg.Text); text != "" {
		return text
	}
	return own
}
