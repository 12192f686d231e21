// SPDX-License-Identifier: Apache-2.0
#include "kit/record/statement_effects.hpp"

#include <algorithm>
#include <string>

#include "kit/base/text.hpp"
#include "kit/db/sql_tokens.hpp"

namespace kit::record {
namespace {

using db::SqlToken;
using Tokens = std::span<const SqlToken>;

bool names(const SqlToken& token, std::string_view name) {
  return token.is_name() && db::sql_name(token) == name;
}
bool mentions(Tokens tokens, std::string_view name) {
  return std::ranges::any_of(tokens, [&](const SqlToken& token) { return names(token, name); });
}
bool has_word(Tokens tokens, std::string_view word) {
  return std::ranges::any_of(tokens, [&](const SqlToken& token) { return token.is(word); });
}
bool starts_with(Tokens tokens, std::initializer_list<std::string_view> words) {
  return tokens.size() >= words.size() &&
         std::ranges::equal(
             words, tokens.first(words.size()),
             [](std::string_view word, const SqlToken& token) { return token.is(word); });
}

/// Up to the comma, word or end that stands in no parentheses; the tokens before it.
template <class Ends>
Tokens until(Tokens tokens, Ends ends) {
  int depth = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (depth == 0 && ends(tokens[i])) return tokens.first(i);
    if (tokens[i].is('(')) ++depth;
    if (tokens[i].is(')')) --depth;
  }
  return tokens;
}

/// `?12` alone
std::optional<std::size_t> parameter(Tokens tokens) {
  if (tokens.size() != 2 || !tokens[0].is('?')) return std::nullopt;
  const auto number = parse_int(tokens[1].text);
  if (!number || *number < 1) return std::nullopt;
  return static_cast<std::size_t>(*number);
}

/// The parameter in `id = ?1`, perhaps with more conditions behind AND.
std::optional<std::size_t> id_condition(Tokens condition) {
  if (condition.size() < 4 || !names(condition[0], "id") || !condition[1].is('=')) {
    return std::nullopt;
  }
  const Tokens rest = condition.subspan(4);
  if (!rest.empty() && !rest.front().is("AND")) return std::nullopt;
  if (has_word(rest, "OR") || has_word(rest, "XOR") || has_word(rest, "UNION") ||
      has_word(rest, "RETURNING")) {
    return std::nullopt;
  }
  return parameter(condition.subspan(2, 2));
}

/// A statement of one of the forms that generated code has.
struct Plain {
  std::string target;  ///< The only table that it changes.
  bool deletes = false;
  std::optional<std::size_t> id_parameter = std::nullopt;
};

/// UPDATE t SET a = 1, b = 2 WHERE id = ?1
std::optional<Plain> read_update(Tokens tokens) {
  if (tokens.size() < 4 || !tokens[0].is("UPDATE") || !tokens[1].is_name() ||
      !tokens[2].is("SET")) {
    return std::nullopt;
  }
  Plain plain{db::sql_name(tokens[1])};
  const Tokens changes =
      until(tokens.subspan(3), [](const SqlToken& token) { return token.is("WHERE"); });
  // UPDATE ... SET ... FROM others changes the target alone too.
  const Tokens condition = tokens.subspan(std::min(tokens.size(), 4 + changes.size()));
  const bool changes_id = mentions(changes, "id");
  if (!changes_id) plain.id_parameter = id_condition(condition);
  return plain;
}

/// DELETE FROM t WHERE id = ?1
std::optional<Plain> read_delete(Tokens tokens) {
  if (!starts_with(tokens, {"DELETE", "FROM"}) || tokens.size() < 3 || !tokens[2].is_name()) {
    return std::nullopt;
  }
  if (tokens.size() > 3 && !tokens[3].is("WHERE")) return std::nullopt;
  Plain plain{db::sql_name(tokens[2]), true};
  if (tokens.size() > 3) plain.id_parameter = id_condition(tokens.subspan(4));
  return plain;
}

/// INSERT INTO t (id, a) VALUES (?1, ?2), perhaps with RETURNING
std::optional<Plain> read_insert(Tokens tokens) {
  if (!starts_with(tokens, {"INSERT", "INTO"}) || tokens.size() < 5 || !tokens[2].is_name() ||
      !tokens[3].is('(')) {
    return std::nullopt;
  }
  const auto closes = [](const SqlToken& token) { return token.is(')'); };
  const Tokens columns = until(tokens.subspan(4), closes);
  Plain plain{db::sql_name(tokens[2])};
  const Tokens rest = tokens.subspan(std::min(tokens.size(), 5 + columns.size()));
  // ON CONFLICT and the like may change another row, and REPLACE deletes it.
  if (has_word(rest, "CONFLICT") || has_word(rest, "DUPLICATE") || has_word(rest, "REPLACE")) {
    return plain;
  }
  if (rest.size() < 2 || !rest[0].is("VALUES") || !rest[1].is('(')) return plain;
  Tokens values = until(rest.subspan(2), closes);
  const Tokens behind = rest.subspan(std::min(rest.size(), 3 + values.size()));
  if (!behind.empty() && !behind[0].is("RETURNING")) return plain;
  const auto is_comma = [](const SqlToken& token) { return token.is(','); };
  for (std::size_t column = 0; column < columns.size(); column += 2) {
    const Tokens value = until(values, is_comma);
    if (names(columns[column], "id")) {
      plain.id_parameter = parameter(value);
      return plain;
    }
    values = values.subspan(std::min(values.size(), value.size() + 1));
  }
  return plain;
}

std::optional<Plain> read_plain(Tokens tokens) {
  if (auto plain = read_update(tokens)) return plain;
  if (auto plain = read_delete(tokens)) return plain;
  return read_insert(tokens);
}

bool any_mentioned(Tokens tokens, std::span<const std::string_view> tables) {
  return std::ranges::any_of(tables,
                             [&](std::string_view table) { return mentions(tokens, table); });
}

}  // namespace

std::vector<Effect> effects_of(std::string_view sql, std::span<const CachedTable> tables) {
  auto read = db::sql_tokens(sql);
  std::vector<SqlToken> tokens = read ? *std::move(read) : std::vector<SqlToken>();
  const bool is_broken = tokens.empty() && !sql.empty();
  std::erase_if(tokens,
                [](const SqlToken& token) { return token.kind == db::SqlTokenKind::comment; });
  while (!tokens.empty() && tokens.back().is(';')) tokens.pop_back();
  std::vector<Effect> effects;
  if (!tokens.empty() && (tokens[0].is("SELECT") || tokens[0].is("EXPLAIN"))) return effects;
  // Several statements in one text are not plain: their mentions count.
  const bool is_one = !std::ranges::any_of(tokens, [](const SqlToken& t) { return t.is(';'); });
  const std::optional<Plain> plain = is_one ? read_plain(tokens) : std::nullopt;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const CachedTable& table = tables[i];
    const std::span<const std::string_view> others = table.changed_by_deletes_of;
    if (plain) {
      const bool takes_along =
          plain->deletes && std::ranges::find(others, plain->target) != others.end();
      if (takes_along) {
        effects.push_back({i, std::nullopt});
      } else if (plain->target == table.table) {
        effects.push_back({i, plain->id_parameter});
      }
    } else if (is_broken || mentions(tokens, table.table) || any_mentioned(tokens, others)) {
      effects.push_back({i, std::nullopt});
    }
  }
  return effects;
}

}  // namespace kit::record
