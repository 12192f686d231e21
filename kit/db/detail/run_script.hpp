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
/// `invalid_argument`, reason MIGRATIONS_INVALID, naming file and line.
Result<std::vector<ScriptStatement>> read_script(std::string_view script, const std::string& file);

/// Runs them one after the other; `place` is the one at work. Fails with the statement's error,
/// "file:line: ...", MIGRATION_REFUSED when a query of `-- kit:check` finds rows, or
/// MIGRATION_OBJECT_LOST as `KeptObjects` says.
Task<> run_script(Session& session, std::string_view dialect,
                  const std::vector<ScriptStatement>& statements, ScriptPlace& place);

Error located(Error error, const std::string& file, std::size_t line);

}  // namespace kit::db::detail
