// SPDX-License-Identifier: Apache-2.0
#include "kit/db/detail/run_script.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "kit/db/detail/index_build.hpp"
#include "kit/db/detail/kept_objects.hpp"

namespace kit::db::detail {
namespace {

constexpr std::size_t shown_rows = 5;

Error not_in_a_migration(const SqlToken& word, std::string_view why) {
  return Error(Code::invalid_argument,
               std::string(word.text) + " can't be in a migration" + std::string(why))
      .with_reason("MIGRATIONS_INVALID");
}

/// Where each statement commits by itself a step goes on with another session after it was
/// interrupted, and no statement may be half done.
Result<> check_single(const ScriptStatement& statement) {
  static constexpr std::array<std::string_view, 10> refused = {
      "set", "use", "lock", "unlock", "call", "start", "prepare", "execute", "xa", "handler"};
  const SqlToken& word = statement.tokens.front();
  const bool is_refused =
      std::ranges::any_of(refused, [&](std::string_view name) { return word.is(name); });
  if (is_refused) return not_in_a_migration(word, ": its effect goes with the session");
  const bool is_made = word.is("create") || word.is("drop");
  if (is_made && statement.tokens.size() > 1 && statement.tokens[1].is("temporary"))
    return not_in_a_migration(statement.tokens[1], ": it goes with the session");
  const bool has_list = word.is("drop") && std::ranges::any_of(statement.tokens, [](const auto& t) {
                          return t.is(',');
                        });
  if (has_list) {
    return not_in_a_migration(
        word,
        " for several at once, of which one may be gone and another not: write "
        "a statement for each");
  }
  return {};
}

/// A step is one transaction: what would end it, or can't be in one, is refused.
Result<> check_statement(const ScriptStatement& statement) {
  static constexpr std::array<std::string_view, 9> refused = {
      "begin", "commit", "end", "rollback", "savepoint", "release", "attach", "detach", "vacuum"};
  const SqlToken& word = statement.tokens.front();
  const bool is_refused =
      std::ranges::any_of(refused, [&](std::string_view name) { return word.is(name); });
  if (!is_refused) return {};
  return not_in_a_migration(word, ", which is one transaction");
}

/// What PostgreSQL builds beside the writers can't be in a transaction.
Result<> check_concurrent(const ScriptStatement& statement, Dialect dialect, bool is_apart) {
  if (is_apart && dialect == Dialect::sqlite) {
    return Error(Code::invalid_argument,
                 "SQLite runs a migration as one transaction: take -- kit:no-transaction away")
        .with_reason("MIGRATIONS_INVALID");
  }
  if (dialect != Dialect::postgresql || !is_concurrent(statement)) return {};
  if (!is_apart) {
    return Error(Code::invalid_argument,
                 "CONCURRENTLY can't be in a transaction, which this migration is: put it into one "
                 "of its own that begins with -- kit:no-transaction")
        .with_reason("MIGRATIONS_INVALID");
  }
  auto build = index_build(statement);
  if (!build) return std::move(build).error();
  return {};
}

/// The rows that a check finds.
struct Found {
  std::size_t count = 0;
  std::string first;  ///< Their first columns.
};

Task<> run_check(Session& session, const ScriptStatement& statement, std::string message,
                 const std::string& aftermath) {
  Found found;
  const std::size_t shown = message.empty() ? 1 : shown_rows;
  auto read = [&found, shown](const Row& row) -> Result<> {
    if (++found.count > shown) return {};
    found.first.append(found.first.empty() ? "" : ", ");
    found.first.append(row.is_null(0) ? "null" : row.text(0));
    return {};
  };
  RowSink sink(read);
  co_await session.query(statement.sql, {}, sink);
  if (found.count == 0) co_return;
  if (message.empty()) {
    message = std::move(found.first);
  } else {
    message += " (" + std::to_string(found.count) + (found.count == 1 ? " row: " : " rows: ") +
               found.first + (found.count > shown_rows ? ", ...)" : ")");
  }
  message.append("; ").append(aftermath).append(". Mend the rows, and run it again");
  co_await Error(Code::failed_precondition, std::move(message)).with_reason("MIGRATION_REFUSED");
}

}  // namespace

Task<> run_statement(Session& session, const ScriptStatement& statement,
                     const std::string& aftermath) {
  std::optional<std::string> check = statement.check();
  if (check) {
    co_await run_check(session, statement, std::move(*check), aftermath);
  } else {
    co_await session.execute(statement.sql, {});
  }
}

Error located(Error error, const std::string& file, std::size_t line) {
  std::string message = file + ":" + std::to_string(line) + ": " + error.message();
  Code code = error.code();
  std::string reason = error.reason();
  return Error(code, std::move(message))
      .with_reason(std::move(reason))
      .with_cause(std::move(error));
}

bool is_without_transaction(const std::vector<ScriptStatement>& statements) {
  constexpr std::string_view mark = "-- kit:no-transaction";
  return !statements.empty() &&
         std::ranges::any_of(statements.front().comments, [&](const SqlToken& comment) {
           return comment.text.starts_with(mark) && statements.front().line >= comment.line;
         });
}

Result<std::vector<ScriptStatement>> read_script(std::string_view script, const std::string& file,
                                                 Dialect dialect) {
  auto statements = split_script(script);
  if (!statements)
    return Error(Code::invalid_argument, file + ": " + statements.error().message())
        .with_reason("MIGRATIONS_INVALID");
  const bool is_apart = is_without_transaction(*statements);
  for (const ScriptStatement& statement : *statements) {
    auto allowed = check_statement(statement);
    const bool is_single = is_apart || dialect == Dialect::mysql;
    if (allowed.ok() && is_single) allowed = check_single(statement);
    if (allowed.ok()) allowed = check_concurrent(statement, dialect, is_apart);
    if (!allowed) return located(std::move(allowed).error(), file, statement.line);
  }
  return statements;
}

static Task<> run_keeping(Session& session, const ScriptStatement& statement,
                          const std::string& aftermath, KeptObjects& kept) {
  const bool changes = !statement.check();
  if (changes) co_await kept.before(session, statement);
  co_await run_statement(session, statement, aftermath);
  if (changes) co_await kept.after(session);
}

Task<> run_script(Session& session, Dialect dialect, const std::vector<ScriptStatement>& statements,
                  ScriptPlace& place) {
  const std::string aftermath = "nothing of this migration was applied";
  KeptObjects kept(dialect);
  for (const ScriptStatement& statement : statements) {
    place.line = statement.line;
    place.statement = statement.first_line();
    auto done = co_await as_result(run_keeping(session, statement, aftermath, kept));
    if (!done) co_await located(std::move(done).error(), place.file, statement.line);
  }
  auto restored = co_await as_result(kept.restore(session));
  if (!restored) co_await located(std::move(restored).error(), place.file, place.line);
  place.line = 0;
  place.statement.clear();
}

}  // namespace kit::db::detail
