// SPDX-License-Identifier: Apache-2.0
#include "kit/db/migration_locks.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <utility>

#include "kit/db/migration_effects.hpp"

namespace kit::db {
namespace {

using Kind = StatementEffect::Kind;
using Stops = TableLock::Stops;
using Tokens = std::span<const SqlToken>;

constexpr std::string_view apart_remedy =
    "CREATE INDEX CONCURRENTLY, in a migration of its own that begins with -- kit:no-transaction";
constexpr std::string_view not_valid_remedy =
    "add it NOT VALID, and VALIDATE CONSTRAINT in the next migration, which stops nobody";
constexpr std::string_view not_null_remedy =
    "add CHECK (... IS NOT NULL) NOT VALID, validate it in the next migration, and then SET NOT "
    "NULL reads no row";
constexpr std::string_view rewrite_remedy =
    "add a column beside it, fill it in portions, and change over when it is full; or do it when "
    "nobody needs the table";
constexpr std::string_view key_remedy =
    "build the index CONCURRENTLY first, then ADD CONSTRAINT ... USING INDEX";

bool has(Tokens tokens, std::string_view word) {
  return std::ranges::any_of(tokens, [&](const SqlToken& token) { return token.is(word); });
}

bool has_pair(Tokens tokens, std::string_view first, std::string_view second) {
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].is(first) && tokens[i + 1].is(second)) return true;
  }
  return false;
}

bool starts(Tokens tokens, std::initializer_list<std::string_view> words) {
  if (tokens.size() < words.size()) return false;
  return std::ranges::equal(words, tokens.first(words.size()),
                            [](std::string_view word, const SqlToken& t) { return t.is(word); });
}

/// The actions of an ALTER TABLE, and the words in front of them left out.
std::vector<Tokens> actions_of(const ScriptStatement& statement) {
  Tokens rest(statement.tokens);
  // ALTER TABLE [IF EXISTS] [ONLY] name
  std::size_t at = 2;
  while (at < rest.size() && (rest[at].is("if") || rest[at].is("exists") || rest[at].is("only"))) {
    ++at;
  }
  ++at;
  while (at + 1 < rest.size() && rest[at].is('.')) at += 2;
  std::vector<Tokens> actions;
  std::size_t depth = 0;
  std::size_t begin = at;
  for (; at <= rest.size(); ++at) {
    const bool is_end = at == rest.size() || (depth == 0 && rest[at].is(','));
    if (is_end && at > begin) actions.push_back(rest.subspan(begin, at - begin));
    if (is_end) begin = at + 1;
    if (at == rest.size()) break;
    if (rest[at].is('(')) ++depth;
    if (rest[at].is(')') && depth > 0) --depth;
  }
  return actions;
}

/// The table behind REFERENCES; "" for none.
std::string referenced(Tokens tokens) {
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].is("references") && tokens[i + 1].is_name()) return sql_name(tokens[i + 1]);
  }
  return "";
}

/// A default that differs from row to row has to be written into each.
bool is_volatile(Tokens tokens) {
  constexpr std::array<std::string_view, 8> calls = {
      "random",  "gen_random_uuid",  "clock_timestamp", "timeofday",
      "nextval", "uuid_generate_v4", "serial",          "bigserial"};
  return has(tokens, "stored") || has(tokens, "identity") ||
         std::ranges::any_of(calls, [&](std::string_view call) { return has(tokens, call); });
}

/// One action of PostgreSQL's ALTER TABLE.
class PostgresAction {
 public:
  PostgresAction(std::string table, Tokens tokens) : table_(std::move(table)), tokens_(tokens) {}

  std::vector<TableLock> locks() {
    if (starts(tokens_, {"add"})) {
      add();
    } else if (starts(tokens_, {"alter"})) {
      alter();
    } else if (starts(tokens_, {"validate"})) {
      push(Stops::schema, "SHARE UPDATE EXCLUSIVE", "check", "", "");
    } else {
      push(Stops::all, "ACCESS EXCLUSIVE", "", "", "");
    }
    return std::move(locks_);
  }

 private:
  void push(Stops stops, std::string lock, std::string_view work, std::string_view rule,
            std::string_view remedy) {
    locks_.push_back({table_, stops, std::move(lock), work, rule, remedy});
  }

  void add() {
    const bool is_constraint =
        tokens_.size() > 1 &&
        (tokens_[1].is("constraint") || tokens_[1].is("check") || tokens_[1].is("foreign") ||
         tokens_[1].is("unique") || tokens_[1].is("primary") || tokens_[1].is("exclude"));
    const bool is_checked = !has_pair(tokens_, "not", "valid");
    const std::string target = referenced(tokens_);
    if (is_constraint && !target.empty()) {
      add_foreign_key(target, is_checked);
    } else if (is_constraint && has(tokens_, "check")) {
      push(Stops::all, "ACCESS EXCLUSIVE", is_checked ? "check" : "",
           is_checked ? "check-scan" : "", not_valid_remedy);
    } else if (is_constraint) {
      const bool is_built = has_pair(tokens_, "using", "index");
      push(Stops::all, "ACCESS EXCLUSIVE", is_built ? "" : "index",
           is_built ? "" : "constraint-index", key_remedy);
    } else {
      const bool rewrites = is_volatile(tokens_);
      push(Stops::all, "ACCESS EXCLUSIVE", rewrites ? "rewrite" : "",
           rewrites ? "table-rewrite" : "",
           "add it without the default, fill it in portions, then set the default");
      if (!target.empty())
        locks_.push_back({target, Stops::writers, "SHARE ROW EXCLUSIVE", "", "", ""});
    }
  }

