#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
source "$(dirname "$0")/lib.sh"
rm -rf build kit/app/web/node_modules
