package limits

import (
	"context"
	"errors"
)

// Unlock forgets what is counted against a person of the org with this origin: wrong passwords and codes, pushes, denials,
// blocks, and what was asked for because of a forgotten password or a locked account. who is Okta's user id or the login, which
// stands for what is counted under the part before the @, too; what is counted under the other one stays, and so does what is
// counted by address: others may have been at it.
func Unlock(ctx context.Context, budget Budget, origin, who string) error {
	c := Counter{origin: origin}
	var failed error
	for _, class := range []string{
		classPassword, classShort, classCode, classCall, classAdmin, classSend, classUnasked, classUnaskedBy, classRestore, classRestoreBy,
		classDenied, classBlocked,
	} {
		for _, key := range []string{who, c.Name(who), c.short(who)} {
			failed = errors.Join(failed, budget.Reset(ctx, class+"/"+key))
		}
	}
	return failed
}
