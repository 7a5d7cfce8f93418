package factors

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// judged are the members that decide who is let in, and as whom.
var judged = []string{"factorResult", "factorResultMessage", "factorMessage", "status", "errorCode", "stateToken", "id", "_embedded"}

var errAmbiguous = errors.New("a member of the answer comes twice, or in another case")

// decode is json.Unmarshal for an object that decides: encoding/json takes a name in any case, and of a name that comes twice
// the last, where another reader of the same answer may take the first.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if begin, err := d.Token(); err == nil && begin == json.Delim('{') {
		var seen []string
		for d.More() {
			t, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := t.(string)
			if i := slices.IndexFunc(judged, func(known string) bool { return strings.EqualFold(name, known) }); i >= 0 {
				if name != judged[i] || slices.Contains(seen, name) {
					return errAmbiguous
				}
				seen = append(seen, name)
			}
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				return err
			}
		}
	}
	return json.Unmarshal(body, into)
}
