// Command sidegate-caddy is Caddy with the okta_mfa module compiled in.
package main

import (
	_ "time/tzdata" // log times and timeouts in zones that the container has no files for

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // all of Caddy's own modules

	_ "sidegate.example/sidegate/caddymodule" // okta_mfa
)

func main() { caddycmd.Main() }
