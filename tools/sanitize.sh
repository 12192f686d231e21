#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make sanitize: every test under ASan+UBSan, then under TSan.
source "$(dirname "$0")/lib.sh"
started=$(date +%s)
tools/setup.sh run test || exit 1
counts=()
for preset in ${ONLY:-asan tsan}; do
  configure "$preset" || fail "sanitize: configuring $preset failed"
  build "$preset" all unit_tests || fail "sanitize: the $preset build failed"
  tools/ctest.sh "$preset" --label-exclude tidy || fail "sanitize: $preset: $(cat "build/$preset/summary.txt")"
  counts+=("$preset $(cat "build/$preset/summary.txt")")
done
pass "sanitize: $(IFS=';'; echo "${counts[*]}") in $(seconds_since "$started") s"
