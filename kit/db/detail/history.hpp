// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "kit/db/migration_effects.hpp"
#include "kit/db/migrations.hpp"

/// The tables that remember migrations, and what the catalogue says. One row a step; a failed try
/// is a row of a table of its own, written after the step was rolled back. It counts the statements
/// of the step that stay (`statements_done`): none, where the step is one transaction. A dialect
/// that commits each statement of a schema change goes on from there.
namespace kit::db::detail {

/// As messages name it: its file.
std::string shown(const Migration& migration);

Task<bool> has_table(Session& session, Dialect dialect, std::string_view table);
/// Tables besides kit's own, each with its columns.
Task<TableColumns> table_columns(Session& session, Dialect dialect);

/// What was applied, oldest first; empty without the table.
Task<std::vector<MigrationStatus>> read_history(Session& session, Dialect dialect);
/// Every step's failed try, if any.
Task<std::vector<MigrationFailure>> read_failures(Session& session, Dialect dialect);

/// The history must be what the first steps of the program were.
Result<> check_history(std::span<const MigrationStatus> history,
                       std::span<const Migration> migrations);

/// In the transaction of the step, or before it where that can't make tables.
Task<> create_history_table(Session& session);
/// In the transaction of the step: its row, and no failure of it any more.
Task<> record_applied(Session& session, Dialect dialect, const MigrationStatus& status);
Task<> record_undone(Session& session, Dialect dialect, std::uint32_t number);
/// In a transaction of its own.
Task<> record_failure(Database& database, const MigrationFailure& failure);

}  // namespace kit::db::detail
