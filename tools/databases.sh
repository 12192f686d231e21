#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make databases: everything that is promised for three databases, on each of them; servers are started by the tests.
source "$(dirname "$0")/lib.sh"
tools/setup.sh run test || exit 1
begun=$(date +%s)
configure debug || fail "databases: configuring failed"
build debug kit_databases_sqlite_test kit_databases_postgres_test kit_databases_mysql_test kit_golden_behaviour_test kit_generated_office_test kit_generated_workshop_test store office workshop ||
  fail "databases: the build failed"
log=build/debug/databases.log
say "Running the tests of SQLite, PostgreSQL and MariaDB"
ctest --test-dir build/debug --output-on-failure --parallel "$JOBS" --no-tests=error \
  -R '^(databases|generated|store|office|language)\.|^kit_(databases_sqlite|golden_behaviour)_test$' >"$log" 2>&1
status=$?
# of <what>: how many tests whose names have it passed.
of() { grep -cE "Test +#[0-9]+: [^ ]*$1[^ ]* .*Passed" "$log"; }
figures="$(of postgres) on PostgreSQL, $(of '(mariadb|mysql)') on MariaDB, $(grep -E 'Test +#[0-9]+: .*Passed' "$log" | grep -cvE 'postgres|mariadb|mysql') on SQLite"
if [ "$status" -ne 0 ]; then
  grep -vE 'Passed +[0-9.]+ sec$|^ +Start' "$log" >&2
  fail "databases: $(grep -cE '\*\*\*(Failed|Timeout|Exception)' "$log") failed, passed: $figures (log: $log)"
fi
# Servers that are not built in were not tried.
[ "$(of postgres)" -gt 0 ] && [ "$(of '(mariadb|mysql)')" -gt 0 ] || fail "databases: a server's tests are missing: $figures"
pass "databases: $figures, 0 failed, $(seconds_since "$begun") s"
