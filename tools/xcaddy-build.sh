#!/usr/bin/env bash
# Builds Caddy with this checkout of Sidegate by xcaddy, as users do, and checks that the handler is in it.
#
#   tools/xcaddy-build.sh [output]     default: a temporary file that is removed again
#
# Sidegate's module path is reserved, so no proxy knows it. xcaddy therefore gets every module from the local module
# cache, which go mod download fills; the replacement by the checkout needs nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

module=$(go list -m)
caddy=$(go list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
output=${1:-$work/caddy}

go mod download
go build -C tools -o "$work/xcaddy" github.com/caddyserver/xcaddy/cmd/xcaddy

GOPROXY="file://$(go env GOMODCACHE)/cache/download" GOSUMDB=off GOFLAGS= \
	CGO_ENABLED=0 XCADDY_GO_BUILD_FLAGS="-trimpath -tags=nobadger,nomysql,nopgx -ldflags='-s -w'" \
	"$work/xcaddy" build "$caddy" --with "$module=$PWD" --output "$output"

# Read to the end: grep -q would close the pipe, and pipefail would take that for a failure.
modules=$("$output" list-modules)
for id in okta_mfa http.handlers.okta_mfa; do
	grep -Fqx "$id" <<<"$modules" || { echo "xcaddy-build: $id is not in the Caddy that xcaddy built" >&2; exit 1; }
done
echo "xcaddy-build: $("$output" version) with http.handlers.okta_mfa"
