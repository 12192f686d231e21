#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: tools/ctest.sh <preset> [ctest arguments]: runs ctest, writes "N passed, N failed" to build/<preset>/summary.txt.
source "$(dirname "$0")/lib.sh"
preset=$1
shift
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=second_deadlock_stack=1
export ASAN_SYMBOLIZER_PATH=${ASAN_SYMBOLIZER_PATH:-$(command -v llvm-symbolizer-19)}
report=build/$preset/report.xml
rm -f "$report"
# Most tests wait for servers and timers; those that keep every processor busy say so (PROCESSORS).
ctest --test-dir "build/$preset" -j "$((JOBS * 2))" --output-on-failure --no-tests=error --output-junit "$root/$report" "$@" >&2
status=$?
# The attributes of JUnit's root element: tests, failures, disabled, skipped. What was not run did not pass.
read -r total failed skipped < <(tr '\n' ' ' <"$report" 2>/dev/null | sed -nE \
  's/.*<testsuite [^>]*tests="([0-9]+)"[^>]*failures="([0-9]+)"[^>]*disabled="[0-9]+"[^>]*skipped="([0-9]+)".*/\1 \2 \3/p')
if [ -z "${total:-}" ]; then total=1 failed=1 skipped=0; fi
failed=$((failed + skipped))
[ $status -ne 0 ] && [ "$failed" -eq 0 ] && failed=1
echo "$((total - failed)) passed, $failed failed" | tee "build/$preset/summary.txt"
[ "$failed" -eq 0 ]
