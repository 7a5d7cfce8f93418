#!/usr/bin/env bash
# Installs what the tests need beside Go: a C compiler for the race detector, Chromium with fonts for the pages, Node.js
# for Okta's own SDK, Redis (with redis-cli) for the shared store, and what the examples in docs and the samples in deploy run on. Only root on a Debian system can install packages; anybody else is told what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=()
command -v "$(go env CC)" >/dev/null || packages+=(gcc libc6-dev)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
	packages+=(chromium fonts-dejavu-core)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
command -v nginx >/dev/null || [[ -x /usr/sbin/nginx ]] || packages+=(nginx)
[[ -f /usr/lib/nginx/modules/ngx_http_js_module.so ]] || packages+=(libnginx-mod-http-js)
command -v haproxy >/dev/null || [[ -x /usr/sbin/haproxy ]] || packages+=(haproxy)
command -v php >/dev/null || packages+=(php-cli)
compgen -G "/usr/sbin/php-fpm*" >/dev/null || packages+=(php-fpm)
command -v javac >/dev/null || packages+=(default-jdk-headless)
[[ -f /usr/share/java/gson.jar ]] || packages+=(libgoogle-gson-java)
/usr/bin/python3 -c "import jwt, cryptography" 2>/dev/null || packages+=(python3-jwt python3-cryptography)
command -v redis-server >/dev/null || packages+=(redis-server)

if ((${#packages[@]})); then
	if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
		apt-get update -q
		DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"
	else
		echo "Not installed, and this user cannot install it: ${packages[*]}."
		echo "The tests that need it will be skipped; as root on Debian: apt-get install ${packages[*]}"
	fi
fi

# Okta's SDK for JavaScript, its Sign-In Widget, and the server of Okta's specification, at the versions of the lock files.
for dir in e2e/sdk e2e/widget e2e/prism; do
	if [[ -f $dir/package-lock.json ]] && command -v npm >/dev/null; then
		if [[ ! -d $dir/node_modules || $dir/package-lock.json -nt $dir/node_modules ]]; then
			(cd "$dir" && npm ci --no-audit --no-fund --ignore-scripts && touch node_modules)
		fi
	fi
done
