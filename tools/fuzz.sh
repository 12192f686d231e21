#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make fuzz [SECONDS=600] [TARGET=json_reader_fuzz]: every fuzzer that long, two at a time. What they learnt is minimised
# into tests/corpus/<name>, where `make test` replays it; findings stay in build/fuzz/findings.
seconds=${SECONDS_EACH:-600}
source "$(dirname "$0")/lib.sh"
started=$(date +%s)
tools/setup.sh run test || exit 1
configure fuzz || fail "fuzz: configuring failed"
mapfile -t fuzzers < <(grep -E "(^|_)${TARGET:-.}" build/fuzz/fuzzers.txt)
[ ${#fuzzers[@]} -gt 0 ] || fail "fuzz: no fuzzer is called '${TARGET:-}'; there are: $(sed 's/ .*//' build/fuzz/fuzzers.txt | xargs)"
build fuzz "${fuzzers[@]%% *}" || fail "fuzz: the build failed"

findings=build/fuzz/findings
mkdir -p "$findings" build/fuzz/corpus build/fuzz/logs
export ASAN_OPTIONS=allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
export ASAN_SYMBOLIZER_PATH=${ASAN_SYMBOLIZER_PATH:-$(command -v llvm-symbolizer-19)}

# fuzz_one "<target> <binary>": runs it, merges what is new and small into the kept corpus, prints one line.
fuzz_one() {
  local target=${1%% *} binary=${1##* } name kept work log status executions
  name=${target#kit_}
  kept=tests/corpus/$name work=build/fuzz/corpus/$name log=build/fuzz/logs/$name.log
  mkdir -p "$kept" "$work"
  "$binary" "$work" "$kept" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$findings/$name-" >"$log" 2>&1
  status=$?
  executions=$(sed -nE 's/^stat::number_of_executed_units: *([0-9]+)$/\1/p' "$log" | tail -1)
  if [ $status -eq 0 ]; then
    # Only inputs that reach something the kept ones do not, and only small ones.
    "$binary" -merge=1 -max_len=4096 "$kept" "$work" >>"$log" 2>&1
  fi
  printf '%s: %s executions, corpus %s files, %s\n' "$name" "${executions:-0}" "$(find "$kept" -type f | wc -l)" \
    "$([ $status -eq 0 ] && echo 'no finding' || echo "FINDING, see $log")" | tee "build/fuzz/logs/$name.result"
}
export -f fuzz_one
export seconds findings
say "${#fuzzers[@]} fuzzers, $seconds s each"
rm -f build/fuzz/logs/*.result
printf '%s\0' "${fuzzers[@]}" | xargs -0 -n 1 -P "$JOBS" bash -c 'fuzz_one "$1"' fuzz
found=$(cat build/fuzz/logs/*.result | grep -c FINDING)
total=$(sed -nE 's/^[^:]*: ([0-9]+) executions.*/\1/p' build/fuzz/logs/*.result | awk '{ n += $1 } END { print n }')
[ "$found" -eq 0 ] || fail "fuzz: $found of ${#fuzzers[@]} fuzzers have findings in $findings"
pass "fuzz: ${#fuzzers[@]} fuzzers, $seconds s each, $total executions, 0 findings, $(seconds_since "$started") s in all"
