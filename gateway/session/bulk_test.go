package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

// crowded is somebody with 500 groups.
func crowded() Claims {
	c := ordinary(time.Now())
	c.Identity.Groups = nil
	for i := range 500 {
		c.Identity.Groups = append(c.Identity.Groups, fmt.Sprintf("CN=app-%03d,OU=Groups,DC=example,DC=com", i))
	}
	c.Identity.Claims = []identity.Claim{{Name: "cost", Values: []string{"42"}}}
	return c
}

// 500 groups make a cookie under 1 KB that opens with all of them, read once, or not at all: never with a part, and never with
// those of another session or another time.
func TestS57FiveHundredGroups(t *testing.T) {
	claims := crowded()
	kept := map[string]*Bulk{}
	reads, broken := 0, error(nil)
	codec := testCodec(t, secretA)
	codec.Elsewhere = func(_ context.Context, handle string) (*Bulk, error) {
		reads++
		if broken != nil {
			return nil, broken
		}
		if b := kept[handle]; b != nil {
			return b, nil
		}
		return nil, ErrInvalid
	}
	if _, err := codec.Seal(t.Context(), testBinding, claims); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("sealed as it is: %v", err)
	}
	bulk := claims.Divert()
	cookie, err := codec.Seal(t.Context(), testBinding, claims)
	if err != nil || len(cookie) > MaxCookie {
		t.Fatalf("%d bytes, %v", len(cookie), err)
	}
	open := func() (*Opened, error) { return codec.Open(t.Context(), testBinding, cookie) }

	whose := &Opened{Claims: Claims{Identity: identity.Identity{Subject: claims.Identity.Subject}}} // and nothing that lets anybody in
	broken = errors.New("no store")
	if opened, err := open(); !errors.Is(err, broken) || opened != nil {
		t.Errorf("the store fails: %+v, %v", opened, err)
	}
	broken = nil
	for name, b := range map[string]*Bulk{
		"gone": nil, "empty": {}, "half": {Groups: bulk.Groups[:250], Claims: bulk.Claims}, "one more": {Groups: append(bulk.Groups[:500:500], "admins"), Claims: bulk.Claims},
		"no claims": {Groups: bulk.Groups},
	} {
		kept[claims.ID.Handle()] = b
		if opened, err := open(); !errors.Is(err, ErrInvalid) || !reflect.DeepEqual(opened, whose) {
			t.Errorf("%s: whose %t, %v", name, reflect.DeepEqual(opened, whose), err)
		}
	}
	kept[claims.ID.Handle()] = bulk
	opened, err := open()
	if err != nil || !reflect.DeepEqual(opened.Identity.Groups, claims.Identity.Groups) || !reflect.DeepEqual(opened.Identity.Claims, claims.Identity.Claims) || opened.Header.Groups == "" {
		t.Fatalf("%v", err)
	}
	before := reads
	for range 10 {
		if _, err := open(); err != nil {
			t.Fatal(err)
		}
	}
	if reads != before {
		t.Errorf("%d reads of a cookie that is known", reads-before)
	}
	next := opened.Claims // a later cookie of the session needs no other document
	next.SeenAt = next.SeenAt.Add(time.Minute)
	if cookie, err = codec.Seal(t.Context(), testBinding, next); err != nil {
		t.Fatal(err)
	}
	if opened, err = open(); err != nil || len(opened.Identity.Groups) != 500 {
		t.Errorf("the next cookie: %v", err)
	}
	codec.cache.bulks.InvalidateAll() // while the cookie is known, and what was made of it
	kept[claims.ID.Handle()] = nil
	if opened, err := open(); !errors.Is(err, ErrInvalid) || !reflect.DeepEqual(opened, whose) {
		t.Errorf("gone later: whose %t, %v", reflect.DeepEqual(opened, whose), err)
	}
	codec = testCodec(t, secretA) // of a build that keeps nothing elsewhere
	if _, err := codec.Open(t.Context(), testBinding, cookie); !errors.Is(err, ErrInvalid) {
		t.Errorf("without a store: %v", err)
	}
}
