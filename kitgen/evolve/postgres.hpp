// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kitgen/evolve/plan.hpp"

namespace kitgen::evolve {

/// A plan as PostgreSQL 15 reads it, to be run as `sqlite_up`: as one transaction, unless the plan
/// `is_apart`; such a script begins with `-- kit:no-transaction`, commits statement by statement,
/// and can be run again from its start.
std::string postgres_up(const Plan& plan, std::string_view origin);
std::string postgres_down(const Plan& plan, std::string_view origin);

}  // namespace kitgen::evolve
