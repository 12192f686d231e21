// SPDX-License-Identifier: Apache-2.0
#include "kit/db/migrations.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "kit/base/sha256.hpp"
#include "kit/base/text.hpp"
#include "kit/base/time.hpp"

namespace kit::db {
namespace {

constexpr std::string_view create_history =
    "CREATE TABLE IF NOT EXISTS kit_migrations (\n"
    "  number INTEGER PRIMARY KEY,\n"
    "  name TEXT NOT NULL,\n"
    "  checksum TEXT NOT NULL,\n"
    "  applied_at TEXT NOT NULL)";

std::string shown(const Migration& migration) {
  return migration.up_file.empty() ? std::to_string(migration.number) + "_" + migration.name
                                   : migration.up_file;
}

/// A step is one transaction: what would end it, or can't be in one, is refused.
Result<> check_statement(const ScriptStatement& statement) {
  static constexpr std::array<std::string_view, 9> refused = {
      "begin", "commit", "end", "rollback", "savepoint", "release", "attach", "detach", "vacuum"};
  auto end = std::find_if_not(statement.sql.begin(), statement.sql.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
  auto word = statement.sql.substr(0, static_cast<std::size_t>(end - statement.sql.begin()));
  for (auto name : refused) {
    if (!iequals(word, name)) continue;
    return Error(Code::invalid_argument,
                 std::string(word) + " can't be in a migration, which is one transaction")
        .with_reason("MIGRATIONS_INVALID");
  }
  return {};
}

Error located(Error error, const std::string& file, std::size_t line) {
  std::string message = file + ":" + std::to_string(line) + ": " + error.message();
  Code code = error.code();
  std::string reason = error.reason();
  return Error(code, std::move(message))
      .with_reason(std::move(reason))
      .with_cause(std::move(error));
}

/// Runs a SELECT whose rows say why the migration can not be applied. Fails with the first of them.
Task<> run_check(Session& session, std::string_view sql) {
  std::string refusal;
  auto read = [&refusal](const Row& row) -> Result<> {
    if (refusal.empty()) refusal = row.text(0);
    return {};
  };
  RowSink sink(read);
  co_await session.query(sql, {}, sink);
  if (refusal.empty()) co_return;
  co_await Error(
      Code::failed_precondition,
      refusal + "; nothing of this migration was applied. Mend the rows, and run it again")
      .with_reason("MIGRATION_REFUSED");
}

Task<> run_statement(Session& session, std::string_view sql) {
  if (sql.starts_with(check_mark)) {
    co_await run_check(session, sql);
  } else {
    co_await session.execute(sql, {});
  }
}

/// Runs a script's statements in `session`.
Task<> run_script(Session& session, std::string_view script, std::string file) {
  auto statements = split_script(script);
  if (!statements) {
    co_await Error(Code::invalid_argument, file + ": " + statements.error().message());
  }
  for (const auto& statement : *statements) {
    auto allowed = check_statement(statement);
    if (!allowed) co_await located(std::move(allowed).error(), file, statement.line);
    auto done = co_await as_result(run_statement(session, statement.sql));
    if (!done) co_await located(std::move(done).error(), file, statement.line);
  }
}

Task<bool> has_history(Session& session, std::string_view dialect) {
  bool found = false;
  auto read = [&found](const Row& row) -> Result<> {
    found = row.int64(0) > 0;
    return {};
  };
  RowSink sink(read);
  std::string_view sql =
      dialect == "sqlite"
          ? "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'kit_migrations'"
          : "SELECT count(*) FROM information_schema.tables WHERE table_name = 'kit_migrations'";
  co_await session.query(sql, {}, sink);
  co_return found;
}

/// What the history says, oldest first.
Task<std::vector<MigrationStatus>> read_history(Session& session) {
  std::vector<MigrationStatus> history;
  auto read = [&history](const Row& row) -> Result<> {
    MigrationStatus status;
    status.number = static_cast<std::uint32_t>(row.int64(0));
    status.name = row.text(1);
    status.checksum = row.text(2);
    status.applied_at = std::string(row.text(3));
    history.push_back(std::move(status));
    return {};
  };
  RowSink sink(read);
  co_await session.query(
      "SELECT number, name, checksum, applied_at FROM kit_migrations ORDER BY number", {}, sink);
  co_return std::move(history);
}

/// The history must be what the first steps of the program were.
Result<> check_history(std::span<const MigrationStatus> history,
                       std::span<const Migration> migrations) {
  for (std::size_t i = 0; i < history.size(); ++i) {
    const auto& entry = history[i];
    if (i >= migrations.size()) {
      return Error(Code::failed_precondition,
                   "the database has migration " + std::to_string(entry.number) + "_" + entry.name +
                       ", which this program does not know: it was made by a newer version")
          .with_reason("MIGRATION_UNKNOWN");
    }
    const auto& migration = migrations[i];
    if (entry.number != migration.number) {
      return Error(Code::failed_precondition, "the history of migrations has a gap before number " +
                                                  std::to_string(entry.number))
          .with_reason("MIGRATION_UNKNOWN");
    }
    if (entry.checksum != checksum(migration)) {
      return Error(Code::failed_precondition,
                   shown(migration) +
                       " was changed after it was applied to this database: undo the change; a "
                       "database without data worth keeping can be removed instead")
          .with_reason("MIGRATION_EDITED");
    }
  }
  return {};
}

}  // namespace

std::string checksum(const Migration& migration) {
  return sha256_hex(migration.up);
}

Migrator::Migrator(Database& database, std::span<const Migration> migrations)
    : database_(database), migrations_(migrations.begin(), migrations.end()) {}

/// The checked history, read in `session`.
Task<std::vector<MigrationStatus>> Migrator::applied(Session& session) {
  co_await check_migrations(migrations_);
  bool known = co_await has_history(session, database_.dialect());
  if (!known) co_return std::vector<MigrationStatus>();
  auto history = co_await read_history(session);
  auto fits = check_history(history, migrations_);
  if (!fits) co_return std::move(fits).error();
  co_return std::move(history);
}

std::vector<MigrationStatus> Migrator::with_pending(std::vector<MigrationStatus> history) const {
  for (std::size_t i = history.size(); i < migrations_.size(); ++i) {
    MigrationStatus pending;
    pending.number = migrations_[i].number;
    pending.name = migrations_[i].name;
    pending.checksum = checksum(migrations_[i]);
    history.push_back(std::move(pending));
  }
  return history;
}

Task<std::vector<MigrationStatus>> Migrator::status() {
  auto history = co_await applied(database_);
  co_return with_pending(std::move(history));
}

Task<MigrationReport> Migrator::report() {
  co_await check_migrations(migrations_);
  MigrationReport report;
  bool known = co_await has_history(database_, database_.dialect());
  if (known) report.steps = co_await read_history(database_);
  auto fits = check_history(report.steps, migrations_);
  if (!fits) report.problem = std::move(fits).error();
  for (auto& step : report.steps) {
    auto now = std::ranges::find(migrations_, step.number, &Migration::number);
    step.is_edited = now != migrations_.end() && checksum(*now) != step.checksum;
  }
  report.steps = with_pending(std::move(report.steps));
  co_return std::move(report);
}

Task<std::vector<Migration>> Migrator::plan() {
  auto history = co_await applied(database_);
  co_return std::vector<Migration>(
      migrations_.begin() + static_cast<std::ptrdiff_t>(history.size()), migrations_.end());
}

Task<std::vector<MigrationStatus>> Migrator::up(std::optional<std::uint32_t> to) {
  auto pending = co_await plan();
  std::vector<MigrationStatus> done;
  for (const auto& migration : pending) {
    if (to && migration.number > *to) break;
    auto status = co_await apply(migration);
    if (status) done.push_back(std::move(*status));
  }
  co_return std::move(done);
}

/// Nothing when another runner was faster.
Task<std::optional<MigrationStatus>> Migrator::apply(const Migration& migration) {
  auto transaction = co_await database_.begin_schema();
  // Read again under the lock.
  auto history = co_await applied(*transaction);
  if (history.size() >= migration.number) co_return std::nullopt;
  if (history.size() + 1 != migration.number) {
    co_return Error(Code::aborted,
                    shown(migration) + " can't be applied: another runner undid a step before it")
        .with_reason("MIGRATION_RACE");
  }
  co_await transaction->execute(create_history, {});
  co_await run_script(*transaction, migration.up, shown(migration));
  MigrationStatus status;
  status.number = migration.number;
  status.name = migration.name;
  status.checksum = checksum(migration);
  status.applied_at = Timestamp::now().to_string();
  const std::array<Parameter, 4> parameters = {Parameter(std::int64_t{status.number}),
                                               Parameter(std::string_view(status.name)),
                                               Parameter(std::string_view(status.checksum)),
                                               Parameter(std::string_view(*status.applied_at))};
  co_await transaction->execute(
      "INSERT INTO kit_migrations (number, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
      parameters);
  auto durable = co_await as_result(transaction->commit());
  if (!durable) co_return located(std::move(durable).error(), shown(migration), 1);
  co_return std::move(status);
}

Task<std::vector<MigrationStatus>> Migrator::down(std::uint32_t steps) {
  auto history = co_await applied(database_);
  if (steps > history.size()) steps = static_cast<std::uint32_t>(history.size());
  auto first = history.end() - static_cast<std::ptrdiff_t>(steps);
  for (auto entry = first; entry != history.end(); ++entry) {
    const auto& migration = migrations_[entry->number - 1];
    auto script = split_script(migration.down);
    if (script.ok() && !script->empty()) continue;
    co_return Error(Code::failed_precondition,
                    shown(migration) + " can't be undone: it has no down script")
        .with_reason("MIGRATION_IRREVERSIBLE");
  }
  std::vector<MigrationStatus> undone;
  while (undone.size() < steps) {
    auto entry = history[history.size() - 1 - undone.size()];
    co_await undo(migrations_[entry.number - 1]);
    undone.push_back(std::move(entry));
  }
  co_return std::move(undone);
}

Task<> Migrator::undo(const Migration& migration) {
  auto transaction = co_await database_.begin_schema();
  auto history = co_await applied(*transaction);
  if (history.size() != migration.number) {
    co_await Error(Code::aborted, shown(migration) + " is no longer the last one that was applied")
        .with_reason("MIGRATION_RACE");
  }
  std::string file = migration.down_file.empty() ? shown(migration) : migration.down_file;
  co_await run_script(*transaction, migration.down, file);
  const std::array<Parameter, 1> parameters = {Parameter(std::int64_t{migration.number})};
  co_await transaction->execute("DELETE FROM kit_migrations WHERE number = ?1", parameters);
  auto durable = co_await as_result(transaction->commit());
  if (!durable) co_await located(std::move(durable).error(), file, 1);
}

}  // namespace kit::db
