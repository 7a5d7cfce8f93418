package session

import (
	"reflect"
	"slices"
	"testing"
	"testing/quick"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

func mustAppend(t testing.TB, c *Claims) []byte {
	t.Helper()
	b, err := appendClaims(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestClaimsRoundTrip(t *testing.T) {
	type drawn struct {
		ID                    ID
		Issued, Seen, Expires int32
		Subject, Email, Other string
		Name                  string
		SameLogin             uint8
		Groups                []string
		Proofs                []uint16
		Claims                []identity.Claim
		Family                ID
		Alone                 bool
	}
	same := func(d drawn) bool {
		when := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
		c := &Claims{ID: d.ID, IssuedAt: when(int64(d.Issued) << 8), SeenAt: when(int64(d.Seen)), ExpiresAt: when(int64(d.Expires) << 8)}
		c.Identity = identity.Identity{Subject: "s" + d.Subject, Email: d.Email, Name: d.Name}
		c.Identity.Login = []string{d.Email, c.Identity.Subject, d.Other}[d.SameLogin%3]
		c.Identity.Groups = append([]string(nil), d.Groups...) // none is nil, never empty
		for _, claim := range d.Claims {
			c.Identity.Claims = append(c.Identity.Claims, identity.Claim{Name: claim.Name, Values: append([]string(nil), claim.Values...)})
		}
		for _, p := range d.Proofs {
			c.Identity.Proofs = append(c.Identity.Proofs, identity.Proof{Factor: factors[int(p)%len(factors)], At: c.IssuedAt.Add(-time.Duration(p) * time.Second)})
		}
		if !d.Alone {
			c.Family = d.Family
		}
		got, err := parsed(mustAppend(t, c))
		return err == nil && reflect.DeepEqual(got, c)
	}
	if err := quick.Check(same, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
}

// S57: Unix time of 32 bits ends in 2038.
func TestS57TimesAfter2038(t *testing.T) {
	c := ordinary(time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC))
	got, err := parsed(mustAppend(t, &c))
	if err != nil || !reflect.DeepEqual(*got, c) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// S57: a cookie of another build is invalid, not half understood.
func TestS57OtherVersionsAreRefused(t *testing.T) {
	c := ordinary(time.Now())
	b := mustAppend(t, &c)
	for v := range 256 {
		b[0] = byte(v)
		if _, err := parsed(b); (err == nil) != (v == formatVersion) {
			t.Errorf("version %d: %v", v, err)
		}
	}
}

// S57: a cookie without claims is to the byte what a build wrote that knew none, and a flag that no build has is refused.
func TestS57LayoutWithoutClaimsStays(t *testing.T) {
	c := ordinary(time.Now())
	before := mustAppend(t, &c)
	if before[1]&^loginFlag != 0 {
		t.Errorf("flags %b", before[1])
	}
	c.Identity.Claims = []identity.Claim{{Name: "cost", Values: []string{"42"}}}
	after := mustAppend(t, &c)
	if !slices.Equal(after[2:len(before)], before[2:]) || string(after[len(before):]) != "\x01\x04cost\x01\x0242" {
		t.Errorf("claims are not appended: %q", after[len(before):])
	}
	for flags := range 256 {
		before[1] = byte(flags)
		if _, err := parsed(before); (err == nil) != (flags == loginIsEmail || flags == loginIsSubject) {
			t.Errorf("flags %b: %v", flags, err)
		}
	}
	none := append(slices.Clone(before), 0)
	none[1] = loginIsEmail | hasClaims
	if _, err := parsed(none); err == nil {
		t.Error("no claims where the flag says that there are some")
	}
}

func TestFactorOfANewerBuildIsRefused(t *testing.T) {
	c := ordinary(time.Now())
	c.Identity.Proofs = []identity.Proof{{Factor: factors[len(factors)-1], At: c.IssuedAt}}
	b := mustAppend(t, &c)
	if b[len(b)-2] != byte(len(factors)-1) {
		t.Fatal("the factor is not where the test expects it")
	}
	b[len(b)-2]++
	if _, err := parsed(b); err == nil {
		t.Error("a factor without a number was read")
	}
}

func TestClaimsThatMustNotBeWritten(t *testing.T) {
	noSubject, badFactor := ordinary(time.Now()), ordinary(time.Now())
	noSubject.Identity.Subject = ""
	badFactor.Identity.Proofs = []identity.Proof{{Factor: "telepathy"}}
	for name, c := range map[string]Claims{"no subject": noSubject, "factor outside the set": badFactor} {
		if _, err := appendClaims(nil, &c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// S49: every cut and every extra byte is noticed.
func TestS49TruncatedOrLongerClaimsAreRefused(t *testing.T) {
	c := ordinary(time.Now())
	b := mustAppend(t, &c)
	for n := range b {
		if _, err := parsed(b[:n]); err == nil {
			t.Errorf("%d of %d bytes were read as claims", n, len(b))
		}
	}
	if _, err := parsed(append(slices.Clone(b), 0)); err == nil {
		t.Error("a byte too many was overlooked")
	}
}

// A length or count that lies must not make us allocate what it says.
func TestS57LyingCountAllocatesNothing(t *testing.T) {
	b := []byte{formatVersion, loginIsEmail}
	b = append(b, make([]byte, 16+3)...)                                         // id and times
	b = append(b, 1, 's', 0, 0)                                                  // subject, email, name
	b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0) // groups
	allocated := testing.AllocsPerRun(10, func() {
		if _, err := parsed(b); err == nil {
			t.Error("claims with 2^64 groups were read")
		}
	})
	if allocated > 3 {
		t.Errorf("%v allocations", allocated)
	}
}

func FuzzOpenClaims(f *testing.F) {
	c := ordinary(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	f.Add(mustAppend(f, &c))
	c.Identity = identity.Identity{Subject: "00u", Login: "00u"}
	f.Add(mustAppend(f, &c))
	f.Add([]byte{})
	f.Add([]byte{formatVersion, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parsed(b)
		if err != nil {
			if c != nil {
				t.Fatal("a failed parse returned claims")
			}
			return
		}
		again, err := parsed(mustAppend(t, c))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("not the same again: %v\n%+v\n%+v", err, c, again)
		}
	})
}

func parsed(b []byte) (*Claims, error) {
	c := &Claims{}
	if err := parseClaims(string(b), c); err != nil {
		return nil, err
	}
	return c, nil
}