  void add_foreign_key(const std::string& target, bool is_checked) {
    push(Stops::writers, "SHARE ROW EXCLUSIVE", is_checked ? "check" : "",
         is_checked ? "foreign-key-scan" : "", not_valid_remedy);
    locks_.push_back({target, Stops::writers, "SHARE ROW EXCLUSIVE", "", "", ""});
  }

  void alter() {
    if (has(tokens_, "type")) {
      push(Stops::all, "ACCESS EXCLUSIVE", "rewrite", "table-rewrite", rewrite_remedy);
    } else if (has(tokens_, "set") && has_pair(tokens_, "not", "null")) {
      push(Stops::all, "ACCESS EXCLUSIVE", "check", "not-null-scan", not_null_remedy);
    } else {
      push(Stops::all, "ACCESS EXCLUSIVE", "", "", "");
    }
  }

  std::string table_;
  Tokens tokens_;
  std::vector<TableLock> locks_;
};

/// One action of MariaDB's ALTER TABLE: InnoDB does most beside readers and writers.
TableLock mysql_action(const std::string& table, Tokens tokens) {
  constexpr std::string_view moment = "exclusive metadata lock, for a moment";
  const bool changes_type = starts(tokens, {"modify"}) || starts(tokens, {"change"});
  const bool is_key = !referenced(tokens).empty();
  const bool is_check = starts(tokens, {"add"}) && has(tokens, "check");
  const bool is_stored =
      starts(tokens, {"add"}) && (has(tokens, "stored") || has(tokens, "persistent"));
  const bool is_index = starts(tokens, {"add"}) &&
                        (has(tokens, "index") || has(tokens, "key") || has(tokens, "unique"));
  if (changes_type || is_stored)
    return {table,     Stops::writers,  "shared metadata lock, for a copy of the table",
            "rewrite", "table-rewrite", rewrite_remedy};
  if (is_key)
    return {table,
            Stops::writers,
            "shared metadata lock, for a copy of the table",
            "rewrite",
            "foreign-key-scan",
            "do it when nobody writes: rows are checked while they are copied"};
  if (is_check)
    return {table,
            Stops::writers,
            "shared metadata lock, for a copy of the table",
            "rewrite",
            "check-scan",
            "do it when nobody writes: rows are checked while they are copied"};
  return {table,
          is_index ? Stops::schema : Stops::all,
          std::string(moment),
          is_index ? "index" : "",
          "",
          ""};
}

std::vector<TableLock> of_alter(const ScriptStatement& statement, const std::string& table,
                                Dialect dialect) {
  std::vector<TableLock> locks;
  for (const Tokens action : actions_of(statement)) {
    if (dialect == Dialect::mysql) {
      locks.push_back(mysql_action(table, action));
      continue;
    }
    for (TableLock& lock : PostgresAction(table, action).locks()) locks.push_back(std::move(lock));
  }
  return locks;
}

TableLock of_index(const ScriptStatement& statement, const std::string& table, Dialect dialect) {
  if (dialect == Dialect::mysql)
    return {table, Stops::schema, "exclusive metadata lock, for a moment", "index", "", ""};
  if (has(statement.tokens, "concurrently"))
    return {table, Stops::schema, "SHARE UPDATE EXCLUSIVE", "index", "", ""};
  return {table, Stops::writers, "SHARE", "index", "index-blocks-writes", apart_remedy};
}

}  // namespace

std::vector<TableLock> table_locks(const ScriptStatement& statement, Dialect dialect) {
  if (dialect == Dialect::sqlite || statement.tokens.empty()) return {};
  const StatementEffect effect = effect_of(statement);
  const Tokens tokens(statement.tokens);
  const bool is_postgres = dialect == Dialect::postgresql;
  const std::string whole = is_postgres ? "ACCESS EXCLUSIVE" : "exclusive metadata lock";
  if (starts(tokens, {"truncate"})) return {{effect.table, Stops::all, whole, "", "", ""}};
  if (starts(tokens, {"alter", "table"})) return of_alter(statement, effect.table, dialect);
  switch (effect.kind) {
    case Kind::create_index:
      return {of_index(statement, effect.table, dialect)};
    case Kind::drop_table:
    case Kind::rename_table:
      return {{effect.table, Stops::all, whole, "", "", ""}};
    case Kind::create_table: {
      const std::string target = referenced(tokens);
      if (!is_postgres || target.empty()) return {};
      return {{target, Stops::writers, "SHARE ROW EXCLUSIVE", "", "", ""}};
    }
    case Kind::update:
    case Kind::erase:
      return {{effect.table, Stops::nobody, "of the rows that change", "", "", ""}};
    default:
      break;
  }
  const bool rewrites =
      starts(tokens, {"cluster"}) || starts(tokens, {"reindex"}) || starts(tokens, {"optimize"});
  if (!rewrites) return {};
  std::string table;
  for (const SqlToken& token : tokens.subspan(1)) {
    if (token.is("table") || token.is("index") || !token.is_name()) continue;
    table = sql_name(token);
    break;
  }
  return {{table, Stops::all, whole, "rewrite", "table-rewrite", rewrite_remedy}};
}

}  // namespace kit::db
