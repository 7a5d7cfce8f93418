package identity

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold makes spellings of one user name or e-mail address alike (immunity S64): compatible characters, case and outer
// space do not count.
func Fold(s string) string {
	return strings.TrimSpace(norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s))))
}

// EmailDomain is the domain of an address as Fold leaves it. An address that two readers could take for one of different
// domains has none: with two @ as any of them may read it, or with nothing on one side (immunity S31, S65).
func EmailDomain(address string) (domain string, ok bool) {
	local, domain, _ := strings.Cut(Fold(address), "@")
	if local == "" || domain == "" || strings.Contains(domain, "@") {
		return "", false
	}
	return domain, true
}
