package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// report says where everything is, in one line of JSON or as a table for people.
func (d *demo) report(w io.Writer) error {
	if d.opts.printCaddyfile {
		if _, err := fmt.Fprintf(w, "%s\n", d.caddyfile); err != nil {
			return fmt.Errorf("printing the Caddyfile: %w", err)
		}
	}
	if d.opts.json {
		if err := json.NewEncoder(w).Encode(d.places); err != nil {
			return fmt.Errorf("printing the addresses: %w", err)
		}
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\nSidegate: a legacy app behind Caddy, Okta and its phone simulated\n\n")
	fmt.Fprintf(t, "  The app\t%s\n", d.places.Site)
	fmt.Fprintf(t, "  The wiki\t%s\tshares the app's sign-in (sso)\n", d.places.Wiki)
	fmt.Fprintf(t, "  Payroll\t%s\tthe same people through the Factors API (engine factors); a transfer needs a fresh number challenge\n", d.places.Payroll)
	fmt.Fprintf(t, "  The vault\t%s\tCaddy's basic_auth asks for the password, Okta for the second factor\n", d.places.Vault)
	fmt.Fprintf(t, "  The phones\t%s\n\n", d.places.Phone)
	fmt.Fprintf(t, "  Sign in as\tPassword\tThen, at the app\n")
	for _, p := range d.places.People {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", p.Login, cmp.Or(p.Password, "(none yet)"), p.Expect)
	}
	fmt.Fprintf(t, "\n%s", hints)
	if err := t.Flush(); err != nil {
		return fmt.Errorf("printing the addresses: %w", err)
	}
	return nil
}

// hints say what differs at the other sites, and name the switches that change what the phone shows.
const hints = `  At Payroll ned and kit set up Okta Verify or Google Authenticator after a code from the inbox. The vault sets nothing up
  and says where to go instead. Neither changes exa's password, unlocks lou or welcomes wes: that is the app's.

  Open the app and the person's phone beside each other; each phone links to its inbox, where emails, texts and
  calls arrive. Ctrl-C ends everything.

  An admin at Okta can sign somebody out of all four at once: Clear user sessions, in the list of phones.

  The phone shows the browser's address and agent, not the gateway's, which is ` + gatewayAddress + `
  in Oslo in this play. Start the demo again with
    -embedded-push-shows-server   to see the limitation that Okta documents for the embedded flow:
                                  the phone shows the server
    -zone=off                     to see an org without the network zone that trusts the gateway:
                                  the phone shows the gateway's address
  All switches: -help

`
