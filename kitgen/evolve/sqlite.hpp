// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kitgen/evolve/plan.hpp"

namespace kitgen::evolve {

/// A plan as SQLite 3.40 reads it, with what it does and loses on top: STRICT tables, checks for
/// what the schema limits. `origin`: the schema file, for the first line. To be run by
/// `kit::db::Migrator`, with foreign keys checked as a whole at the end; a SELECT marked kit:check
/// stops it with the text it yields.
std::string sqlite_up(const Plan& plan, std::string_view origin);
std::string sqlite_down(const Plan& plan, std::string_view origin);

/// What a step does to a database at work.
struct StepCost {
  std::string locks;  ///< "writes customers anew", "nothing of note"
  std::string count;  ///< A SELECT of the number of rows it touches; "" for none.
};
StepCost sqlite_cost(const Step& step);

}  // namespace kitgen::evolve
