#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make conformance / siege / overload / rolling / simulate / evolution / four-edits / crash-generate / crash-migrate / failover / chaos /
# correlate / inner-loop / attacks / reload: set-up, a release build of what is needed, then
# the script or program of tests/<verb>. SHORT=1 SEEDS= SEED= COUNT= ROUNDS= RESTARTS= CASES= POINTS= become its options.
source "$(dirname "$0")/lib.sh"
verb=$1
options=()
for name in SEEDS SEED COUNT ROUNDS RESTARTS CASES POINTS; do
  [ -n "${!name:-}" ] && options+=("--${name,,}=${!name}")
done
[ -n "${SHORT:-}" ] && options+=(--short)

# release_build <targets>: with tests, which `make run` configures without.
release_build() {
  configure release || fail "$verb: configuring failed"
  grep -q '^KIT_BUILD_TESTS:BOOL=ON' build/release/CMakeCache.txt || configure release -DKIT_BUILD_TESTS=ON ||
    fail "$verb: configuring failed"
  build release "$@" || fail "$verb: the build failed"
}

tools/setup.sh run test "$verb" || exit 1
case $verb in
  conformance)
    release_build conformance
    server=build/release/tests/conformance/kit_conformance_server
    exec python3 -B tests/conformance/run.py --server "$server" "${options[@]}"
    ;;
  siege)
    release_build siege
    exec python3 -B tests/siege/run.py --build build/release "${options[@]}"
    ;;
  rolling)
    release_build rolling
    exec python3 -B tests/rolling/run.py --build build/release "${options[@]}"
    ;;
  failover)
    release_build failover kit_redis_cluster_load
    figures=()
    for half in "tests/failover/postgres.py --build build/release ${options[*]}" \
      "tests/failover/redis_cluster.py build/release/tests/redis/kit_redis_cluster_load --kills 3"; do
      # shellcheck disable=SC2086  # words of a command
      line=$(python3 -B $half | tee /dev/stderr | tail -n 1)
      [[ $line == PASS* ]] || fail "failover: $line"
      figures+=("${line#PASS failover }")
    done
    pass "failover: ${figures[0]}; ${figures[1]}"
    ;;
  chaos)
    release_build chaos
    exec python3 -B tests/chaos/run.py --build build/release "${options[@]}"
    ;;
  overload)
    release_build overload
    exec python3 -B tests/overload/run.py --build build/release "${options[@]}"
    ;;
  correlate)
    release_build correlate
    exec python3 -B tests/correlate/run.py --build build/release "${options[@]}"
    ;;
  inner-loop)
    release_build inner_loop
    exec python3 -B tests/inner_loop/run.py --build build/release "${options[@]}"
    ;;
  attacks)
    release_build kit_attacks store
    figures=()
    for half in "build/release/tests/attacks/kit_attacks ${options[*]}" "python3 -B tests/canary/run.py --build build/release"; do
      # shellcheck disable=SC2086  # words of a command
      line=$($half | tee /dev/stderr | tail -n 1)
      [[ $line == PASS* ]] || fail "attacks: ${line#FAIL }"
      line=${line#PASS attacks: }
      figures+=("${line#PASS }")
    done
    pass "attacks: ${figures[0]}; ${figures[1]}"
    ;;
  reload)
    release_build store
    exec python3 -B tests/reload/run.py --build build/release "${options[@]}"
    ;;
  simulate)
    release_build kit_simulate
    exec build/release/tests/simulation/kit_simulate "${options[@]}"
    ;;
  crash-generate)
    release_build kit_crash
    exec build/release/tests/crash/kit_crash --kitgen=build/release/kitgen/cli/kitgen "${options[@]}"
    ;;
  crash-migrate)
    release_build kit_databases_sqlite_test kit_databases_postgres_test kit_databases_mysql_test
    exec python3 -B tests/databases/crash_migrate.py --build build/release "${options[@]}"
    ;;
  evolution)
    release_build evolution
    exec python3 -B tests/evolution/run.py --build build/release "${options[@]}"
    ;;
  four-edits)
    release_build kitgen store
    exec python3 -B tests/evolution/four_edits.py --build build/release "${options[@]}"
    ;;
esac
