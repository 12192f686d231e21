// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "kit/db/migrations.hpp"

namespace kitgen::cli {

/// SQL that is known to hurt, in a migration.
struct LintFinding {
  std::string file;
  std::size_t line = 1;
  std::size_t column = 1;
  std::string rule;    ///< What `-- kit:allow <rule>` takes.
  std::string why;     ///< "the column phone of customers goes with its values"
  std::string remedy;  ///< "say so: -- destructive: ..."
};

/// Reads all migrations, oldest first, because what one needs is often in those before it. Fails
/// with `invalid_argument` when a script can't be read.
kit::Result<std::vector<LintFinding>> lint_migrations(
    std::span<const kit::db::Migration> migrations);

std::string to_string(const LintFinding& finding);

}  // namespace kitgen::cli
