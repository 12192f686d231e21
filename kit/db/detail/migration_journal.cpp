// SPDX-License-Identifier: Apache-2.0
#include "kit/db/detail/migration_journal.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "kit/base/sha256.hpp"
#include "kit/base/uuid.hpp"
#include "kit/db/detail/history.hpp"
#include "kit/db/detail/index_build.hpp"
#include "kit/db/detail/migration_lock.hpp"
#include "kit/db/detail/schema_fingerprint.hpp"

namespace kit::db::detail {
namespace {

constexpr std::string_view create_columns =
    "CREATE TABLE IF NOT EXISTS kit_migration_journal (\n"
    "  number INTEGER PRIMARY KEY,\n"
    "  direction VARCHAR(4) NOT NULL,\n"
    "  is_partial INTEGER NOT NULL,\n"
    "  statements INTEGER NOT NULL,\n"
    "  statements_done INTEGER NOT NULL,\n"
    "  done_checksum VARCHAR(64) NOT NULL,\n"
    "  tables_before VARCHAR(64) NOT NULL,\n"
    "  runner VARCHAR(36) NOT NULL)";

/// Of the first `count` statements: their texts, each with its length.
std::string checksum_of(std::span<const ScriptStatement> statements, std::size_t count) {
  std::string all;
  for (const ScriptStatement& statement : statements.first(count)) {
    all.append(std::to_string(statement.sql.size())).append(":").append(statement.sql);
  }
  return sha256_hex(all);
}

/// Whether a transaction can hold it.
bool changes_rows(const ScriptStatement& statement) {
  static constexpr std::array<std::string_view, 6> words = {"insert",  "update", "delete",
                                                            "replace", "with",   "select"};
  return std::ranges::any_of(
      words, [&](std::string_view word) { return statement.tokens.front().is(word); });
}

}  // namespace

Task<> create_journal(Session& session, Dialect dialect) {
  std::string sql(create_columns);
  if (dialect == Dialect::mysql) sql += " ENGINE=InnoDB";
  co_await session.execute(sql, {});
}

Task<std::optional<JournalEntry>> read_journal(Session& session, Dialect dialect) {
  std::optional<JournalEntry> entry;
  const bool known = co_await has_table(session, dialect, "kit_migration_journal");
  if (!known) co_return std::nullopt;
  auto read = [&entry](const Row& row) -> Result<> {
    JournalEntry& found = entry.emplace();
    found.number = static_cast<std::uint32_t>(row.int64(0));
    found.is_down = row.text(1) == "down";
    found.is_partial = row.int64(2) != 0;
    found.statements = static_cast<std::size_t>(row.int64(3));
    found.done = static_cast<std::size_t>(row.int64(4));
    found.done_checksum = row.text(5);
    found.before = row.text(6);
    found.runner = row.text(7);
    return {};
  };
  RowSink sink(read);
  co_await session.query(
      "SELECT number, direction, is_partial, statements, statements_done, done_checksum,\n"
      "  tables_before, runner FROM kit_migration_journal",
      {}, sink);
  co_return std::move(entry);
}

Task<> JournaledScript::take(const std::vector<ScriptStatement>& statements,
                             const std::string& file) {
  const bool is_new = entry_.statements == 0 && entry_.done_checksum.empty();
  if (is_new) entry_.done_checksum = checksum_of(statements, 0);
  if (entry_.done > statements.size() ||
      entry_.done_checksum != checksum_of(statements, entry_.done)) {
    co_await Error(Code::failed_precondition,
                   file + ": the first " + std::to_string(entry_.done) +
                       " statements are in the database and were changed in the file: give them "
                       "their old text back, or undo the step with its old files")
        .with_reason("MIGRATION_EDITED");
  }
  entry_.statements = statements.size();
  entry_.runner = Uuid::make_v7().to_string();
  const std::array<Parameter, 8> parameters = {
      Parameter(std::int64_t{entry_.number}),
      Parameter(std::string_view(entry_.is_down ? "down" : "up")),
      Parameter(std::int64_t{entry_.is_partial ? 1 : 0}),
      Parameter(static_cast<std::int64_t>(entry_.statements)),
      Parameter(static_cast<std::int64_t>(entry_.done)),
      Parameter(std::string_view(entry_.done_checksum)),
      Parameter(std::string_view(entry_.before)),
      Parameter(std::string_view(entry_.runner))};
  // One statement: whoever had the step before, or nobody, until it is done.
  std::string sql = database_.dialect() == Dialect::mysql ? "REPLACE" : "INSERT";
  sql +=
      " INTO kit_migration_journal\n"
      "  (number, direction, is_partial, statements, statements_done, done_checksum,\n"
      "   tables_before, runner) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
  if (database_.dialect() != Dialect::mysql) {
    sql +=
        "\nON CONFLICT (number) DO UPDATE SET direction = excluded.direction,\n"
        "  is_partial = excluded.is_partial, statements = excluded.statements,\n"
        "  statements_done = excluded.statements_done, done_checksum = excluded.done_checksum,\n"
        "  tables_before = excluded.tables_before, runner = excluded.runner";
  }
  co_await session_.execute(sql, parameters);
}

Task<> JournaledScript::mark(Session& session, std::size_t done, std::string checksum,
                             std::string before) {
  const std::array<Parameter, 6> parameters = {Parameter(std::int64_t{entry_.number}),
                                               Parameter(std::string_view(entry_.runner)),
                                               Parameter(static_cast<std::int64_t>(entry_.done)),
                                               Parameter(static_cast<std::int64_t>(done)),
                                               Parameter(std::string_view(checksum)),
                                               Parameter(std::string_view(before))};
  const Session::Changed changed = co_await session.execute(
      "UPDATE kit_migration_journal\n"
      "   SET statements_done = ?4, done_checksum = ?5, tables_before = ?6\n"
      " WHERE number = ?1 AND runner = ?2 AND statements_done = ?3",
      parameters);
  if (changed.rows != 1) {
    co_await Error(Code::aborted,
                   "another runner has taken migration " + std::to_string(entry_.number) + " over")
        .with_reason("MIGRATION_RACE");
  }
}

/// The next statement is in the database.
Task<> JournaledScript::advance(Session& session, const std::vector<ScriptStatement>& statements) {
  co_await mark(session, entry_.done + 1, checksum_of(statements, entry_.done + 1), "");
}

/// A runner died at a statement that commits by itself: the tables tell whether it had run.
Task<> JournaledScript::settle() {
  if (entry_.before.empty() || entry_.done >= statements_->size()) co_return;
  if (database_.dialect() == Dialect::postgresql) {
    const std::optional<IndexBuild> build = co_await index_build((*statements_)[entry_.done]);
    if (!build) co_return;
    const std::string now = co_await index_state(session_, build->index);
    if (!is_built(*build, entry_.before, now)) co_return;
  } else {
    const std::string now = co_await schema_fingerprint(session_);
    if (now == entry_.before) co_return;
  }
  co_await advance(session_, *statements_);
  ++entry_.done;
  entry_.done_checksum = checksum_of(*statements_, entry_.done);
  entry_.before.clear();
}

Task<> JournaledScript::run(const std::vector<ScriptStatement>& statements, ScriptPlace& place) {
  statements_ = &statements;
  co_await settle();
  while (entry_.done < statements.size()) {
    const ScriptStatement& statement = statements[entry_.done];
    place.line = statement.line;
    place.statement = statement.first_line();
    auto done = co_await as_result(run_one(statement));
    if (!done) co_await located(std::move(done).error(), place.file, statement.line);
    ++entry_.done;
    entry_.done_checksum = checksum_of(statements, entry_.done);
    entry_.before.clear();
  }
  place.line = 0;
  place.statement.clear();
}

Task<> JournaledScript::run_one(const ScriptStatement& statement) {
  if (statement.check()) {
    const std::string aftermath = entry_.done == 0
                                      ? "nothing of this migration was applied"
                                      : "the statements before this one stay, and count as done";
    co_await run_statement(session_, statement, aftermath);
    co_await advance(session_, *statements_);
    co_return;
  }
  Task<> changing = fits_transaction(statement) ? change_rows(statement) : change_tables(statement);
  auto done = co_await as_result(std::move(changing));
  if (done.ok()) co_return;
  // What the step had not come to make can't be taken away.
  if (!entry_.is_partial || done.error().reason() != "UNKNOWN_OBJECT")
    co_await std::move(done).error();
  co_await advance(session_, *statements_);
}

bool JournaledScript::fits_transaction(const ScriptStatement& statement) const {
  return database_.dialect() == Dialect::postgresql ? !is_concurrent(statement)
                                                    : changes_rows(statement);
}

Task<> JournaledScript::change_rows(const ScriptStatement& statement) {
  auto transaction = co_await database_.begin_bulk();
  // The session of `change_tables` has its limit already.
  if (database_.dialect() == Dialect::postgresql)
    co_await detail::limit_waits(*transaction, Dialect::postgresql, table_wait_);
  co_await transaction->execute(statement.sql, {});
  co_await advance(*transaction, *statements_);
  co_await transaction->commit();
}

/// What an ended build left is in the way, and slows writers down.
Task<> JournaledScript::build_index(const ScriptStatement& statement) {
  const std::optional<IndexBuild> build = co_await index_build(statement);
  if (!build->is_drop) co_await drop_invalid(session_, build->index);
  const std::string before = co_await index_state(session_, build->index);
  co_await mark(session_, entry_.done, entry_.done_checksum, before);
  entry_.before = before;
  auto done = co_await as_result(session_.execute(statement.sql, {}));
  if (!done && !build->is_drop) {
    Error error = std::move(done).error();
    Result<std::string> found = std::string();
    if (error.reason() == "UNIQUE_VIOLATION")
      found = co_await as_result(duplicates(session_, build->index));
    // Where that is not possible any more the next try does it.
    const auto dropped = co_await as_result(drop_invalid(session_, build->index));
    if (!found || found->empty()) co_await std::move(error);
    co_await Error(Code::failed_precondition, std::move(found).value())
        .with_reason("MIGRATION_REFUSED")
        .with_cause(std::move(error));
  }
  if (!done) co_await std::move(done).error();
  co_await advance(session_, *statements_);
}

Task<> JournaledScript::change_tables(const ScriptStatement& statement) {
  if (database_.dialect() == Dialect::postgresql) {
    co_await build_index(statement);
    co_return;
  }
  const std::string before = co_await schema_fingerprint(session_);
  co_await mark(session_, entry_.done, entry_.done_checksum, before);
  entry_.before = before;
  co_await session_.execute(statement.sql, {});
  co_await advance(session_, *statements_);
}

Task<> close_journal(Session& session, const JournalEntry& entry) {
  const std::array<Parameter, 2> parameters = {Parameter(std::int64_t{entry.number}),
                                               Parameter(std::string_view(entry.runner))};
  const Session::Changed changed = co_await session.execute(
      "DELETE FROM kit_migration_journal WHERE number = ?1 AND runner = ?2", parameters);
  if (changed.rows == 1) co_return;
  co_await Error(Code::aborted,
                 "another runner has taken migration " + std::to_string(entry.number) + " over")
      .with_reason("MIGRATION_RACE");
}

}  // namespace kit::db::detail
