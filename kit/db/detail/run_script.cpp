// SPDX-License-Identifier: Apache-2.0
#include "kit/db/detail/run_script.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "kit/db/detail/kept_objects.hpp"

namespace kit::db::detail {
namespace {

constexpr std::size_t shown_rows = 5;

/// A step is one transaction: what would end it, or can't be in one, is refused.
Result<> check_statement(const ScriptStatement& statement) {
  static constexpr std::array<std::string_view, 9> refused = {
      "begin", "commit", "end", "rollback", "savepoint", "release", "attach", "detach", "vacuum"};
  const SqlToken& word = statement.tokens.front();
  const bool is_refused =
      std::ranges::any_of(refused, [&](std::string_view name) { return word.is(name); });
  if (!is_refused) return {};
  return Error(Code::invalid_argument,
               std::string(word.text) + " can't be in a migration, which is one transaction")
      .with_reason("MIGRATIONS_INVALID");
}

/// The rows that a check finds.
struct Found {
  std::size_t count = 0;
  std::string first;  ///< Their first columns.
};

Task<> run_check(Session& session, const ScriptStatement& statement, std::string message) {
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
  message += "; nothing of this migration was applied. Mend the rows, and run it again";
  co_await Error(Code::failed_precondition, std::move(message)).with_reason("MIGRATION_REFUSED");
}

Task<> run_statement(Session& session, const ScriptStatement& statement, KeptObjects& kept) {
  std::optional<std::string> check = statement.check();
  if (check) {
    co_await run_check(session, statement, std::move(*check));
  } else {
    co_await kept.before(session, statement);
    co_await session.execute(statement.sql, {});
    co_await kept.after(session);
  }
}

}  // namespace

Error located(Error error, const std::string& file, std::size_t line) {
  std::string message = file + ":" + std::to_string(line) + ": " + error.message();
  Code code = error.code();
  std::string reason = error.reason();
  return Error(code, std::move(message))
      .with_reason(std::move(reason))
      .with_cause(std::move(error));
}

Result<std::vector<ScriptStatement>> read_script(std::string_view script, const std::string& file) {
  auto statements = split_script(script);
  if (!statements)
    return Error(Code::invalid_argument, file + ": " + statements.error().message())
        .with_reason("MIGRATIONS_INVALID");
  for (const ScriptStatement& statement : *statements) {
    auto allowed = check_statement(statement);
    if (!allowed) return located(std::move(allowed).error(), file, statement.line);
  }
  return statements;
}

Task<> run_script(Session& session, std::string_view dialect,
                  const std::vector<ScriptStatement>& statements, ScriptPlace& place) {
  KeptObjects kept(dialect);
  for (const ScriptStatement& statement : statements) {
    place.line = statement.line;
    place.statement = statement.first_line();
    auto done = co_await as_result(run_statement(session, statement, kept));
    if (!done) co_await located(std::move(done).error(), place.file, statement.line);
  }
  auto restored = co_await as_result(kept.restore(session));
  if (!restored) co_await located(std::move(restored).error(), place.file, place.line);
  place.line = 0;
  place.statement.clear();
}

}  // namespace kit::db::detail
