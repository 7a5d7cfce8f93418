package gateway

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sidegate.example/sidegate/gateway/store"
)

// S76: an admin's code is good for its person, once, for an hour.
func TestEnrollCode_S76(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewState()
		defer s.Close()
		issue := func(user string) string {
			code, err := s.IssueEnrollCode(t.Context(), user)
			if err != nil {
				t.Fatal(err)
			}
			return code
		}
		use := func(name, id, login, code string, want bool) {
			t.Helper()
			if got, err := s.UseEnrollCode(t.Context(), id, login, code); got != want || err != nil {
				t.Errorf("%s: %t, %v", name, got, err)
			}
		}
		code := issue("Bob@Example.com")
		if len(code) != 14 || issue("bob@example.com") == code {
			t.Errorf("the code is %q", code)
		}
		use("another person's", "00u2", "ann@example.com", code, false)
		use("nobody's", "", "", code, false)
		use("a part", "00u1", "bob@example.com", code[:4], false)
		use("empty", "00u1", "bob@example.com", "", false)
		use("typed in his own way", "00u1", "bob@example.com", " "+strings.ToLower(strings.ReplaceAll(code, "-", " ")), true)
		use("a second time", "00u1", "bob@example.com", code, false)
		code = issue("00u1")
		use("by the id", "00u1", "bob@example.com", code, true)
		code = issue("bob@example.com")
		time.Sleep(EnrollCodeLife)
		use("an hour later", "00u1", "bob@example.com", code, false)
	})
}

// S77: a store that does not answer vouches for nobody.
func TestEnrollCodeWhileTheStoreIsDown_S77(t *testing.T) {
	s := NewState()
	defer s.Close()
	code, err := s.IssueEnrollCode(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	s.documents = broken{s.documents}
	if good, err := s.UseEnrollCode(t.Context(), "00u1", "bob", code); good || err == nil {
		t.Errorf("%t, %v", good, err)
	}
	if code, err := s.IssueEnrollCode(t.Context(), "bob"); code != "" || err == nil {
		t.Errorf("a code that is not kept was given out: %v", err)
	}
}

func (broken) Take(context.Context, store.Kind, string) ([]byte, error) {
	return nil, errors.New("connection refused")
}
