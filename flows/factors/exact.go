package factors

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// judged are the members that decide who is let in, and as whom, wherever they stand.
var judged = []string{"factorResult", "factorResultMessage", "factorMessage", "status", "errorCode", "stateToken", "id", "_embedded", "user", "correctAnswer"}

var errAmbiguous = errors.New("a member of the answer comes twice, or in another case")

// decode is json.Unmarshal for an object that decides: encoding/json takes a name in any case, and of a name that comes twice
// the last, where another reader of the same answer may take the first.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if err := exact(d); errors.Is(err, errAmbiguous) {
		return err
	}
	return json.Unmarshal(body, into) // which says what else is wrong
}

// exact reads one value, and looks at what it holds. Profiles are left out: their members are named by the org.
func exact(d *json.Decoder) error {
	begin, err := d.Token()
	if err != nil {
		return err
	}
	var seen []string
	for (begin == json.Delim('{') || begin == json.Delim('[')) && d.More() {
		if begin == json.Delim('[') {
			if err := exact(d); err != nil {
				return err
			}
			continue
		}
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
		if name == "profile" {
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				return err
			}
			continue
		}
		if err := exact(d); err != nil {
			return err
		}
	}
	if begin == json.Delim('{') || begin == json.Delim('[') {
		if _, err := d.Token(); err != nil {
			return err
		}
	}
	return nil
}
