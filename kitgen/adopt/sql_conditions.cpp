// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/adopt/detail/sql_text.hpp"

namespace kitgen::adopt {
namespace {

using Test = Condition::Test;
using Conditions = std::vector<Condition>;

constexpr int deepest = 32;

struct Literal {
  std::string value;
  bool is_text = false;
};

class Reader {
 public:
  explicit Reader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  std::optional<Conditions> read() {
    std::optional<Conditions> all = conjunction(0);
    return at_ == tokens_.size() ? all : std::nullopt;
  }

 private:
  bool peek_word(std::string_view lower) const {
    return at_ < tokens_.size() && tokens_[at_].kind == Token::Kind::name &&
           !tokens_[at_].is_quoted && kit::to_lower(tokens_[at_].text) == lower;
  }
  bool take_word(std::string_view lower) {
    if (!peek_word(lower)) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view symbol) {
    const bool is_it = at_ < tokens_.size() && tokens_[at_].kind == Token::Kind::symbol &&
                       tokens_[at_].text == symbol;
    if (is_it) ++at_;
    return is_it;
  }

  std::optional<Conditions> conjunction(int depth) {
    std::optional<Conditions> all = term(depth);
    while (all && take_word("and")) {
      const std::optional<Conditions> more = term(depth);
      if (!more) return std::nullopt;
      all->insert(all->end(), more->begin(), more->end());
    }
    if (all && take_word("or")) {  // `x IS NULL OR ...`: the rest holds for what is there
      const bool is_null = all->size() == 1 && all->front().test == Test::is_null;
      std::optional<Conditions> rest = is_null ? term(depth) : std::nullopt;
      const bool same =
          rest && std::ranges::all_of(*rest, [&](const Condition& condition) {
            return condition.column == all->front().column && condition.test != Test::not_null;
          });
      return same ? rest : std::nullopt;
    }
    return all;
  }

  std::optional<Conditions> term(int depth) {
    const std::size_t start = at_;
    if (depth < deepest && take("(")) {
      std::optional<Conditions> inner = conjunction(depth + 1);
      if (inner && take(")") && ends_term()) return inner;
      at_ = start;
    }
    return comparison();
  }

  /// Not when the parentheses were around an operand: (a) > 1.
  bool ends_term() const {
    if (at_ >= tokens_.size() || peek_word("and") || peek_word("or")) return true;
    return tokens_[at_].kind == Token::Kind::symbol && tokens_[at_].text == ")";
  }

  bool operand(Condition& condition) {
    int open = 0;
    while (take("(")) ++open;
    if (at_ >= tokens_.size() || tokens_[at_].kind != Token::Kind::name) return false;
    for (const std::string_view name : {"length", "char_length", "character_length"}) {
      if (!peek_word(name) || at_ + 1 >= tokens_.size() || tokens_[at_ + 1].text != "(") continue;
      ++at_;
      condition.of_length = true;
      break;
    }
    if (condition.of_length) {
      while (take("(")) ++open;
      if (at_ >= tokens_.size() || tokens_[at_].kind != Token::Kind::name) return false;
    }
    condition.column = tokens_[at_++].text;
    while (open > 0 && take(")")) --open;
    return open == 0;
  }

  std::optional<Literal> literal() {
    int open = 0;
    while (take("(")) ++open;
    const bool negative = take("-");
    if (at_ >= tokens_.size()) return std::nullopt;
    const Token& token = tokens_[at_];
    Literal value{(negative ? "-" : "") + token.text, token.kind == Token::Kind::string};
    const bool is_boolean = peek_word("true") || peek_word("false");
    if (is_boolean) value.value = kit::to_lower(token.text);
    if (token.kind != Token::Kind::number && !value.is_text && !is_boolean) return std::nullopt;
    ++at_;
    while (open > 0 && take(")")) --open;
    return open == 0 ? std::optional(std::move(value)) : std::nullopt;
  }

  bool values(Condition& condition, std::string_view close) {
    do {
      const std::optional<Literal> value = literal();
      if (!value) return false;
      condition.values.push_back(value->value);
      condition.values_are_text = value->is_text;
    } while (take(","));
    return take(close);
  }

  std::optional<Conditions> comparison() {
    const bool negated = take_word("not");
    Condition condition;
    if (!operand(condition)) return std::nullopt;
    if (negated || ends_term()) return bare(std::move(condition), negated);
    if (take_word("is")) {
      const bool is_not = take_word("not");
      if (!take_word("null")) return std::nullopt;
      condition.test = is_not ? Test::not_null : Test::is_null;
      return Conditions{std::move(condition)};
    }
    if (take_word("in")) {
      condition.test = Test::one_of;
      if (!take("(") || !values(condition, ")")) return std::nullopt;
      return Conditions{std::move(condition)};
    }
    if (take_word("between")) return between(std::move(condition));
    return compared(std::move(condition));
  }

