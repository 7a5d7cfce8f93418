package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"sidegate.example/sidegate/gateway"
	"sidegate.example/sidegate/gateway/transaction"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "okta-mfa",
		Usage: "sessions|revoke|pending|unlock|enroll-code",
		Short: "Lists and ends the sessions of a running okta_mfa",
		Long: `
Asks the okta_mfa of a running Caddy, over its admin endpoint. A user is an Okta
login, user id or e-mail address. Sessions go by handles, as in the logs.`,
		CobraFunc: commands,
	})
}

// commands builds the subcommands. They write to the command's own output.
func commands(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.String("address", "", "The address of the admin endpoint, if it is not the default")
	flags.StringP("config", "c", "", "Configuration file that says where the admin endpoint is")
	flags.StringP("adapter", "a", "", "Name of the config adapter of that file")

	sessions := subcommand(root, "sessions", "Lists the live sessions", cobra.NoArgs, func(c *cobra.Command, _ []string) error {
		user, err := c.Flags().GetString("user")
		if err != nil {
			return err
		}
		var found []gateway.SessionInfo
		if err := callAdmin(c, http.MethodGet, "sessions?user="+url.QueryEscape(user), nil, &found); err != nil {
			return err
		}
		rows := [][]string{{"SESSION", "USER", "SITE", "SIGNED IN", "ENDS", "FACTORS", "ADDRESS"}}
		for _, s := range found {
			var factors []string
			for _, f := range s.Factors {
				factors = append(factors, string(f))
			}
			rows = append(rows, []string{s.Handle, s.Login, s.Site, moment(s.Issued), moment(s.Expires), strings.Join(factors, ","), s.Address})
		}
		return table(c.OutOrStdout(), rows)
	})
	sessions.Flags().String("user", "", "Those of this person alone")

	revoke := subcommand(root, "revoke", "Ends a session, or all of a person", cobra.NoArgs, func(c *cobra.Command, _ []string) error {
		user, err := c.Flags().GetString("user")
		if err != nil {
			return err
		}
		handle, err := c.Flags().GetString("session")
		if err != nil {
			return err
		}
		var done revoked
		if err := callAdmin(c, http.MethodPost, "revoke", adminRequest{User: user, Session: handle}, &done); err != nil {
			return err
		}
		note := ""
		if done.Unlisted {
			note = " (not listed; whoever has its cookie is out all the same)"
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "ended: %d%s\n", done.Sessions, note)
		return err
	})
	revoke.Flags().String("user", "", "All sessions of this person")
	revoke.Flags().String("session", "", "The session with this handle")

	subcommand(root, "pending", "Lists the sign-ins in progress that this replica began or went on with", cobra.NoArgs, func(c *cobra.Command, _ []string) error {
		var found []transaction.Pending
		if err := callAdmin(c, http.MethodGet, "pending", nil, &found); err != nil {
			return err
		}
		rows := [][]string{{"USER", "AT", "FACTOR", "SINCE", "ADDRESS"}}
		for _, p := range found {
			rows = append(rows, []string{p.Person, string(p.Step), string(p.Factor), moment(p.Started), p.Address})
		}
		return table(c.OutOrStdout(), rows)
	})

	subcommand(root, "unlock <user>", "Forgets the wrong codes and passwords that the gate counts against a person", cobra.ExactArgs(1), func(c *cobra.Command, args []string) error {
		var done unlocked
		if err := callAdmin(c, http.MethodPost, "unlock", adminRequest{User: args[0]}, &done); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.OutOrStdout(), "unlocked: %s\n", printable(strings.Join(done.Users, ", ")))
		return err
	})

	subcommand(root, "enroll-code <user>", "Gives out a code with which a person may set up a factor, once", cobra.ExactArgs(1), func(c *cobra.Command, args []string) error {
		var code enrollCode
		if err := callAdmin(c, http.MethodPost, "enroll_code", adminRequest{User: args[0]}, &code); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.OutOrStdout(), "%s\ngood once, until %s\n", code.Code, moment(code.Expires))
		return err
	})
}

func subcommand(root *cobra.Command, use, short string, args cobra.PositionalArgs, run func(*cobra.Command, []string) error) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: args, RunE: run, SilenceUsage: true}
	root.AddCommand(c)
	return c
}

// callAdmin asks the admin endpoint as Caddy's own commands do.
func callAdmin(c *cobra.Command, method, path string, in, out any) error {
	var named [3]string
	for i, name := range []string{"address", "config", "adapter"} {
		var err error
		if named[i], err = c.Flags().GetString(name); err != nil {
			return err
		}
	}
	address, err := caddycmd.DetermineAdminAPIAddress(named[0], nil, named[1], named[2])
	if err != nil {
		return fmt.Errorf("finding the admin endpoint: %w", err)
	}
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	resp, err := caddycmd.AdminAPIRequest(address, method, adminPath+path, nil, body)
	if err != nil {
		return fmt.Errorf("asking the admin endpoint at %s: %w", address, err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("reading the answer of the admin endpoint: %w", err)
	}
	return nil
}

// table writes rows in columns, the first of them the heading.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = printable(row[i])
		}
		fmt.Fprintln(t, strings.Join(row, "\t")) //nolint:errcheck // Flush tells
	}
	return t.Flush()
}

// printable keeps what a person chose as a name from moving the cursor of an operator's terminal.
func printable(s string) string {
	if s == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

var _ caddy.Module = AdminAPI{}
