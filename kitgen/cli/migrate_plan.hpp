// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "kit/db/migration_plan.hpp"

namespace kitgen::cli {

/// SQL with what is known about each step in comments above it.
std::string plan_as_text(std::span<const kit::db::StepPlan> steps);
/// {"steps": [...]}, for programs.
std::string plan_as_json(std::span<const kit::db::StepPlan> steps);

}  // namespace kitgen::cli
