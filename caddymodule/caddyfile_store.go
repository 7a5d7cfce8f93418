package caddymodule

import (
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"sidegate.example/sidegate/gateway/store/redisstore"
)

// storeLines parse the lines of a block by their first word.
type storeLines map[string]func(d *caddyfile.Dispenser) error

// parse parses the block that d stands before.
func (known storeLines) parse(d *caddyfile.Dispenser, block string) error {
	seen := map[string]bool{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		parse, ok := known[name]
		switch {
		case !ok:
			return d.Errf("%s %q is unknown; allowed: %s", block, name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		case seen[name]:
			return d.Errf("%s %s is given twice", block, name)
		}
		seen[name] = true
		if err := parse(d); err != nil {
			return err
		}
	}
	return nil
}

// subdirective parses
//
//	store memory|redis {
//	    address         <host:port>...
//	    master_name     <name>
//	    cluster
//	    username        <name>
//	    password        <placeholder>
//	    key_prefix      <text>
//	    key_ring_secret <placeholder>
//	    tls {
//	        ca          <file>
//	        server_name <name>
//	    }
//	}
func (s *StoreSettings) subdirective(d *caddyfile.Dispenser) error {
	if err := word(&s.Kind, storeKinds)(d); err != nil {
		return err
	}
	lines := storeLines{
		"address":         list(&s.Address, func([]string) error { return nil }),
		"master_name":     text(&s.MasterName),
		"cluster":         flag(&s.Cluster),
		"username":        text(&s.Username),
		"password":        text(&s.Password, literalSecret("store password")),
		"key_prefix":      text(&s.KeyPrefix, redisstore.CheckPrefix),
		"key_ring_secret": text(&s.KeyRingSecret, literalSecret("store key_ring_secret")),
		"tls": func(d *caddyfile.Dispenser) error {
			if err := flag(&s.TLS.Mode)(d); err != nil {
				return err
			}
			return storeLines{"ca": text(&s.TLS.CA), "server_name": text(&s.TLS.ServerName)}.parse(d, "store tls")
		},
	}
	if err := lines.parse(d, "store"); err != nil {
		return err
	}
	if err := s.validate(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// flag takes no argument.
func flag(to *string) func(d *caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		if d.CountRemainingArgs() > 0 {
			return d.ArgErr()
		}
		*to = on
		return nil
	}
}
