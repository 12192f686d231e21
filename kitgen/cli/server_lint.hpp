// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "kitgen/cli/migration_lint.hpp"

namespace kitgen::cli {

/// The same for servers: what loses data, and what keeps others from a table for as long as it
/// takes to read or write all of it. Of the latter kitgen's own files are left out: their locks
/// were chosen (docs/adr/0028), and `migrate plan` shows them with the rows.
kit::Result<std::vector<LintFinding>> lint_server_migrations(
    std::span<const kit::db::Migration> migrations);

}  // namespace kitgen::cli
