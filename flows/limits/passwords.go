package limits

import (
	"context"
	"net/netip"
	"time"
)

// homeBits is how much of an IPv6 address names who has it: providers give a home or an office a /56, of which every device
// can have as many addresses as it likes.
const homeBits = 56

// network is what passwords from an address are counted under.
func network(addr netip.Addr) string {
	if addr.Is6() {
		if p, err := addr.Prefix(homeBits); err == nil {
			return p.String()
		}
	}
	return addr.String()
}

// TakePassword counts one password as wrong, for the name and for the address that it came from: before Okta is asked, so
// that nobody tries one password for many names (immunity S63). Okta takes a short name for the whole one, so that
// spellings with and without a domain share a second, wider limit (immunity S64).
func (c *Counter) TakePassword(ctx context.Context, from netip.Addr, login string) (time.Duration, error) {
	wait, err := c.take(ctx, classAddress, c.origin+"/"+network(from), c.cfg.AddressPasswords, c.cfg.Window)
	if err != nil || wait > 0 {
		return wait, err
	}
	if wait, err = c.both(ctx, c.named(classPassword, c.Name(login), c.cfg.Passwords), c.named(classShort, c.short(login), 2*c.cfg.Passwords)); err != nil || wait > 0 {
		c.returnAddress(ctx, from)
	}
	return wait, err
}

func (c *Counter) named(class, who string, limit int) event {
	return event{class, who, limit, c.cfg.Window}
}

func (c *Counter) short(login string) string { return c.origin + "/" + short(login) }

func (c *Counter) returnAddress(ctx context.Context, from netip.Addr) {
	c.giveBack(ctx, classAddress, c.origin+"/"+network(from))
}

// ReturnPassword is for one that Okta has not judged.
func (c *Counter) ReturnPassword(ctx context.Context, from netip.Addr, login string) {
	c.giveBack(ctx, classPassword, c.Name(login))
	c.giveBack(ctx, classShort, c.short(login))
	c.returnAddress(ctx, from)
}

// ForgivePassword is for a right one. Under the short name and the address others may be counted too: of that, only this
// one is.
func (c *Counter) ForgivePassword(ctx context.Context, from netip.Addr, login string) {
	c.forgive(ctx, classPassword, c.Name(login))
	c.giveBack(ctx, classShort, c.short(login))
	c.returnAddress(ctx, from)
}

// Unasked counts a push or message that Okta has sent of itself, once the password was right: nobody could be asked before.
// Who has it sent again and again is stopped by WaitUnasked. who is Okta's user id. That it fails recalls no message: who had
// to type the password again would get another one.
func (c *Counter) Unasked(ctx context.Context, who, login string) {
	_ = c.mark(ctx, classSend, who, c.cfg.Window)
	// WaitUnasked looks at the latest of these for as long as a denial counts.
	_ = c.mark(ctx, classUnasked, c.Name(login), max(c.cfg.CoolDown, c.cfg.Window))
	_ = c.mark(ctx, classUnaskedBy, c.short(login), c.cfg.Window)
}

// Answered takes back the push or message that who, under the name login, has answered: whoever signs in to one site after
// another is not being pestered. login may be "" where Okta sends nothing of itself.
func (c *Counter) Answered(ctx context.Context, who, login string) {
	c.giveBack(ctx, classSend, who)
	if login != "" {
		c.giveBack(ctx, classUnasked, c.Name(login))
		c.giveBack(ctx, classUnaskedBy, c.short(login))
	}
}

// TakeRestore counts one forgotten password or locked account: Okta may mail something to login for it.
func (c *Counter) TakeRestore(ctx context.Context, login string) (time.Duration, error) {
	return c.both(ctx, c.named(classRestore, c.Name(login), c.cfg.Pushes), c.named(classRestoreBy, c.short(login), 2*c.cfg.Pushes))
}

// WaitUnasked is how long a password for login must not be sent on, because Okta would have a phone ring again (immunity
// S78): there were too many of these, or the latest was denied.
func (c *Counter) WaitUnasked(ctx context.Context, login string) (time.Duration, error) {
	for _, e := range []event{c.named(classUnasked, c.Name(login), c.cfg.Pushes), c.named(classUnaskedBy, c.short(login), 2*c.cfg.Pushes)} {
		if wait, err := c.wait(ctx, e.class, e.who, e.limit, e.window); err != nil || wait > 0 {
			return wait, err
		}
	}
	sent, err := c.wait(ctx, classUnasked, c.Name(login), 1, max(c.cfg.CoolDown, c.cfg.Window))
	if err != nil || sent == 0 {
		return 0, err
	}
	return c.WaitDenied(ctx, c.Name(login))
}
