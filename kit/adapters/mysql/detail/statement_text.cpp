// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/statement_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/db/sql_tokens.hpp"

namespace kit::mysql::detail {
namespace {

using db::SqlToken;
using db::SqlTokenKind;

constexpr long long most_parameters = 1'000;

template <std::size_t N>
bool is_one_of(const SqlToken& token, const std::array<std::string_view, N>& words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return token.is(word); });
}

constexpr std::array<std::string_view, 12> after_a_table = {"where", "set",   "values", "select",
                                                            "on",    "using", "join",   "left",
                                                            "inner", "cross", "order",  "group"};

/// A column as it is written: `c`, `t.c`, `"t"."c"`.
struct ColumnName {
  std::string table;
  std::string column;
};

/// Reads a statement's tokens, comments left out.
class Reader {
 public:
  Reader(std::string_view sql, std::vector<SqlToken> tokens)
      : sql_(sql), tokens_(std::move(tokens)) {}

  Result<StatementText> read() {
    classify();
    KIT_TRY(find_places());
    find_tables();
    for (std::size_t i = 0; i < out_.places.size(); ++i) meet(i);
    meet_inserted();
    return std::move(out_);
  }

 private:
  static const SqlToken& nothing() {
    static const SqlToken none = [] {
      SqlToken token;
      token.kind = SqlTokenKind::comment;  // which no question about a token is true of
      return token;
    }();
    return none;
  }
  const SqlToken& at(std::size_t i) const { return i < tokens_.size() ? tokens_[i] : nothing(); }

  void classify() {
    static constexpr std::array<std::string_view, 6> reads = {"select", "with",     "show",
                                                              "values", "describe", "explain"};
    static constexpr std::array<std::string_view, 13> schema = {
        "create",  "alter",  "drop",     "rename", "truncate", "grant", "revoke",
        "analyze", "repair", "optimize", "lock",   "unlock",   "flush"};
    std::size_t first = 0;
    while (at(first).is('(')) ++first;
    out_.is_read = is_one_of(at(first), reads);
    for (std::size_t i = first; out_.is_read && i < tokens_.size(); ++i) {
      // SELECT ... INTO OUTFILE, and what MySQL lets a WITH do.
      static constexpr std::array<std::string_view, 4> writes = {"into", "insert", "update",
                                                                 "delete"};
      out_.is_read = !is_one_of(at(i), writes);
    }
    out_.changes_schema = is_one_of(at(0), schema) &&
                          !((at(0).is("create") || at(0).is("drop")) && at(1).is("temporary"));
  }

