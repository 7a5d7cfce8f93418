// Package sidegate puts Okta multi-factor sign-in in front of web apps that know nothing of it. It
// exports nothing: a blank import of it, as xcaddy build --with makes, compiles the okta_mfa module into
// Caddy.
package sidegate

import _ "sidegate.example/sidegate/caddymodule" // registers okta_mfa
