package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"sidegate.example/sidegate/gateway/identity"
)

// formatVersion is the first byte of every cookie. A cookie of another version is invalid, which costs
// its owner one sign-in (immunity S57): raise it when the layout below changes.
const formatVersion = 1

// Flags of the layout: the login is not written when it repeats another field; claims and the family are, where there are any.
const (
	loginIsEmail = 1 << iota
	loginIsSubject
	hasClaims
	isElsewhere
	hasFamily

	loginFlag = loginIsEmail | loginIsSubject
)

var errFormat = errors.New("not a session of this version")

// appendClaims appends the binary form of c to b: version, flags, id, IssuedAt (Unix seconds), the other times
// as differences to it, strings and lists with their length in front, factors as their place in
// identity.All.
func appendClaims(b []byte, c *Claims) ([]byte, error) {
	who := &c.Identity
	if who.Subject == "" {
		return nil, errors.New("the identity has no subject")
	}
	flags := loginFlags(who)
	groups, claims := who.Groups, who.Claims
	if c.Elsewhere != (Digest{}) {
		flags |= isElsewhere
		groups, claims = nil, nil
	}
	if len(claims) > 0 {
		flags |= hasClaims
	}
	if c.Family != (ID{}) {
		flags |= hasFamily
	}
	issued := c.IssuedAt.Unix()
	b = append(b, formatVersion, flags)
	b = append(b, c.ID[:]...)
	b = binary.AppendVarint(b, issued)
	b = binary.AppendVarint(b, c.SeenAt.Unix()-issued)
	b = binary.AppendVarint(b, c.ExpiresAt.Unix()-issued)
	b = appendString(b, who.Subject)
	b = appendString(b, who.Email)
	if flags&loginFlag == 0 {
		b = appendString(b, who.Login)
	}
	b = appendString(b, who.Name)
	b = appendStrings(b, groups)
	b = binary.AppendUvarint(b, uint64(len(who.Proofs)))
	for _, p := range who.Proofs {
		n := slices.Index(factors, p.Factor)
		if n < 0 {
			return nil, fmt.Errorf("the factor %q has no number", p.Factor)
		}
		b = binary.AppendUvarint(b, uint64(n))
		b = binary.AppendVarint(b, p.At.Unix()-issued)
	}
	if flags&hasClaims != 0 {
		b = binary.AppendUvarint(b, uint64(len(claims)))
		for _, c := range claims {
			b = appendStrings(appendString(b, c.Name), c.Values)
		}
	}
	if flags&isElsewhere != 0 {
		b = append(b, c.Elsewhere[:]...)
	}
	if flags&hasFamily != 0 {
		b = append(b, c.Family[:]...)
	}
	return b, nil
}

// factors numbers the factors; computed once because identity.All allocates.
var factors = identity.All()

func loginFlags(who *identity.Identity) byte {
	switch who.Login {
	case who.Email:
		return loginIsEmail
	case who.Subject:
		return loginIsSubject
	}
	return 0
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

// parseClaims reads into the zero c what appendClaims wrote and nothing else: anything left over, cut short or unknown
// is an error, and no length in b is believed before it has been compared with what is there.
func parseClaims(payload string, c *Claims) error {
	r := reader{rest: payload} // which all strings share
	version, flags := r.byte(), r.byte()
	if version != formatVersion || flags > loginIsSubject|hasClaims|isElsewhere|hasFamily || flags&loginFlag == loginFlag {
		return errFormat
	}
	copy(c.ID[:], r.take(uint64(len(c.ID))))
	issued := r.varint()
	c.IssuedAt, c.SeenAt, c.ExpiresAt = at(issued), at(issued+r.varint()), at(issued+r.varint())
	who := &c.Identity
	who.Subject = r.string()
	who.Email = r.string()
	switch flags & loginFlag {
	case loginIsEmail:
		who.Login = who.Email
	case loginIsSubject:
		who.Login = who.Subject
	default:
		who.Login = r.string()
	}
	who.Name = r.string()
	who.Groups = r.strings()
	who.Proofs = r.proofs(issued)
	if flags&hasClaims != 0 {
		who.Claims = r.claims()
	}
	if flags&isElsewhere != 0 {
		copy(c.Elsewhere[:], r.take(uint64(len(c.Elsewhere))))
		r.broken = r.broken || c.Elsewhere == Digest{} || who.Groups != nil || who.Claims != nil
	}
	if flags&hasFamily != 0 {
		copy(c.Family[:], r.take(uint64(len(c.Family))))
	}
	if r.broken || r.rest != "" || who.Subject == "" {
		return errFormat
	}
	return nil
}

func at(unix int64) time.Time { return time.Unix(unix, 0).UTC() }

// reader takes fields off the front of rest. After the first field that is not there it is broken and
// yields zero values only.
type reader struct {
	rest   string
	broken bool
}

func (r *reader) take(n uint64) string {
	if n > uint64(len(r.rest)) {
		r.broken, r.rest = true, ""
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reader) byte() byte {
	if s := r.take(1); s != "" {
		return s[0]
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	var x uint64
	for shift := 0; shift < 64; shift += 7 {
		c := r.byte()
		x |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return x
		}
	}
	r.broken, r.rest = true, ""
	return 0
}

func (r *reader) varint() int64 {
	x := r.uvarint()
	return int64(x>>1) ^ -int64(x&1)
}

func (r *reader) string() string { return r.take(r.uvarint()) }

// count reads the length of a list; each element takes one byte at least, so a longer list is a lie.
func (r *reader) count() uint64 {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.broken, r.rest = true, ""
		return 0
	}
	return n
}

func (r *reader) strings() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.string()
	}
	return list
}

func (r *reader) claims() []identity.Claim {
	n := r.count()
	if n == 0 {
		r.broken, r.rest = true, "" // the flag says that there are some
		return nil
	}
	list := make([]identity.Claim, n)
	for i := range list {
		list[i] = identity.Claim{Name: r.string(), Values: r.strings()}
	}
	return list
}

func (r *reader) proofs(issued int64) []identity.Proof {
	n := r.count()
	if n == 0 {
		return nil
	}
	proofs := make([]identity.Proof, n)
	for i := range proofs {
		f := r.uvarint()
		if f >= uint64(len(factors)) {
			r.broken, r.rest = true, ""
			return nil
		}
		proofs[i] = identity.Proof{Factor: factors[f], At: at(issued + r.varint())}
	}
	return proofs
}
