package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sidegate.example/sidegate/flows/okta"
	"sidegate.example/sidegate/gateway"
)

// The checks here need no placeholder read and no other block, so the Caddyfile runs them too, where the message can
// name the line. What comes as JSON meets them at provision.

// minRotation keeps a rotation from dropping keys faster than replicas read them.
const minRotation = 24 * time.Hour

func (a *App) checkRotation() error {
	if every := time.Duration(a.KeyRotation); every != 0 && every < minRotation {
		return fmt.Errorf("key_rotation %s is shorter than %s; give a duration such as 30d", every, minRotation)
	}
	return nil
}

// checkTimes checks those of the two that are given.
func (s *Settings) checkTimes() error {
	return gateway.CheckTimes(time.Duration(s.IdleTimeout), time.Duration(s.Lifetime))
}

// checkRecheck checks the one that needs no other, and both where both are given.
func (s *Settings) checkRecheck() error {
	if s.Recheck == 0 {
		return nil
	}
	return gateway.CheckRecheck(time.Duration(s.Recheck), time.Duration(s.RecheckGrace))
}

func checkOrg(address string) error {
	if _, err := okta.New(okta.Config{Org: address}); err != nil {
		return fmt.Errorf("org: %w", err)
	}
	return nil
}

func checkScopes(scopes []string) error {
	if len(scopes) > 0 && !slices.Contains(scopes, "openid") {
		return errors.New(`scopes must hold "openid": without it Okta gives no ID token; write "scopes openid profile email"`)
	}
	return nil
}

// unlessPlaceholder leaves a text whose value shows only when the configuration is loaded to the check at provision.
func unlessPlaceholder(check func(string) error) func(string) error {
	return func(text string) error {
		if strings.Contains(text, "{") {
			return nil
		}
		return check(text)
	}
}

func each(check func(string) error) func([]string) error {
	return func(texts []string) error {
		for _, text := range texts {
			if err := check(text); err != nil {
				return err
			}
		}
		return nil
	}
}
