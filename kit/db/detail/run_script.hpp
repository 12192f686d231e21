// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kit/db/migrations.hpp"
#include "kit/db/script.hpp"

namespace kit::db::detail {

/// Where a script stands.
struct ScriptPlace {
  std::string file;
  std::size_t line = 0;  ///< 0: no statement is at work.
  std::string statement;
};

/// The statements of a script, all of which may stand in a migration. Fails with
/// `invalid_argument`, reason MIGRATIONS_INVALID, naming file and line. Where the step is no
/// transaction each statement has to be whole by itself, and leave nothing in its session.
Result<std::vector<ScriptStatement>> read_script(std::string_view script, const std::string& file,
                                                 Dialect dialect);

/// Whether the first comments of a script say `-- kit:no-transaction`: its statements commit one by
/// one, with a journal, so that indexes can be built CONCURRENTLY.
bool is_without_transaction(const std::vector<ScriptStatement>& statements);

/// Runs one statement. `aftermath` is what a check that finds rows says of what is in the database.
Task<> run_statement(Session& session, const ScriptStatement& statement,
                     const std::string& aftermath);

/// Runs them one after the other; `place` is the one at work. Fails with the statement's error,
/// "file:line: ...", MIGRATION_REFUSED when a query of `-- kit:check` finds rows, or
/// MIGRATION_OBJECT_LOST as `KeptObjects` says.
Task<> run_script(Session& session, Dialect dialect, const std::vector<ScriptStatement>& statements,
                  ScriptPlace& place);

Error located(Error error, const std::string& file, std::size_t line);

}  // namespace kit::db::detail
