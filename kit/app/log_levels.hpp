// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>

#include "kit/base/result.hpp"
#include "kit/http/router.hpp"

namespace kit::app {

/// How long levels may be changed for over HTTP, and what is said of it.
struct LogLevelLimits {
  static constexpr std::chrono::minutes usual{10};
  static constexpr std::chrono::hours most{1};
  static constexpr std::size_t longest_why = 200;  ///< Characters.
};

/// /debug/log, for the admin port: GET shows the level of each module of the log, PUT changes one
/// (or all, "*") for a while, after which it falls back by itself. Who did, and why, goes to the
/// audit lines:
///
///     {"module": "db", "level": "debug", "for": "300s", "why": "slow orders since noon"}
Result<> add_log_routes(http::Router& router);

}  // namespace kit::app