  /// `active`, `not deleted`
  std::optional<Conditions> bare(Condition condition, bool negated) {
    if (condition.of_length || !ends_term()) return std::nullopt;
    condition.test = Test::one_of;
    condition.values = {negated ? "false" : "true"};
    return Conditions{std::move(condition)};
  }

  std::optional<Conditions> between(Condition condition) {
    const std::optional<Literal> low = literal();
    if (!low || !take_word("and")) return std::nullopt;
    const std::optional<Literal> high = literal();
    if (!high) return std::nullopt;
    Condition upper = condition;
    condition.test = Test::at_least;
    condition.values = {low->value};
    upper.test = Test::at_most;
    upper.values = {high->value};
    return Conditions{std::move(condition), std::move(upper)};
  }

  std::optional<Conditions> compared(Condition condition) {
    static constexpr std::pair<std::string_view, Test> tests[] = {
        {"=", Test::one_of},   {"==", Test::one_of}, {"<", Test::less},
        {"<=", Test::at_most}, {">", Test::greater}, {">=", Test::at_least}};
    for (const auto& [symbol, test] : tests) {
      if (!take(symbol)) continue;
      condition.test = test;
      if (test == Test::one_of && take_word("any")) return any(std::move(condition));
      const std::optional<Literal> value = literal();
      if (!value) return std::nullopt;
      condition.values = {value->value};
      condition.values_are_text = value->is_text;
      return Conditions{std::move(condition)};
    }
    return std::nullopt;
  }

  /// = ANY (ARRAY['a', 'b']), as PostgreSQL writes IN.
  std::optional<Conditions> any(Condition condition) {
    int open = 0;
    while (take("(")) ++open;
    if (!take_word("array") || !take("[") || !values(condition, "]")) return std::nullopt;
    while (open > 0 && take(")")) --open;
    if (open != 0) return std::nullopt;
    return Conditions{std::move(condition)};
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

bool is_now(const std::vector<Token>& tokens) {
  if (tokens.empty() || tokens.front().kind != Token::Kind::name) return false;
  static constexpr std::string_view names[] = {
      "now",           "current_timestamp", "localtimestamp",        "current_date",
      "curdate",       "sysdate",           "transaction_timestamp", "statement_timestamp",
      "utc_timestamp", "clock_timestamp"};
  const std::string name = kit::to_lower(tokens.front().text);
  if (std::ranges::find(names, name) == std::end(names)) {
    // SQLite: datetime('now'), date('now'), strftime('%..', 'now')
    const bool is_function = name == "datetime" || name == "date" || name == "strftime";
    return is_function && std::ranges::any_of(tokens, [](const Token& token) {
             return token.kind == Token::Kind::string && token.text == "now";
           });
  }
  return std::ranges::all_of(tokens.begin() + 1, tokens.end(), [](const Token& token) {
    return token.text == "(" || token.text == ")" || token.kind == Token::Kind::number;
  });
}

/// The number of b'101', as MySQL writes the default of bits; nothing for anything else.
std::optional<std::string> bits_of(std::string_view sql) {
  if (!sql.starts_with("b'") || !sql.ends_with("'") || sql.size() < 4 || sql.size() > 65)
    return std::nullopt;
  long long number = 0;
  for (const char c : sql.substr(2, sql.size() - 3)) {
    if (c != '0' && c != '1') return std::nullopt;
    number = number * 2 + (c - '0');
  }
  return std::to_string(number);
}

}  // namespace

std::optional<std::vector<Condition>> conditions_of(std::string_view sql) {
  std::optional<std::vector<Token>> tokens = tokens_of(sql);
  if (!tokens || tokens->empty()) return std::nullopt;
  return Reader(std::move(*tokens)).read();
}

Default default_of(std::string_view sql) {
  if (const std::optional<std::string> bits = bits_of(sql)) return {Default::Kind::number, *bits};
  std::optional<std::vector<Token>> tokens = tokens_of(sql);
  if (!tokens) return {};
  while (tokens->size() > 2 && tokens->front().text == "(" &&
         tokens->front().kind == Token::Kind::symbol && tokens->back().text == ")") {
    tokens->erase(tokens->begin());
    tokens->pop_back();
  }
  if (is_now(*tokens)) return {Default::Kind::now, ""};
  const bool negative = tokens->size() == 2 && tokens->front().text == "-";
  if (tokens->size() != (negative ? 2U : 1U)) return {};
  const Token& token = tokens->back();
  if (token.kind == Token::Kind::number)
    return {Default::Kind::number, (negative ? "-" : "") + token.text};
  if (negative) return {};
  if (token.kind == Token::Kind::string) return {Default::Kind::text, token.text};
  const std::string word = kit::to_lower(token.text);
  if (token.is_quoted) return {Default::Kind::text, token.text};
  if (word == "null") return {Default::Kind::null, ""};
  if (word == "true" || word == "false") return {Default::Kind::boolean, word};
  return {};
}

}  // namespace kitgen::adopt
