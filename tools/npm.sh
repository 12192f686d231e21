#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: tools/npm.sh <folder with package.json and package-lock.json>
# Installs exactly what the lock file names, without running any package's scripts. Debian's npm 9.2 can end with "Exit
# handler never called!" and a tree that is complete, or not: the tree decides, not the exit code.
source "$(dirname "$0")/lib.sh"
cd "$1" || exit 1

# npm writes what it installed into node_modules/.package-lock.json; both files list the same packages when complete.
complete() {
  [ -f node_modules/.complete ] && [ "$(cat node_modules/.complete)" = "$(sha256sum <package-lock.json)" ]
}
verify() {
  local path
  while read -r path; do
    [ -f "$path/package.json" ] || return 1
  done < <(sed -nE 's/^ *"(node_modules\/[^"]+)": \{$/\1/p' package-lock.json)
}

complete && exit 0
command -v npm >/dev/null || fail "setup: npm is missing"
log=$(mktemp)
for attempt in 1 2 3; do
  say "Fetching npm packages of $1 (attempt $attempt)"
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >"$log" 2>&1
  if verify; then
    sha256sum <package-lock.json >node_modules/.complete
    rm -f "$log"
    exit 0
  fi
done
cat "$log" >&2
rm -f "$log"
fail "setup: npm could not install the packages of $1/package-lock.json"
