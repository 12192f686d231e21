#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: tools/format.sh [--fix] [folder]: checks (or repairs) the format of every C++ file git knows or would add.
source "$(dirname "$0")/lib.sh"
mode=(--dry-run -Werror)
if [ "${1:-}" = --fix ]; then
  mode=(-i)
  shift
  tools/setup.sh test || exit 1
fi
cd "${1:-.}" || exit 1
mapfile -d '' files < <(git -c safe.directory='*' ls-files -z --cached --others --exclude-standard -- '*.hpp' '*.cpp' |
  while IFS= read -r -d '' file; do [ -f "$file" ] && printf '%s\0' "$file"; done | sort -zu)
[ ${#files[@]} -gt 0 ] || fail "format: no files"
printf '%s\0' "${files[@]}" | xargs -0 -n 16 -P "$JOBS" clang-format-19 --style=file "${mode[@]}" 2>&1 |
  sed -nE 's/^([^:]+:[0-9]+):[0-9]+: error: .*/\1: not formatted/p' | sort -u -t: -k1,1
[ "${PIPESTATUS[1]}" -eq 0 ] || fail "format: run 'make fmt'"
pass "format: ${#files[@]} files"
