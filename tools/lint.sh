#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make lint [CHANGED=1] [ONLY=regex]: clang-tidy, the coroutine lint, format, layers, text, headers.
source "$(dirname "$0")/lib.sh"
started=$(date +%s)
tools/setup.sh run test lint || exit 1
configure debug || fail "lint: configuring failed"
build debug || fail "lint: the build failed"
failed=()
tools/format.sh || failed+=(format)
python3 tools/check_layers.py || failed+=(layers)
python3 tools/check_text.py || failed+=(text)
python3 tools/check_headers.py --cache build/debug/headers.json || failed+=(headers)
python3 tools/lint.py --build build/debug ${CHANGED:+--changed} --only "${ONLY:-}" || failed+=(clang)
[ ${#failed[@]} -eq 0 ] || fail "lint: ${failed[*]} in $(seconds_since "$started") s"
pass "lint: format, layers, text, headers, clang-tidy, coroutines in $(seconds_since "$started") s"
