// Package limits owns what a person, or a name, can make happen at Okta: it counts wrong codes, wrong passwords, pushes and
// denials before Okta is asked, so that Okta's own lock is never reached and no phone is rung again and again. All engines and
// sites of one org that share a Budget share these counts. It also says what can be a user name, and which spellings of one
// Okta may read alike. It knows no protocol; section numbers in comments are of okta/factors-api.md of the shared references.
package limits

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"sidegate.example/sidegate/flows"
)

// Config bounds what one person, or one name, can make happen. A zero field takes its default.
type Config struct {
	// WrongCodes is how many codes, answers and signatures in a row can be wrong within Window, per Okta user. Default 3.
	// Beside it, and whatever it is, Okta is asked to judge no more than four in a row within an hour: at the fifth it locks
	// the account (§5.6). A right one resets both.
	WrongCodes int
	// Passwords is how many passwords in a row can be wrong within Window, per user name; twice as many for all names that
	// have the part before the @ in common, which Okta may take for one person's. Default 5.
	Passwords int
	// AddressPasswords is how many passwords can be wrong within Window from one address, of IPv6 from one /56. Default 50.
	AddressPasswords int
	// Pushes is how many pushes and messages can be sent within Window, per Okta user. Default 3.
	Pushes int
	// Window is the time that these count in, 1 min or more. Default 5 min.
	Window time.Duration
	// CoolDown is how long no push is sent to who has denied one. Default 5 min.
	CoolDown time.Duration
	// NotMe is how long nobody can sign in as a person who denied a push and then pressed "that was not me". Default 0,
	// which blocks nothing: the person may be the one who is to get in.
	NotMe time.Duration
}

// Defaults and bounds of Config.
const (
	defaultWrongCodes       = 3
	defaultPasswords        = 5
	defaultAddressPasswords = 50
	defaultPushes           = 3
	defaultWindow           = 5 * time.Minute
	defaultCoolDown         = 5 * time.Minute
	// MinWindow is the shortest Config.Window: one that is over at once counts nothing.
	MinWindow = time.Minute
	// MaxCount is the highest limit: a Budget need not keep more events of one key.
	MaxCount = 100
	// oktaLocks is the wrong code at which Okta locks the account (§5.6).
	oktaLocks = 5
)

// Budget counts events under keys, in a window that ends now. Implementations are safe for concurrent use, also from
// several processes where they share one; an error makes the engine refuse. Keys are texts of up to 1 KB.
type Budget interface {
	// Take counts one event under key, unless limit events lie within window: then wait is how long it takes until the
	// next can be counted. 0 means counted.
	Take(ctx context.Context, key string, limit int, window time.Duration) (wait time.Duration, err error)
	// Wait is how long it takes until Take would count; 0 is now.
	Wait(ctx context.Context, key string, limit int, window time.Duration) (time.Duration, error)
	// Return takes back the latest event under key.
	Return(ctx context.Context, key string) error
	// Reset forgets all events under key.
	Reset(ctx context.Context, key string) error
}

// Counter counts for one org. It is safe for concurrent use. Its errors are *flows.Error: what cannot be counted is not
// allowed.
type Counter struct {
	budget Budget
	cfg    Config
	origin string
}

