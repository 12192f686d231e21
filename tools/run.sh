#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make run: from nothing to a listening music store.
source "$(dirname "$0")/lib.sh"
started=$(date +%s)
tools/setup.sh run || exit 1
configure release || fail "run: configuring failed"
build release store || fail "run: the build failed after $(seconds_since "$started") s"
cd examples/store || exit 1
port=()
[ -n "${PORT:-}" ] && port=("--http.port=$PORT" "--admin.port=$((PORT + 1))")
exec ../../build/release/examples/store/store "${port[@]}"
