// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"

namespace kit::db {

/// One step of a database's schema. `up_file` and `down_file` are for messages only.
struct Migration {
  std::uint32_t number = 0;  ///< 1, 2, 3 ... without a gap.
  std::string name;          ///< "create_store".
  std::string up;            ///< SQL script.
  std::string down;          ///< SQL script; empty: this step can't be undone.
  std::string up_file;       ///< "0001_create_store.up.sql".
  std::string down_file;
};

/// Reads `NNNN_name.up.sql` and `NNNN_name.down.sql` of a folder, in order; other files are left
/// alone. Fails with `not_found` (no such folder), `invalid_argument` (a name that looks like a
/// migration but is none, a down without its up, or what `check_migrations` says).
Result<std::vector<Migration>> read_migrations(const std::string& folder);

/// One file of an embedded folder.
struct MigrationFile {
  std::string_view name;  ///< "0001_create_store.up.sql"; folders before it are ignored.
  std::string_view text;
};
/// The same from files that are part of the program.
Result<std::vector<Migration>> read_migrations(std::span<const MigrationFile> files);

/// Fails with `invalid_argument` for a gap, a number twice, a name or a script that is empty.
Result<> check_migrations(std::span<const Migration> migrations);

/// SHA-256 of the `up` script: what the history table keeps.
std::string checksum(const Migration& migration);

/// How a statement starts that is a check: a SELECT of the reasons why the migration can not be
/// applied to this database, as text; no rows: go on.
inline constexpr std::string_view check_mark = "SELECT /* kit:check */";

/// One statement of a script and the line (from 1) on which it starts.
struct ScriptStatement {
  std::string_view sql;
  std::size_t line = 0;
};
/// Splits at semicolons, knowing quotes, comments and the BEGIN ... END of triggers. Fails with
/// `invalid_argument`, "line 3: a quoted text that does not end".
Result<std::vector<ScriptStatement>> split_script(std::string_view script);

struct MigrationStatus {
  std::uint32_t number = 0;
  std::string name;
  std::string checksum;
  std::optional<std::string> applied_at;  ///< RFC 3339; nothing: pending.
  bool is_edited = false;                 ///< Changed after it was applied; only `report` says so.
};

/// Where a database stands, whatever its history says.
struct MigrationReport {
  std::vector<MigrationStatus> steps;
  std::optional<Error> problem;  ///< What every other call fails with; nothing: the history fits.
};

/// Brings a database's schema to where the program expects it. The table `kit_migrations` keeps
/// what was applied, with checksums. Each step is one transaction that includes its row of history
/// and a check of all foreign keys; two runners at once apply each step once. Every call but
/// `report` fails with `failed_precondition`, reason MIGRATION_EDITED, naming the file, when one
/// that was applied was changed afterwards; MIGRATION_UNKNOWN when the database has steps that the
/// program lacks. Lifetime: `database` outlives this.
class Migrator {
 public:
  Migrator(Database& database, std::span<const Migration> migrations);

  /// Every step with when it was applied.
  Task<std::vector<MigrationStatus>> status();
  /// The same for people who look into what went wrong: a history that does not fit is told, not
  /// refused.
  Task<MigrationReport> report();
  /// The steps that `up` would apply.
  Task<std::vector<Migration>> plan();
  /// Applies pending steps, in order, up to and including number `to`, and yields those it applied.
  /// A failing statement ends it with its error, "0002_x.up.sql:14: ..."; steps before it stay. A
  /// check (`check_mark`) that yields a row fails with `failed_precondition`, MIGRATION_REFUSED.
  /// Fails with `aborted`, reason MIGRATION_RACE, when another runner undoes a step meanwhile.
  Task<std::vector<MigrationStatus>> up(std::optional<std::uint32_t> to = std::nullopt);
  /// Undoes the last `steps` applied ones, newest first, and yields them. Fails with
  /// `failed_precondition`, reason MIGRATION_IRREVERSIBLE, before touching anything when one of
  /// them has no down script; `aborted`, MIGRATION_RACE, when another runner moves meanwhile.
  Task<std::vector<MigrationStatus>> down(std::uint32_t steps = 1);

 private:
  Task<std::vector<MigrationStatus>> applied(Session& session);
  std::vector<MigrationStatus> with_pending(std::vector<MigrationStatus> history) const;
  Task<std::optional<MigrationStatus>> apply(const Migration& migration);
  Task<> undo(const Migration& migration);

  Database& database_;
  std::vector<Migration> migrations_;
};

}  // namespace kit::db
