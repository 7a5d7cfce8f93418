package gateway

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"sidegate.example/sidegate/gateway/store"
)

const (
	// EnrollCodeLife is how long an enrolment code is good.
	EnrollCodeLife = time.Hour
	// enrollCodeLength is that of a code without its hyphens: 12 characters of base32, 60 bits.
	enrollCodeLength = 12
)

// IssueEnrollCode makes a code with which user, an Okta login or user id, may set up a factor once, for an admin to hand over.
// It is kept as a hash alone.
func (s *State) IssueEnrollCode(ctx context.Context, user string) (code string, err error) {
	code = rand.Text()[:enrollCodeLength]
	if err := s.documents.Put(ctx, store.EnrollCodes, enrollCodeID(user, code), []byte{1}, EnrollCodeLife); err != nil {
		return "", fmt.Errorf("keeping an enrolment code: %w", err)
	}
	return code[:4] + "-" + code[4:8] + "-" + code[8:], nil
}

// UseEnrollCode reports whether code is good for the person that Okta knows by this id and login, and spends it.
func (s *State) UseEnrollCode(ctx context.Context, userID, login, code string) (bool, error) {
	code = strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
	if len(code) != enrollCodeLength {
		return false, nil
	}
	for _, user := range [...]string{userID, login} {
		if user == "" {
			continue
		}
		_, err := s.documents.Take(ctx, store.EnrollCodes, enrollCodeID(user, code))
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return false, fmt.Errorf("looking for an enrolment code: %w", err)
		}
	}
	return false, nil
}

// enrollCodeID is the name that a code is kept under: who reads it learns neither the code nor whose it is.
func enrollCodeID(user, code string) string {
	sum := sha256.Sum256([]byte("sidegate enrolment code\x00" + strings.ToLower(user) + "\x00" + code))
	return hex.EncodeToString(sum[:])
}
