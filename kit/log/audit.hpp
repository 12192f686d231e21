// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kit/log/log.hpp"

namespace kit::log {

/// Who did what that others must be able to find out later: levels changed, a breaker forced, a
/// profile taken, a debug page refused. Always written: its level is info or lower, and repeats are
/// not left out.
inline Module audit_log{"audit", Module::Kind::audit};

}  // namespace kit::log
