#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: tools/setup.sh run|test|lint|gcc|bench|fresh ...
# Finds which Debian (and npm) packages of the named sets are missing, says so, and installs them. Costs a few
# milliseconds when nothing is missing.
source "$(dirname "$0")/lib.sh"

wanted=() missing=() reasons=()
declare -A why
while read -r set package command reason; do
  [[ $set == \#* || -z $set || " $* " != *" $set "* ]] && continue
  [[ $command != - ]] && command -v "$command" >/dev/null && continue
  wanted+=("$package")
  why[$package]=$reason
done <tools/packages.txt

if [ ${#wanted[@]} -gt 0 ]; then
  command -v dpkg-query >/dev/null || fail "setup: this is not a Debian system; install these by hand: ${wanted[*]}"
  installed=" $(dpkg-query -W -f='${Package}:${db:Status-Status} ' "${wanted[@]}" 2>/dev/null)"
  for package in "${wanted[@]}"; do
    [[ $installed == *" $package:installed "* ]] || missing+=("$package")
  done
fi

install_packages() {
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -q --no-install-recommends \
    -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "${missing[@]}"
}

if [ ${#missing[@]} -gt 0 ]; then
  say "Missing Debian packages:"
  for package in "${missing[@]}"; do printf '      %-26s %s\n' "$package" "${why[$package]}" >&2; done
  as_root=(env)
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "setup: run this as root first: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo env)
  fi
  as_root+=(DEBIAN_FRONTEND=noninteractive)
  started=$(date +%s)
  log=$(mktemp)
  # The package lists may be absent or stale: fetch them only when an install without that fails.
  say "Installing ${#missing[@]} packages and what they need (the log is shown when something fails)"
  if ! install_packages >"$log" 2>&1; then
    say "Refreshing the package lists"
    if ! { "${as_root[@]}" apt-get update -q && install_packages; } >"$log" 2>&1; then
      tail -n 30 "$log" >&2
      rm -f "$log"
      fail "setup: apt-get could not install: ${missing[*]}"
    fi
  fi
  rm -f "$log"
  say "Installed in $(seconds_since "$started") s"
fi

if [[ " $* " == *" run "* ]]; then
  tools/npm.sh kit/app/web || exit 1
fi
if [[ " $* " == *" test "* ]]; then
  tools/npm.sh tests/editor || exit 1
fi
