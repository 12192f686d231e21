// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
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
  std::string dialect = {};  ///< "sqlite", "postgresql", "mysql": only for it. "": for any.
};

/// Reads `NNNN_name.up.sql` and `NNNN_name.down.sql` of a folder, in order; other files are left
/// alone. Fails with `not_found` (no such folder), `invalid_argument` (a name that looks like a
/// migration but is none, a down without its up, or what `check_migrations` says).
Result<std::vector<Migration>> read_migrations(const std::string& folder);
/// Those for a database: of a server in a folder of its dialect's name, `folder` itself or one in
/// it. Fails with `not_found`, reason MIGRATIONS_MISSING, where that is not.
Result<std::vector<Migration>> read_migrations(const std::string& folder, Dialect dialect);

/// One file of an embedded folder.
struct MigrationFile {
  /// "0001_create_store.up.sql". Of the folders before it only postgresql/ and mysql/ say
  /// something: their migrations are for those databases alone, and counted by themselves. Others
  /// are SQLite's.
  std::string_view name;
  std::string_view text;
};
/// The same from files that are part of the program.
Result<std::vector<Migration>> read_migrations(std::span<const MigrationFile> files);

/// Those for a database of this dialect: its own if there are any, else those for any.
std::vector<Migration> migrations_for(Dialect dialect, std::span<const Migration> migrations);

/// Fails with `invalid_argument` for a gap, a number twice, a name or a script that is empty.
Result<> check_migrations(std::span<const Migration> migrations);

/// SHA-256 of the `up` script: what the history table keeps.
std::string checksum(const Migration& migration);

/// The last try of a step, when it failed.
struct MigrationFailure {
  std::uint32_t number = 0;
  bool is_down = false;   ///< It was to be undone.
  std::string file;       ///< "0002_add_phone.up.sql"
  std::size_t line = 0;   ///< Of the statement that failed; 0: the commit.
  std::string statement;  ///< Its first line.
  std::string error;
  std::string failed_at;  ///< RFC 3339
  /// Of the step, that stay in the database: none where a step is one transaction.
  std::size_t statements_done = 0;
};

/// A step that was interrupted where changes of tables commit by themselves.
struct MigrationProgress {
  bool is_down = false;  ///< It is being undone.
  std::size_t statements_done = 0;
  std::size_t statements = 0;
};

struct MigrationStatus {
  std::uint32_t number = 0;
  std::string name;
  std::string checksum;
  std::optional<std::string> applied_at;  ///< RFC 3339; nothing: pending.
  bool is_edited = false;                 ///< Changed after it was applied; only `report` says so.
  /// Gone once the step went through; only `report` says so.
  std::optional<MigrationFailure> failure = {};
  /// `up` goes on with it, `down` undoes it; only `report` says so.
  std::optional<MigrationProgress> progress = {};
};

/// Where a database stands, whatever its history says.
struct MigrationReport {
  std::vector<MigrationStatus> steps;
  std::optional<Error> problem;  ///< What every other call fails with; nothing: the history fits.
};

/// How `Migrator` goes about a change.
struct MigrationOptions {
  std::optional<std::uint32_t> to = {};  ///< `up` ends with this number.
  bool allow_destructive = false;        ///< Apply steps that lose data.
  /// How long another runner may be at work before this one gives up, and how long a step is tried
  /// again while others use its tables.
  std::chrono::milliseconds lock_timeout = std::chrono::minutes(10);
  /// On a server, how long a statement waits for a table that others use: everyone who comes behind
  /// it waits as well. Then it steps back, and is tried again after a pause.
  std::chrono::milliseconds table_wait = std::chrono::seconds(3);
  /// Called once when it turns out that another runner is at work.
  std::function<void()> on_wait = {};
};

