package identityengine

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"sidegate.example/sidegate/flows"
	"sidegate.example/sidegate/gateway/identity"
)

// Nearly all polls of a person who waits bring the document that the State was made of, and reading it again gives the
// same State and Step. With thousands waiting, the garbage of that reading is what costs: so such an answer is known
// by its fingerprint and not decoded, and of the State only what the Step shows.

// unchanged stands for a document whose fingerprint is known.
var unchanged = new(document)

// printSize in bytes is enough against chance; an Okta that wants to mislead us needs no collision.
const printSize = 12

var expiresAt = []byte(`"expiresAt":`)

// fingerprint identifies an answer but for the time of its first expiresAt, which moves with every poll and which
// nothing here reads. In JSON these bytes are the end of a member's name wherever they stand, since a quote inside a
// string is escaped.
func fingerprint(body []byte) string {
	before, after, found := bytes.Cut(body, expiresAt)
	h := sha256.New()
	h.Write(before)
	if found {
		h.Write(expiresAt)
		h.Write(bytes.TrimLeft(after, ` "0123456789-T:.+Z`))
	}
	var sum [sha256.Size]byte
	return base64.RawURLEncoding.EncodeToString(h.Sum(sum[:0])[:printSize])
}

// outline reads what a poll without news needs of the State of a waiting person: no calls but the next one, and of the
// choices only that they are there. It is nil for any other State, of which all is needed.
func outline(b flows.State) *state {
	var o struct {
		state
		// These stand before the fields of the same name in state.
		Main *struct {
			Path   string          `json:"p"`
			Body   json.RawMessage `json:"b"`
			Handle string          `json:"h"`
		} `json:"m"`
		Resend  *struct{} `json:"e"`
		Factors []struct {
			Factor identity.Factor `json:"f"`
		} `json:"f"`
	}
	if json.Unmarshal(b, &o) != nil || o.Version != stateVersion || o.Want != wantPhone || o.Main == nil {
		return nil
	}
	if o.Seen == "" || o.Misses > 0 { // what was missed is to be forgotten
		return nil
	}
	s := &o.state
	s.Main = &move{Path: o.Main.Path, Handle: o.Main.Handle}
	if len(o.Main.Body) > 0 {
		body, err := parseJSON(o.Main.Body)
		if err != nil {
			return nil
		}
		s.Main.Body, _ = body.object()
	}
	if o.Resend != nil {
		s.Resend = &move{}
	}
	for _, f := range o.Factors {
		s.Factors = append(s.Factors, factorChoice{Factor: f.Factor})
	}
	return s
}
