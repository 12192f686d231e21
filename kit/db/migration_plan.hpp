// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kit/db/migrations.hpp"

namespace kit::db {

/// What a step does to one table, and how many of its rows that touches.
struct TableWork {
  std::string table;
  std::string work;  ///< "rebuild", "update", "delete", "drop", "copy", "index", "check", ...
  /// Nothing: the table comes from a step that waits as well. On servers what their statistics say.
  std::optional<std::int64_t> rows;
};

/// What is known about a waiting step before it runs.
struct StepPlan {
  Migration migration;
  std::size_t statements = 0;
  std::vector<TableWork> tables;
  std::vector<std::string> locks;         ///< Sentences.
  std::vector<std::string> losses;        ///< What of the data goes; empty: not destructive.
  std::vector<std::string> irreversible;  ///< What its way down can't bring back.
  bool has_down = false;
  std::int64_t rows = 0;  ///< Read or written.
  /// A rough guess from the rows; the disk decides.
  std::chrono::milliseconds estimate{0};
};

/// Looks at the steps and counts the rows in `database`; nothing is written. Reads the scripts'
/// `-- destructive: ...` and `-- irreversible data: ...` lines, and the statements themselves.
/// Fails with `invalid_argument` when a script can't be read.
/// Cost: on SQLite one `SELECT count(*)` for each table that the steps touch.
Task<std::vector<StepPlan>> plan_steps(Database& database, std::span<const Migration> steps);
/// The same for a database that does not exist yet.
Result<std::vector<StepPlan>> plan_steps(std::span<const Migration> steps);

}  // namespace kit::db