/// Brings a database's schema to where the program expects it. The table `kit_migrations` keeps
/// what was applied, with checksums; `kit_migration_failures` what was tried in vain. Each step is
/// one transaction that includes its row of history and a check of all foreign keys; two runners at
/// once apply each step once, the second waits. Every call but `report` fails with
/// `failed_precondition`, reason MIGRATION_EDITED, naming the file, when one that was applied was
/// changed or moved afterwards; MIGRATION_UNKNOWN when the database has steps that the program
/// lacks; MIGRATIONS_MISSING when all steps are for other databases than this one. Where changes of
/// tables commit by themselves, and in a script that begins with `-- kit:no-transaction`, a journal
/// (`kit_migration_journal`) says how much of a step is in the database: what was interrupted is
/// gone on with. Lifetime: `database` outlives this.
class Migrator {
 public:
  Migrator(Database& database, std::span<const Migration> migrations);

  /// Every step with when it was applied.
  Task<std::vector<MigrationStatus>> status();
  /// The same for people who look into what went wrong: a history that does not fit is told, not
  /// refused, and failed tries are shown.
  Task<MigrationReport> report();
  /// The steps that `up` would apply.
  Task<std::vector<Migration>> plan();
  /// Applies pending steps in order and yields those it applied. A failing statement ends it with
  /// its error, "0002_x.up.sql:14: ..."; steps before it stay, and the failure is remembered. Fails
  /// with `failed_precondition`, reason MIGRATION_DESTRUCTIVE, before anything of any step runs
  /// when one would lose data and that is not allowed; in a database without tables nothing can be
  /// lost. Fails with MIGRATION_REFUSED when a query of `-- kit:check` finds rows;
  /// MIGRATION_OBJECT_LOST when a trigger, index or view of before no longer fits a table that was
  /// written anew: those that fit are kept; `unavailable`, MIGRATION_LOCKED, when another runner
  /// took too long, naming it where the server tells; `aborted`, LOCK_TIMEOUT, when others used a
  /// table for that long, naming them; `aborted`, MIGRATION_RACE, when another runner undoes a step
  /// meanwhile.
  Task<std::vector<MigrationStatus>> up(MigrationOptions options);
  Task<std::vector<MigrationStatus>> up() { return up(MigrationOptions()); }
  /// Undoes the last `steps` applied ones, newest first, and yields them. What a step brought goes
  /// with it: asking for `down` is the permission. Fails with `failed_precondition`, reason
  /// MIGRATION_IRREVERSIBLE, before touching anything when one of them has no down script;
  /// `aborted`, MIGRATION_RACE, when another runner moves meanwhile; otherwise as `up`.
  Task<std::vector<MigrationStatus>> down(std::uint32_t steps, MigrationOptions options);
  Task<std::vector<MigrationStatus>> down(std::uint32_t steps = 1) {
    return down(steps, MigrationOptions());
  }

 private:
  /// A try of one step in one direction, and how far it came.
  struct Attempt;
  struct Held;

  Task<std::vector<MigrationStatus>> applied(Session& session);
  std::vector<MigrationStatus> with_pending(std::vector<MigrationStatus> history) const;
  Task<std::unique_ptr<Transaction>> lock(const MigrationOptions& options);
  Task<std::unique_ptr<Held>> hold(const MigrationOptions& options);
  Task<std::optional<MigrationStatus>> apply(const Migration& migration,
                                             const MigrationOptions& options);
  Task<std::optional<MigrationStatus>> apply_once(const Migration& migration,
                                                  const MigrationOptions& options,
                                                  Attempt& attempt);
  Task<> undo(const Migration& migration, const MigrationOptions& options);
  Task<> undo_once(const Migration& migration, const MigrationOptions& options, Attempt& attempt);
  Task<std::optional<MigrationStatus>> apply_journaled(const Migration& migration,
                                                       const MigrationOptions& options,
                                                       Attempt& attempt);
  Task<> undo_journaled(const Migration& migration, const MigrationOptions& options,
                        Attempt& attempt);
  Task<> finish_undoing(const MigrationOptions& options);
  Task<std::vector<MigrationStatus>> to_undo(std::uint32_t steps);
  Task<> remember(const Migration& migration, const Attempt& attempt, Error& error);

  Result<> check_steps() const;

  Database& database_;
  std::vector<Migration> migrations_;
  const bool are_others_;  ///< There are steps, but none for this database.
};

}  // namespace kit::db
