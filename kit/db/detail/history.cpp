// SPDX-License-Identifier: Apache-2.0
#include "kit/db/detail/history.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "kit/base/text.hpp"

namespace kit::db::detail {
namespace {

constexpr std::string_view create_history =
    "CREATE TABLE IF NOT EXISTS kit_migrations (\n"
    "  number INTEGER PRIMARY KEY,\n"
    "  name TEXT NOT NULL,\n"
    "  checksum TEXT NOT NULL,\n"
    "  applied_at TEXT NOT NULL)";

constexpr std::string_view create_failures =
    "CREATE TABLE IF NOT EXISTS kit_migration_failures (\n"
    "  number INTEGER PRIMARY KEY,\n"
    "  direction TEXT NOT NULL,\n"
    "  file TEXT NOT NULL,\n"
    "  line INTEGER NOT NULL,\n"
    "  statement TEXT NOT NULL,\n"
    "  statements_done INTEGER NOT NULL,\n"
    "  error TEXT NOT NULL,\n"
    "  failed_at TEXT NOT NULL)";

Error unfit(std::string message, std::string_view reason) {
  return Error(Code::failed_precondition, std::move(message)).with_reason(std::string(reason));
}

/// What changed about an applied step: its text, its number or its place.
Error edited(const MigrationStatus& entry, const Migration& migration,
             std::span<const Migration> migrations) {
  const auto moved = std::ranges::find_if(
      migrations, [&](const Migration& other) { return checksum(other) == entry.checksum; });
  if (moved != migrations.end()) {
    return unfit(shown(*moved) + " was applied to this database as number " +
                     std::to_string(entry.number) +
                     ": steps that were applied keep their numbers; give it that number back, and "
                     "a later one to " +
                     shown(migration),
                 "MIGRATION_EDITED");
  }
  if (entry.name != migration.name) {
    return unfit("this database has another step number " + std::to_string(entry.number) + ", " +
                     entry.name + ", which is not among the files; " + shown(migration) +
                     " stands in its place: bring its file back, and number the new one last",
                 "MIGRATION_EDITED");
  }
  return unfit(shown(migration) +
                   " was changed after it was applied to this database: undo the change, and write "
                   "a new migration for what it was to do; a database without data worth keeping "
                   "can be removed instead",
               "MIGRATION_EDITED");
}

Task<> forget_failure(Session& session, Dialect dialect, std::uint32_t number) {
  const bool known = co_await has_table(session, dialect, "kit_migration_failures");
  if (!known) co_return;
  const std::array<Parameter, 1> parameters = {Parameter(std::int64_t{number})};
  co_await session.execute("DELETE FROM kit_migration_failures WHERE number = ?1", parameters);
}

}  // namespace

std::string shown(const Migration& migration) {
  return migration.up_file.empty() ? std::to_string(migration.number) + "_" + migration.name
                                   : migration.up_file;
}

Task<bool> has_table(Session& session, Dialect dialect, std::string_view table) {
  bool found = false;
  auto read = [&found](const Row& row) -> Result<> {
    found = row.int64(0) > 0;
    return {};
  };
  RowSink sink(read);
  std::string_view sql = "SELECT count(*) FROM pg_class WHERE oid = to_regclass(?1::text)";
  if (dialect == Dialect::sqlite)
    sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
  if (dialect == Dialect::mysql) {
    sql =
        "SELECT count(*) FROM information_schema.tables\n"
        "WHERE table_schema = DATABASE() AND table_name = ?1";
  }
  const std::array<Parameter, 1> parameters = {Parameter(table)};
  co_await session.query(sql, parameters, sink);
  co_return found;
}

Task<TableColumns> table_columns(Session& session, Dialect dialect) {
  TableColumns tables;
  auto read = [&tables](const Row& row) -> Result<> {
    tables[to_lower(row.text(0))].insert(to_lower(row.text(1)));
    return {};
  };
  RowSink sink(read);
  if (dialect == Dialect::sqlite) {
    co_await session.query(
        "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c\n"
        "WHERE t.type = 'table' AND substr(t.name, 1, 7) <> 'sqlite_'\n"
        "  AND t.name NOT IN ('kit_migrations', 'kit_migration_failures')",
        {}, sink);
  } else if (dialect == Dialect::postgresql) {
    co_await session.query(
        "SELECT table_name::text, column_name::text FROM information_schema.columns\n"
        "WHERE table_schema = current_schema() AND table_name NOT IN\n"
        "  ('kit_migrations', 'kit_migration_failures', 'kit_migration_journal')",
        {}, sink);
  } else {
    co_await session.query(
        "SELECT table_name, column_name FROM information_schema.columns\n"
        "WHERE table_schema = DATABASE() AND table_name NOT IN\n"
        "  ('kit_migrations', 'kit_migration_failures', 'kit_migration_journal')",
        {}, sink);
  }
  co_return std::move(tables);
}

Task<std::vector<MigrationStatus>> read_history(Session& session, Dialect dialect) {
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
  const bool known = co_await has_table(session, dialect, "kit_migrations");
  if (known) {
    co_await session.query(
        "SELECT number, name, checksum, applied_at FROM kit_migrations ORDER BY number", {}, sink);
  }
  co_return std::move(history);
}

Task<std::vector<MigrationFailure>> read_failures(Session& session, Dialect dialect) {
  std::vector<MigrationFailure> failures;
  auto read = [&failures](const Row& row) -> Result<> {
    MigrationFailure failure;
    failure.number = static_cast<std::uint32_t>(row.int64(0));
    failure.is_down = row.text(1) == "down";
    failure.file = row.text(2);
    failure.line = static_cast<std::size_t>(row.int64(3));
    failure.statement = row.text(4);
    failure.error = row.text(5);
    failure.failed_at = row.text(6);
    failure.statements_done = static_cast<std::size_t>(row.int64(7));
    failures.push_back(std::move(failure));
    return {};
  };
  RowSink sink(read);
  const bool known = co_await has_table(session, dialect, "kit_migration_failures");
  if (known) {
    co_await session.query(
        "SELECT number, direction, file, line, statement, error, failed_at, statements_done\n"
        "FROM kit_migration_failures ORDER BY number",
        {}, sink);
  }
  co_return std::move(failures);
}

Result<> check_history(std::span<const MigrationStatus> history,
                       std::span<const Migration> migrations) {
  for (std::size_t i = 0; i < history.size(); ++i) {
    const auto& entry = history[i];
    if (i >= migrations.size()) {
      return unfit("the database has migration " + std::to_string(entry.number) + "_" + entry.name +
                       ", which this program does not know: either a newer version made it, and "
                       "that is the one to run, or its file was deleted, and has to come back",
                   "MIGRATION_UNKNOWN");
    }
    const auto& migration = migrations[i];
    if (entry.number != migration.number) {
      return unfit("the history of migrations has a gap before number " +
                       std::to_string(entry.number) +
                       ": rows of the table kit_migrations were removed by hand",
                   "MIGRATION_UNKNOWN");
    }
    if (entry.checksum != checksum(migration)) return edited(entry, migration, migrations);
  }
  return {};
}

Task<> create_history_table(Session& session) {
  co_await session.execute(create_history, {});
}

Task<> record_applied(Session& session, Dialect dialect, const MigrationStatus& status) {
  const std::array<Parameter, 4> parameters = {Parameter(std::int64_t{status.number}),
                                               Parameter(std::string_view(status.name)),
                                               Parameter(std::string_view(status.checksum)),
                                               Parameter(std::string_view(*status.applied_at))};
  co_await session.execute(
      "INSERT INTO kit_migrations (number, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
      parameters);
  co_await forget_failure(session, dialect, status.number);
}

Task<> record_undone(Session& session, Dialect dialect, std::uint32_t number) {
  const std::array<Parameter, 1> parameters = {Parameter(std::int64_t{number})};
  co_await session.execute("DELETE FROM kit_migrations WHERE number = ?1", parameters);
  co_await forget_failure(session, dialect, number);
}

Task<> record_failure(Database& database, const MigrationFailure& failure) {
  if (!database.has_transactional_schema()) co_await database.execute(create_failures, {});
  auto transaction = co_await database.begin();
  if (database.has_transactional_schema()) co_await transaction->execute(create_failures, {});
  const std::array<Parameter, 1> number = {Parameter(std::int64_t{failure.number})};
  co_await transaction->execute("DELETE FROM kit_migration_failures WHERE number = ?1", number);
  const std::string_view direction = failure.is_down ? "down" : "up";
  const std::array<Parameter, 8> parameters = {
      Parameter(std::int64_t{failure.number}),
      Parameter(direction),
      Parameter(std::string_view(failure.file)),
      Parameter(static_cast<std::int64_t>(failure.line)),
      Parameter(std::string_view(failure.statement)),
      Parameter(std::string_view(failure.error)),
      Parameter(std::string_view(failure.failed_at)),
      Parameter(static_cast<std::int64_t>(failure.statements_done))};
  co_await transaction->execute(
      "INSERT INTO kit_migration_failures\n"
      "  (number, direction, file, line, statement, statements_done, error, failed_at)\n"
      "VALUES (?1, ?2, ?3, ?4, ?5, ?8, ?6, ?7)",
      parameters);
  co_await transaction->commit();
}

}  // namespace kit::db::detail
