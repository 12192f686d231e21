// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kit/log/levels.hpp"
#include "kit/log/log.hpp"

namespace kit::log {

/// What lines of a module that repeat are left out.
Repeats repeats_of(const Module& module);

}  // namespace kit::log
