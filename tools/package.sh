#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make package: build/package/kit-dev_<version>_<architecture>.deb, the same bytes for the same commit.
source "$(dirname "$0")/lib.sh"
started=$(date +%s)
tools/setup.sh run || exit 1
configure release || fail "package: configuring failed"
build release || fail "package: the build failed"
# dpkg-deb takes the time stamps of the archive from here.
SOURCE_DATE_EPOCH=$(git -c safe.directory='*' log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
rm -rf build/package
(cd build/release && cpack -G DEB) >build/release/cpack.log 2>&1 || { tail -n 20 build/release/cpack.log >&2; fail "package: cpack failed"; }
deb=$(ls build/package/*.deb)
pass "package: $deb, $(stat -c %s "$deb") bytes, $(seconds_since "$started") s"
