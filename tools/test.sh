#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make test: set-up, everything built, every test and check, then the unit tests under sanitizers. COMPILER=gcc builds with
# g++ and leaves the sanitizers to clang. STAGES="plain asan tsan" chooses.
source "$(dirname "$0")/lib.sh"
started=$(date +%s)
passed=0 failed=0 figures=()

# stage <name> <preset> <targets> [ctest arguments]: a failed build counts as one failed test; the others still run.
stage() {
  local name=$1 preset=$2 targets=$3 begun line
  shift 3
  begun=$(date +%s)
  say "Stage $name: building"
  # shellcheck disable=SC2086
  if configure "$preset" && build "$preset" $targets; then
    say "Stage $name: testing"
    line=$(tools/ctest.sh "$preset" "$@")
  else
    line="0 passed, 1 failed (build)"
  fi
  passed=$((passed + ${line%% *}))
  line=${line#*, }
  failed=$((failed + ${line%% *}))
  figures+=("$name $(seconds_since "$begun") s")
}

finish() {
  local verdict=PASS
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] || verdict=FAIL
  printf '%s test: %s, %s s in all\n' "$verdict" "$(IFS=';'; echo "${figures[*]}" | sed 's/;/, /g')" "$(seconds_since "$started")"
  printf '%s passed, %s failed\n' "$passed" "$failed"
  [ $verdict = PASS ]
  exit
}

sets="run test"
[ "${COMPILER:-clang}" = gcc ] && sets+=" gcc"
# shellcheck disable=SC2086
if ! tools/setup.sh $sets; then
  failed=1
  figures+=("set-up failed")
  finish
fi
figures+=("set-up $(seconds_since "$started") s")

if [ "${COMPILER:-clang}" = gcc ]; then
  stage g++ gcc "all unit_tests durability"
else
  for name in ${STAGES:-plain asan tsan}; do
    case $name in
      plain) stage plain debug "all unit_tests durability" ;;
      asan) stage ASan+UBSan asan unit_tests -L unit ;;
      tsan) stage TSan tsan thread_tests -L threads ;;
    esac
  done
fi
finish
