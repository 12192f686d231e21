// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kitgen/evolve/plan.hpp"

namespace kitgen::evolve {

/// A plan as MariaDB 10.11 and MySQL 8 read it, in a session with ANSI_QUOTES, PIPES_AS_CONCAT,
/// NO_BACKSLASH_ESCAPES and the strict modes. Every statement stays once it went through, so all
/// that rows could stand in the way of is asked before the first change; what refers to some row
/// is asked where it is known.
std::string mysql_up(const Plan& plan, std::string_view origin);
std::string mysql_down(const Plan& plan, std::string_view origin);

}  // namespace kitgen::evolve
