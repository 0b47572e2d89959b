#!/usr/bin/env bash
# Installs what Fanout is tried against that none of us wrote: programs of npm and of Debian, of pinned versions,
# into build/counterparts, where they stay for the next time. Nothing is started: Debian's packages are unpacked
# there, not installed, so that none of them starts a service. Only the browser is installed.
# What is out of reach is named, and then its tests say that they were skipped; that is no error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/packages.sh
folder=$PWD/build/counterparts
debian_packages="nginx fcgiwrap libfcgi0ldbl tinyproxy-bin"

missing() { printf '\n  !! %s\n  !! %s\n\n' "$1" "Its tests are SKIPPED (ctest -L counterparts)."; }

install_node() {
  command -v node >/dev/null && command -v npm >/dev/null && return
  install_packages nodejs npm
}

install_from_npm() {
  fetch_from_npm && FANOUT_COUNTERPARTS=$folder node tests/counterparts/openapi.mjs "$folder/github.json"
}

fetch_from_npm() {
  cmp -s tests/counterparts/package-lock.json "$folder/installed" && return
  rm -rf "$folder/node_modules" "$folder/installed" "$folder/github.json"
  cp tests/counterparts/package.json tests/counterparts/package-lock.json "$folder/"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || return 1
  # Of 400 MB of descriptions one is needed.
  find "$folder/node_modules/@octokit/openapi/generated" -name '*.json' ! -name api.github.com.json -delete
  cp "$folder/package-lock.json" "$folder/installed"
}

download() { (cd "$folder/debian" && apt-get download -qq $debian_packages >/dev/null 2>&1); }
update_lists() { if [ "$(id -u)" -eq 0 ]; then apt-get update -qq; else sudo apt-get update -qq; fi; }

unpack_from_debian() {
  [ "$(cat "$folder/debian/unpacked" 2>/dev/null)" = "$debian_packages" ] && return
  rm -rf "$folder/debian"
  mkdir -p "$folder/debian"
  download || { update_lists && download; } || return 1
  local package
  for package in "$folder/debian"/*.deb; do dpkg -x "$package" "$folder/debian"; done
  rm -f "$folder/debian"/*.deb
  echo "$debian_packages" >"$folder/debian/unpacked"
}

install_browser() { command -v chromium >/dev/null || install_packages chromium; }

mkdir -p "$folder"
if ! { install_node && install_from_npm; }; then
  missing "npm is out of reach: no emulate, Prism, GraphQL schema, Octokit fixtures, clients and signatures, no clients of MCP."
fi
if ! unpack_from_debian; then
  missing "Debian's packages are out of reach: no nginx, fcgiwrap, tinyproxy."
fi
if ! install_browser; then
  missing "Debian's chromium is out of reach: no dashboard in a browser."
fi
