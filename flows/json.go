package flows

import (
	"encoding/json"
	"errors"
	"fmt"
)

// The JSON here is how replicas hand a sign-in in progress to each other: what comes back is what went in.

// stepJSON is Step without its methods, so that encoding it does not end up here again.
type stepJSON Step

// MarshalJSON writes everything; of Cause its text.
func (s Step) MarshalJSON() ([]byte, error) {
	out := struct {
		stepJSON
		Cause string `json:",omitempty"`
	}{stepJSON: stepJSON(s)}
	if s.Cause != nil {
		out.Cause = s.Cause.Error()
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote. Cause is an error with the same text.
func (s *Step) UnmarshalJSON(b []byte) error {
	var in struct {
		stepJSON
		Cause string
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*s = Step(in.stepJSON)
	if in.Cause != "" {
		s.Cause = errors.New(in.Cause)
	}
	return nil
}

// clientJSON are the arguments of NewClientContext.
type clientJSON struct{ Addr, UserAgent, AcceptLanguage, DeviceToken string }

// MarshalJSON writes c; null for the zero value.
func (c ClientContext) MarshalJSON() ([]byte, error) {
	if !c.Valid() {
		return []byte("null"), nil
	}
	return json.Marshal(clientJSON{c.addr.String(), c.UserAgent(), c.AcceptLanguage(), c.deviceToken})
}

// UnmarshalJSON reads what MarshalJSON wrote, and checks it as NewClientContext does.
func (c *ClientContext) UnmarshalJSON(b []byte) error {
	var in *clientJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*c = ClientContext{}
	if in == nil {
		return nil
	}
	var err error
	if *c, err = NewClientContext(in.Addr, in.UserAgent, in.AcceptLanguage, in.DeviceToken); err != nil {
		return fmt.Errorf("reading a client context: %w", err)
	}
	return nil
}