// New checks the limits. Its errors say what to write instead. origin is that of the org, which names are counted in: a
// name is one person's in one org only.
func New(budget Budget, cfg Config, origin string) (*Counter, error) {
	if budget == nil {
		return nil, errors.New("limits need a budget to be counted in")
	}
	if min(cfg.WrongCodes, cfg.Passwords, cfg.AddressPasswords, cfg.Pushes) < 0 || min(cfg.Window, cfg.CoolDown, cfg.NotMe) < 0 {
		return nil, errors.New("a limit is negative")
	}
	if cfg.Window != 0 && cfg.Window < MinWindow {
		return nil, fmt.Errorf("the window of the limits is %s; give %s or more", cfg.Window, MinWindow)
	}
	if max(cfg.Passwords, cfg.AddressPasswords, cfg.Pushes) > MaxCount {
		return nil, fmt.Errorf("a limit is more than can be counted; give at most %d", MaxCount)
	}
	if cfg.WrongCodes >= oktaLocks {
		return nil, fmt.Errorf("%d wrong codes are too many: Okta locks the account at %d", cfg.WrongCodes, oktaLocks)
	}
	cfg.WrongCodes = cmp.Or(cfg.WrongCodes, defaultWrongCodes)
	cfg.Passwords = cmp.Or(cfg.Passwords, defaultPasswords)
	cfg.AddressPasswords = cmp.Or(cfg.AddressPasswords, defaultAddressPasswords)
	cfg.Pushes = cmp.Or(cfg.Pushes, defaultPushes)
	cfg.Window = cmp.Or(cfg.Window, defaultWindow)
	cfg.CoolDown = cmp.Or(cfg.CoolDown, defaultCoolDown)
	return &Counter{budget, cfg, origin}, nil
}

// Classes of keys of the Budget.
const (
	classPassword  = "password"  // wrong passwords, by name
	classShort     = "short"     // wrong passwords, by what stands before the @
	classAddress   = "address"   // wrong passwords, by the browser's address
	classCode      = "code"      // wrong codes, answers and signatures, by person
	classCall      = "call"      // calls with these that Okta may count, by person
	classAdmin     = "admin"     // wrong codes of the help desk, by person
	classSend      = "send"      // pushes and messages, by person
	classUnasked   = "unasked"   // of these, what Okta sent of itself after the password, by name
	classUnaskedBy = "unaskedby" // and by what stands before the @
	classRestore   = "restore"   // forgotten passwords and locked accounts, by name
	classRestoreBy = "restoreby" // and by what stands before the @
	classDenied    = "denied"    // denials, by person
	classBlocked   = "blocked"   // "that was not me", by person
)

func (c *Counter) take(ctx context.Context, class, who string, limit int, window time.Duration) (time.Duration, error) {
	wait, err := c.budget.Take(ctx, class+"/"+who, limit, window)
	return wait, unreadable(err)
}

func (c *Counter) wait(ctx context.Context, class, who string, limit int, window time.Duration) (time.Duration, error) {
	wait, err := c.budget.Wait(ctx, class+"/"+who, limit, window)
	return wait, unreadable(err)
}

// giveBack is for what Okta has not judged. That it fails changes nothing for the person: the event then counts.
func (c *Counter) giveBack(ctx context.Context, class, who string) {
	_ = c.budget.Return(context.WithoutCancel(ctx), class+"/"+who)
}

// forgive is for a success: as at Okta, only what is wrong in a row counts (immunity S63).
func (c *Counter) forgive(ctx context.Context, class, who string) {
	_ = c.budget.Reset(context.WithoutCancel(ctx), class+"/"+who)
}

// both takes an event under each of two keys, or under none.
func (c *Counter) both(ctx context.Context, one, other event) (time.Duration, error) {
	wait, err := c.take(ctx, one.class, one.who, one.limit, one.window)
	if err != nil || wait > 0 {
		return wait, err
	}
	if wait, err = c.take(ctx, other.class, other.who, other.limit, other.window); err != nil || wait > 0 {
		c.giveBack(ctx, one.class, one.who)
	}
	return wait, err
}

// event is what is counted, and how many may be.
type event struct {
	class, who string
	limit      int
	window     time.Duration
}

func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return &flows.Error{Reason: flows.ReasonUnavailable, Err: fmt.Errorf("the budget cannot be read: %w", err)}
}

// Judged reports whether Okta may have acted on a call that failed: it has not if it said so, or was not asked.
func Judged(err error) bool {
	failed := new(flows.Error)
	if !errors.As(err, &failed) {
		return true
	}
	return failed.Reason == flows.ReasonUnavailable || failed.Reason == flows.ReasonMalformed
}
