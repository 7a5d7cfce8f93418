#!/usr/bin/env bash
# Builds Caddy with this checkout of Sidegate by xcaddy, as users do, and checks that the handler is in it.
#
#   tools/xcaddy-build.sh [output]     default: a temporary file that is removed again
#
# No proxy knows Sidegate's module path, so the checkout stands in for a made-up version of it; without a version
# Go would ask a proxy for the newest. Everything else comes from the module cache where it is there, so that a second
# build needs no network.
set -euo pipefail
cd "$(dirname "$0")/.."

module=$(go list -m)
caddy=$(go list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
output=${1:-$work/caddy}

go build -C tools -o "$work/xcaddy" github.com/caddyserver/xcaddy/cmd/xcaddy

GOPROXY="file://$(go env GOMODCACHE)/cache/download|$(go env GOPROXY)" CGO_ENABLED=0 \
	XCADDY_GO_BUILD_FLAGS="-trimpath -tags=nobadger,nomysql,nopgx -ldflags='-s -w'" \
	"$work/xcaddy" build "$caddy" --with "$module@v0.0.0=$PWD" --output "$output"

# Read to the end: grep -q would close the pipe, and pipefail would take that for a failure.
modules=$("$output" list-modules)
for id in okta_mfa http.handlers.okta_mfa; do
	grep -Fqx "$id" <<<"$modules" || { echo "xcaddy-build: $id is not in the Caddy that xcaddy built" >&2; exit 1; }
done
echo "xcaddy-build: $("$output" version) with http.handlers.okta_mfa"
