package identityengine

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
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
