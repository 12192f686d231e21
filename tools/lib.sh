# SPDX-License-Identifier: Apache-2.0
# What the scripts behind the Makefile share. Sourced, never run.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
: "${JOBS:=$(nproc)}"
# Without it ccache keeps nothing that uses a precompiled header.
export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

seconds_since() { echo $(($(date +%s) - $1)); }

# pass|fail <verb> <figures>: the one closing line of a checking verb; fail ends the script.
pass() { printf 'PASS %s\n' "$*"; }
fail() {
  printf 'FAIL %s\n' "$*"
  exit 1
}

# configure <preset> [cmake arguments]: only when there is no build yet; afterwards ninja re-runs CMake when needed.
configure() {
  local preset=$1
  shift
  if [ ! -f "build/$preset/build.ninja" ] || [ $# -gt 0 ]; then
    say "Configuring build/$preset"
    cmake --preset "$preset" "$@" >"/tmp/kit-configure.$$" 2>&1 || {
      cat "/tmp/kit-configure.$$" >&2
      rm -f "/tmp/kit-configure.$$"
      return 1
    }
    rm -f "/tmp/kit-configure.$$"
  fi
}

# build <preset> [targets]
build() {
  local preset=$1
  shift
  NINJA_STATUS='[%f/%t %es] ' ninja -C "build/$preset" -j "$JOBS" "$@" >&2
}