  /// The places, and the text with `?` only.
  Result<> find_places() {
    const char* copied = sql_.data();
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (!at(i).is('?')) continue;
      const SqlToken& number = at(i + 1);
      const char* const mark = at(i).text.data();
      const auto value = number.kind == SqlTokenKind::number && number.text.data() == mark + 1
                             ? parse_int(number.text)
                             : std::nullopt;
      if (!value || *value < 1 || *value > most_parameters) {
        return Error(Code::internal,
                     "a parameter that is not ?1 to ?1000 in: " + std::string(sql_));
      }
      out_.sql.append(copied, mark + 1);
      copied = number.text.data() + number.text.size();
      Place place;
      place.parameter = static_cast<std::size_t>(*value - 1);
      out_.parameters = std::max(out_.parameters, place.parameter + 1);
      out_.places.push_back(std::move(place));
      starts_.push_back(i);
    }
    out_.sql.append(copied, sql_.data() + sql_.size());
    return {};
  }

  void find_tables() {
    static constexpr std::array<std::string_view, 4> before = {"from", "join", "into", "update"};
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (!is_one_of(at(i), before) || !at(i + 1).is_name()) continue;
      std::size_t next = i + 1;
      do {
        next = table(next, at(i));
      } while (at(i).is("from") && at(next - 1).is(',') && at(next).is_name());
    }
    if (!out_.tables.empty() &&
        (at(0).is("insert") || at(0).is("update") || at(0).is("replace") || at(0).is("delete"))) {
      out_.target = out_.tables.front().name;
    }
  }

  /// One table of a list; the place behind it, and behind its comma.
  std::size_t table(std::size_t i, const SqlToken& keyword) {
    StatementText::Table found;
    if (at(i + 1).is('.')) i += 2;  // its database
    found.name = found.alias = sql_name(at(i));
    ++i;
    if (at(i).is("as")) ++i;
    if (at(i).is_name() && !is_one_of(at(i), after_a_table) && !keyword.is("into")) {
      found.alias = sql_name(at(i));
      ++i;
    }
    out_.tables.push_back(std::move(found));
    return i + 1;
  }

  /// The column whose last token is `end`.
  std::optional<ColumnName> column_before(std::size_t end) const {
    if (end >= tokens_.size() || !at(end).is_name()) return std::nullopt;
    if (end >= 2 && at(end - 1).is('.') && at(end - 2).is_name())
      return ColumnName{sql_name(at(end - 2)), sql_name(at(end))};
    return ColumnName{"", sql_name(at(end))};
  }
  std::optional<ColumnName> column_after(std::size_t start) const {
    if (!at(start).is_name() || at(start + 1).is('(')) return std::nullopt;
    if (at(start + 1).is('.') && at(start + 2).is_name())
      return ColumnName{sql_name(at(start)), sql_name(at(start + 2))};
    return ColumnName{"", sql_name(at(start))};
  }
  static bool is_comparison(const SqlToken& token) {
    return token.is('=') || token.is('<') || token.is('>');
  }
  /// The place before a comparison that ends at `end`: <, <=, <>, !=, <=>.
  std::size_t before_comparison(std::size_t end) const {
    while (end > 0 && (is_comparison(at(end)) || at(end).is('!'))) --end;
    return end;
  }

  void meet(std::size_t index) {
    const std::size_t start = starts_[index];
    if (start == 0) return;
    Place& place = out_.places[index];
    place.cast = cast_of(start);
    if (place.cast != Temporal::none) return;
    if (auto column = column_at(start)) {
      place.table = std::move(column->table);
      place.column = std::move(column->column);
    }
  }

  Temporal cast_of(std::size_t start) const {
    const bool is_cast = start >= 2 && at(start - 1).is('(') && at(start - 2).is("cast");
    if (!is_cast || !at(start + 2).is("as")) return Temporal::none;
    const SqlToken& type = at(start + 3);
    if (type.is("datetime")) return Temporal::timestamp;
    if (type.is("date")) return Temporal::date;
    return type.is("time") ? Temporal::time : Temporal::none;
  }

  std::optional<ColumnName> column_at(std::size_t start) const {
    const SqlToken& before = at(start - 1);
    if (is_comparison(before)) return column_before(before_comparison(start - 1));
    if (before.is("between")) return column_before(without_not(start - 2));
    // ?1 is two tokens.
    const SqlToken& after = at(start + 2);
    if (is_comparison(after) || (after.is('!') && is_comparison(at(start + 3)))) {
      std::size_t next = start + 2;
      while (is_comparison(at(next)) || at(next).is('!')) ++next;
      return column_after(next);
    }
    if (before.is("and") && start >= 4 && at(start - 4).is("between"))
      return column_before(without_not(start - 5));
    if (before.is('(') || before.is(',')) return column_of_list(start);
    return std::nullopt;
  }
  std::size_t without_not(std::size_t i) const { return at(i).is("not") && i > 0 ? i - 1 : i; }

  /// Of a parameter in `c IN (?1, ?2)` or `(a, b) > (?1, ?2)`, where all are parameters.
  std::optional<ColumnName> column_of_list(std::size_t start) const {
    std::size_t position = 0;
    std::size_t i = start;
    while (i >= 3 && at(i - 1).is(',') && at(i - 3).is('?')) {
      i -= 3;
      ++position;
    }
    if (i < 2 || !at(i - 1).is('(')) return std::nullopt;
    i -= 2;
    if (at(i).is("in")) return i > 0 ? column_before(without_not(i - 1)) : std::nullopt;
    if (!is_comparison(at(i))) return std::nullopt;
    i = before_comparison(i);
    if (!at(i).is(')')) return std::nullopt;
    while (i > 0 && !at(i).is('(')) --i;
    for (++i; position > 0 && i < tokens_.size(); ++i) {
      if (at(i).is(')')) return std::nullopt;
      if (at(i).is(',')) --position;
    }
    return column_after(i);
  }

  /// INSERT INTO t (a, b) VALUES (...), (...) and INSERT INTO t (a, b) SELECT ...
  void meet_inserted() {
    if (!at(0).is("insert") && !at(0).is("replace")) return;
    std::size_t i = 1;
    while (i < tokens_.size() && !at(i).is('(')) ++i;
    std::vector<std::string> columns;
    for (++i; i < tokens_.size() && !at(i).is(')'); ++i) {
      if (at(i).is_name()) columns.push_back(sql_name(at(i)));
    }
    ++i;
    if (at(i).is("values")) {
      while (at(++i).is('(')) i = meet_items(i + 1, columns);
    } else if (at(i).is("select")) {
      meet_items(i + 1, columns);
    }
  }

  /// Items up to the end of their list: those that are a parameter meet the column of their
  /// position. The place behind the list and its ')'.
  std::size_t meet_items(std::size_t i, const std::vector<std::string>& columns) {
    std::size_t position = 0;
    std::size_t item = i;
    int depth = 0;
    for (;; ++i) {
      const SqlToken& token = at(i);
      const bool ends = i >= tokens_.size() || (depth == 0 && (token.is(')') || token.is("from")));
      if (token.is('(')) ++depth;
      if (token.is(')')) --depth;
      if (!ends && !(depth == 0 && token.is(','))) continue;
      if (i == item + 2 && at(item).is('?') && position < columns.size())
        store(item, columns[position]);
      if (ends) return i + 1;
      ++position;
      item = i + 1;
    }
  }
  void store(std::size_t start, const std::string& column) {
    const auto found = std::ranges::find(starts_, start);
    Place& place = out_.places[static_cast<std::size_t>(found - starts_.begin())];
    place.table = out_.target;
    place.column = column;
  }

  std::string_view sql_;
  std::vector<SqlToken> tokens_;
  std::vector<std::size_t> starts_;  // of the places, in tokens
  StatementText out_;
};

}  // namespace

