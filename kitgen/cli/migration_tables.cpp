// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/migration_tables.hpp"

#include <algorithm>
#include <array>

#include "kitgen/evolve/catalogue.hpp"

namespace kitgen::cli {
namespace {

using kit::db::ScriptStatement;
using kit::db::sql_name;
using kit::db::SqlToken;

using Tokens = std::vector<SqlToken>;

bool is_at(const Tokens& tokens, std::size_t at, std::string_view word) {
  return at < tokens.size() && tokens[at].is(word);
}

/// The part of a CREATE TABLE between two commas of its own level.
void read_definition(const Tokens& part, LintTable& table) {
  if (part.empty()) return;
  std::size_t at = 0;
  if (part[0].is("constraint")) at = 2;
  const bool is_foreign = is_at(part, at, "foreign");
  const bool is_key = is_at(part, at, "primary") || is_at(part, at, "unique");
  if (is_foreign || is_key) {
    while (at < part.size() && !part[at].is('(')) ++at;
    if (at + 1 >= part.size()) return;
    if (is_foreign) table.references.push_back({sql_name(part[at + 1]), part[0]});
    if (is_key) table.led.insert(sql_name(part[at + 1]));
    return;
  }
  const std::string column = sql_name(part[0]);
  table.columns.insert(column);
  for (std::size_t i = 1; i < part.size(); ++i) {
    if (part[i].is("references")) table.references.push_back({column, part[i]});
    if (part[i].is("primary") || part[i].is("unique")) table.led.insert(column);
    if (part[i].is("autoincrement")) table.is_sequence = true;
  }
}

}  // namespace

LintTable read_table(const ScriptStatement& statement) {
  LintTable table;
  Tokens part;
  std::size_t depth = 0;
  for (const SqlToken& token : statement.tokens) {
    if (token.is(')') && depth > 0) --depth;
    const bool ends = (token.is(',') && depth == 1) || (token.is(')') && depth == 0);
    if (ends) {
      read_definition(part, table);
      part.clear();
    } else if (depth > 0) {
      part.push_back(token);
    } else if (token.is("strict")) {
      table.is_strict = true;
    }
    if (token.is('(')) ++depth;
  }
  return table;
}

std::vector<Reference> added_references(const ScriptStatement& statement,
                                        const std::string& column) {
  for (const SqlToken& token : statement.tokens) {
    if (token.is("references")) return {{column, token}};
  }
  return {};
}

std::vector<std::string> index_columns(const ScriptStatement& statement) {
  std::vector<std::string> columns;
  std::size_t depth = 0;
  bool starts = false;
  for (const SqlToken& token : statement.tokens) {
    if (depth == 0 && token.is("where")) break;
    if (token.is(')') && depth > 0) --depth;
    if (depth == 1 && starts) columns.push_back(token.is_name() ? sql_name(token) : "");
    // lower(name): a name in front of a bracket is no column.
    if (token.is('(') && depth == 1 && !columns.empty()) columns.back().clear();
    if (token.is('(')) ++depth;
    starts = depth == 1 && (token.is('(') || token.is(','));
  }
  return columns;
}

bool is_library_table(const kit::db::StatementEffect& effect) {
  const bool makes = effect.kind == kit::db::StatementEffect::Kind::create_table ||
                     effect.kind == kit::db::StatementEffect::Kind::create_index ||
                     effect.kind == kit::db::StatementEffect::Kind::drop_table;
  const bool is_generated =
      std::ranges::any_of(evolve::system_tables(), [&](const evolve::SystemTable& each) {
        return evolve::name_of_form(each.name) == effect.table;
      });
  if (is_generated && makes) return false;
  return std::ranges::any_of(std::array{effect.table, effect.name}, [](const std::string& name) {
    return name.starts_with("kit_") && !name.starts_with("kit_new_");
  });
}

}  // namespace kitgen::cli
