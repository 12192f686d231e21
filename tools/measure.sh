#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench / make bench-check / make durability: set-up, a release build, then bench/run.py or tests/durability/run.py.
# SHORT=1 CYCLES= LOSSES= SERVER_CYCLES= SERVERS= SEED= ROUNDS= become options of the script; so does DATABASES=1 of
# `make bench`: only what needs a database server.
source "$(dirname "$0")/lib.sh"
verb=$1
shift
options=("$@")
for name in CYCLES LOSSES SERVER_CYCLES SERVERS SEED ROUNDS; do
  [ -n "${!name:-}" ] && options+=("--$(tr _ - <<<"${name,,}")" "${!name}")
done
[ -n "${SHORT:-}" ] && options+=(--short)

case $verb in
  bench)
    [ -n "${DATABASES:-}" ] && options+=(--databases)
    tools/setup.sh run test bench || exit 1
    configure release || fail "bench: configuring failed"
    build release store kitgen benchmarks || fail "bench: the build failed"
    exec python3 bench/run.py --build build/release "${options[@]}"
    ;;
  durability)
    tools/setup.sh run test || exit 1
    configure release || fail "durability: configuring failed"
    # make run configures without tests; the program that loses power is one.
    grep -q '^KIT_BUILD_TESTS:BOOL=ON' build/release/CMakeCache.txt || configure release -DKIT_BUILD_TESTS=ON ||
      fail "durability: configuring failed"
    build release store durability || fail "durability: the build failed"
    exec python3 tests/durability/run.py --build build/release "${options[@]}"
    ;;
esac