namespace {

/// MySQL takes `--x` for two minus signs, so plain comments go; what it reads in comments stays.
std::string without_comments(std::string_view sql, const std::vector<SqlToken>& tokens) {
  std::string cleaned;
  const char* copied = sql.data();
  for (const SqlToken& token : tokens) {
    const bool is_plain = token.kind == SqlTokenKind::comment && !token.text.starts_with("/*!") &&
                          !token.text.starts_with("/*+") && !token.text.starts_with("/*M!");
    if (!is_plain) continue;
    cleaned.append(copied, token.text.data()).push_back(' ');
    copied = token.text.data() + token.text.size();
  }
  return cleaned.append(copied, sql.data() + sql.size());
}

}  // namespace

Result<StatementText> read_statement(std::string_view sql) {
  auto tokens = db::sql_tokens(sql);
  if (!tokens) {
    return Error(Code::internal, tokens.error().message() + " in: " + std::string(sql));
  }
  const std::string cleaned = without_comments(sql, *tokens);
  tokens = db::sql_tokens(cleaned);
  if (!tokens) return std::move(tokens).error();
  std::erase_if(*tokens, [](const SqlToken& t) { return t.kind == SqlTokenKind::comment; });
  return Reader(cleaned, std::move(*tokens)).read();
}

}  // namespace kit::mysql::detail
