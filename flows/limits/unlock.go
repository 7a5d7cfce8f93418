package limits

import (
	"context"
	"errors"
)

// Unlock forgets what is counted against a person of the org with this origin: wrong passwords and codes, pushes, denials and
// blocks. who is Okta's user id or the login; what is counted under the other one stays. What is counted by address, or by the
// part of a login before the @, stays too: others may have been at it.
func Unlock(ctx context.Context, budget Budget, origin, who string) error {
	c := Counter{origin: origin}
	var failed error
	for _, class := range []string{classPassword, classCode, classCall, classAdmin, classSend, classUnasked, classDenied, classBlocked} {
		for _, key := range []string{who, c.Name(who)} {
			failed = errors.Join(failed, budget.Reset(ctx, class+"/"+key))
		}
	}
	return failed
}
