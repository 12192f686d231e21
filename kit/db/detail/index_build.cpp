// SPDX-License-Identifier: Apache-2.0
#include "kit/db/detail/index_build.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kit::db::detail {
namespace {

Error refused(const std::string& message) {
  return Error(Code::invalid_argument, message).with_reason("MIGRATIONS_INVALID");
}

/// Reads the words of a statement from left to right.
class Words {
 public:
  explicit Words(const ScriptStatement& statement) : tokens_(statement.tokens) {}
  bool take(std::string_view word) {
    const bool is_it = at_ < tokens_.size() && tokens_[at_].is(word);
    if (is_it) ++at_;
    return is_it;
  }
  /// A name as it is written, perhaps with its schema; "" for none.
  std::string name() {
    std::string text;
    while (at_ < tokens_.size() && tokens_[at_].is_name()) {
      text.append(tokens_[at_++].text);
      if (at_ >= tokens_.size() || !tokens_[at_].is('.')) break;
      text.append(".");
      ++at_;
    }
    return text;
  }

 private:
  const std::vector<SqlToken>& tokens_;
  std::size_t at_ = 0;
};

Task<std::string> text_of(Session& session, std::string_view sql, std::string_view parameter) {
  std::string value;
  auto read = [&value](const Row& row) -> Result<> {
    if (!row.is_null(0)) value = row.text(0);
    return {};
  };
  RowSink sink(read);
  const std::array<Parameter, 1> parameters = {Parameter(parameter)};
  co_await session.query(sql, parameters, sink);
  co_return value;
}

}  // namespace

bool is_concurrent(const ScriptStatement& statement) {
  return std::ranges::any_of(statement.tokens,
                             [](const SqlToken& token) { return token.is("concurrently"); });
}

Result<std::optional<IndexBuild>> index_build(const ScriptStatement& statement) {
  if (!is_concurrent(statement)) return std::optional<IndexBuild>();
  Words words(statement);
  IndexBuild build;
  build.is_drop = words.take("drop");
  if (!build.is_drop && !words.take("create"))
    return refused("only CREATE INDEX and DROP INDEX can be CONCURRENTLY in a migration");
  words.take("unique");
  const bool is_index = words.take("index") && words.take("concurrently");
  if (!is_index)
    return refused("only CREATE INDEX and DROP INDEX can be CONCURRENTLY in a migration");
  if (words.take("if")) {
    words.take("not");
    words.take("exists");
  } else if (words.take("on")) {
    return refused("an index that is built CONCURRENTLY needs a name in a migration");
  }
  build.index = words.name();
  if (build.index.empty())
    return refused("an index that is built CONCURRENTLY needs a name in a migration");
  return std::optional<IndexBuild>(std::move(build));
}

Task<std::string> index_state(Session& session, std::string_view index) {
  std::string state =
      co_await text_of(session,
                       "SELECT CASE WHEN indisvalid THEN 'valid' ELSE 'invalid' END FROM pg_index\n"
                       "WHERE indexrelid = to_regclass(?1::text)",
                       index);
  if (state.empty()) state = "none";
  co_return state;
}

bool is_built(const IndexBuild& build, std::string_view before, std::string_view now) {
  return build.is_drop ? before != "none" && now == "none" : before == "none" && now == "valid";
}

/// `index` is a name of the script, as it is written.
Task<> drop_invalid(Session& session, std::string_view index) {
  const std::string state = co_await index_state(session, index);
  if (state != "invalid") co_return;
  const std::string sql = "DROP INDEX CONCURRENTLY " + std::string(index);
  co_await session.execute(sql, {});
}

/// The texts come from the catalogue, which quotes names.
Task<std::string> duplicates(Session& session, std::string_view index) {
  const std::string columns =
      co_await text_of(session,
                       "SELECT string_agg(pg_get_indexdef(indexrelid, place, true), ', ' ORDER BY "
                       "place) FROM pg_index, generate_series(1, indnkeyatts::integer) AS place\n"
                       "WHERE indexrelid = to_regclass(?1::text)",
                       index);
  const std::string table =
      co_await text_of(session,
                       "SELECT indrelid::regclass::text FROM pg_index WHERE indexrelid = "
                       "to_regclass(?1::text)",
                       index);
  if (columns.empty() || table.empty()) co_return std::string();
  const std::string condition =
      co_await text_of(session,
                       "SELECT pg_get_expr(indpred, indrelid) FROM pg_index\n"
                       "WHERE indexrelid = to_regclass(?1::text)",
                       index);
  std::string sql =
      "SELECT count(*)::bigint, coalesce(sum(rows), 0)::bigint FROM (SELECT count(*) "
      "AS rows FROM " +
      table;
  if (!condition.empty()) sql.append(" WHERE ").append(condition);
  sql.append(" GROUP BY ").append(columns);
  // Rows with a NULL among them never stand in each other's way.
  sql.append(" HAVING count(*) > 1 AND ROW(").append(columns).append(") IS NOT NULL) AS twice");
  std::int64_t values = 0;
  std::int64_t rows = 0;
  auto read = [&](const Row& row) -> Result<> {
    values = row.int64(0);
    rows = row.int64(1);
    return {};
  };
  RowSink sink(read);
  co_await session.query(sql, {}, sink);
  if (values == 0) co_return std::string();
  co_return std::to_string(values) + (values == 1 ? " value" : " values") + " of (" + columns +
      ") in " + table + (values == 1 ? " stands in " : " stand in ") + std::to_string(rows) +
      " rows: make them differ, or put them together";
}

}  // namespace kit::db::detail
