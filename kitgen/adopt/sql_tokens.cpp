// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>

#include "kit/base/text.hpp"
#include "kitgen/adopt/detail/sql_text.hpp"

namespace kitgen::adopt {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
bool is_name_part(char c) {
  return is_name_start(c) || is_digit(c) || c == '$';
}

/// A token of SQL and where it stands.
struct Placed {
  Token token;
  std::size_t begin = 0;
  std::size_t end = 0;
};

class Scanner {
 public:
  explicit Scanner(std::string_view sql) : sql_(sql) {}

  std::optional<std::vector<Placed>> scan() {
    std::vector<Placed> all;
    while (skip_blanks()) {
      if (at_ >= sql_.size()) return all;
      Placed placed;
      placed.begin = at_;
      if (!read(placed.token)) return std::nullopt;
      placed.end = at_;
      all.push_back(std::move(placed));
    }
    return std::nullopt;
  }

 private:
  /// False when a comment is not closed.
  bool skip_blanks() {
    while (at_ < sql_.size()) {
      const char c = sql_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
        ++at_;
      } else if (sql_.substr(at_).starts_with("--")) {
        at_ = std::min(sql_.find('\n', at_), sql_.size());
      } else if (sql_.substr(at_).starts_with("/*")) {
        const std::size_t end = sql_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return false;
        at_ = end + 2;
      } else {
        return true;
      }
    }
    return true;
  }

  bool read(Token& token) {
    const char c = sql_[at_];
    if (c == '\'') {
      token.kind = Token::Kind::string;
      return quoted('\'', token.text);
    }
    if (c == '"' || c == '`' || c == '[') return quoted_name(token);
    if (is_digit(c) || (c == '.' && at_ + 1 < sql_.size() && is_digit(sql_[at_ + 1]))) {
      token.kind = Token::Kind::number;
      take_while(token.text, [](char d) { return is_name_part(d) || d == '.'; });
      return true;
    }
    if (is_name_start(c)) {
      token.kind = Token::Kind::name;
      take_while(token.text, is_name_part);
      return true;
    }
    static constexpr std::string_view pairs[] = {"::", "<=", ">=", "<>", "!=", "==", "||", "->"};
    const std::string_view two = sql_.substr(at_, 2);
    const bool is_pair = std::ranges::find(pairs, two) != std::end(pairs);
    token.text = std::string(is_pair ? two : sql_.substr(at_, 1));
    at_ += token.text.size();
    return true;
  }

  bool quoted_name(Token& token) {
    token.kind = Token::Kind::name;
    token.is_quoted = true;
    if (sql_[at_] != '[') return quoted(sql_[at_], token.text);
    const std::size_t end = sql_.find(']', at_);
    if (end == std::string_view::npos) {  // an array subscript of PostgreSQL is never a lone '['
      return false;
    }
    const std::string_view inner = sql_.substr(at_ + 1, end - at_ - 1);
    // ARRAY['a', 'b'] and text[] are no quoted names.
    if (inner.empty() || inner.find('\'') != std::string_view::npos || is_digit(inner.front())) {
      token = {Token::Kind::symbol, "[", false};
      ++at_;
      return true;
    }
    token.text = std::string(inner);
    at_ = end + 1;
    return true;
  }

  bool quoted(char quote, std::string& text) {
    for (++at_; at_ < sql_.size(); ++at_) {
      if (sql_[at_] != quote) {
        text += sql_[at_];
      } else if (at_ + 1 < sql_.size() && sql_[at_ + 1] == quote) {
        text += quote;
        ++at_;
      } else {
        ++at_;
        return true;
      }
    }
    return false;
  }

  template <class Test>
  void take_while(std::string& text, Test test) {
    while (at_ < sql_.size() && test(sql_[at_])) text += sql_[at_++];
  }

  std::string_view sql_;
  std::size_t at_ = 0;
};

bool is_word(const Token& token, std::string_view lower) {
  return token.kind == Token::Kind::name && !token.is_quoted && kit::to_lower(token.text) == lower;
}
bool is_symbol(const Token& token, std::string_view text) {
  return token.kind == Token::Kind::symbol && token.text == text;
}

/// Where the type after `::` at `at` ends: words, `(10,2)`, `[]`.
std::size_t after_cast(const std::vector<Placed>& all, std::size_t at) {
  std::size_t i = at + 1;
  bool first = true;
  static constexpr std::string_view followers[] = {"varying", "precision", "without",
                                                   "with",    "time",      "zone"};
  while (i < all.size() && all[i].token.kind == Token::Kind::name) {
    const std::string word = kit::to_lower(all[i].token.text);
    if (!first && std::ranges::find(followers, word) == std::end(followers)) break;
    first = false;
    ++i;
    if (i + 1 < all.size() && is_symbol(all[i].token, ".")) {
      ++i;
      first = true;
    }
  }
  if (i < all.size() && is_symbol(all[i].token, "(")) {
    while (i < all.size() && !is_symbol(all[i].token, ")")) ++i;
    if (i < all.size()) ++i;
  }
  while (i + 1 < all.size() && is_symbol(all[i].token, "[") && is_symbol(all[i + 1].token, "]"))
    i += 2;
  return i;
}

}  // namespace

std::optional<std::vector<Token>> tokens_of(std::string_view sql) {
  const std::optional<std::vector<Placed>> all = Scanner(sql).scan();
  if (!all) return std::nullopt;
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < all->size();) {
    const Token& token = (*all)[i].token;
    const bool starts_string = i + 1 < all->size() &&
                               (*all)[i + 1].token.kind == Token::Kind::string &&
                               (*all)[i].end == (*all)[i + 1].begin;
    if (is_symbol(token, "::")) {
      i = after_cast(*all, i);
    } else if (starts_string && token.kind == Token::Kind::name && !token.is_quoted &&
               (token.text.starts_with("_") || is_word(token, "e") || is_word(token, "n"))) {
      ++i;  // the character set of MySQL, E'..' and N'..'
    } else {
      tokens.push_back(token);
      ++i;
    }
  }
  return tokens;
}

std::vector<std::string> checks_of(std::string_view create_table) {
  std::vector<std::string> checks;
  const std::optional<std::vector<Placed>> all = Scanner(create_table).scan();
  if (!all) return checks;
  for (std::size_t i = 0; i + 1 < all->size(); ++i) {
    if (!is_word((*all)[i].token, "check") || !is_symbol((*all)[i + 1].token, "(")) continue;
    int depth = 0;
    for (std::size_t j = i + 1; j < all->size(); ++j) {
      if (is_symbol((*all)[j].token, "(")) ++depth;
      if (is_symbol((*all)[j].token, ")")) --depth;
      if (depth > 0) continue;
      const std::size_t begin = (*all)[i + 1].end;
      checks.emplace_back(kit::trim(create_table.substr(begin, (*all)[j].begin - begin)));
      i = j;
      break;
    }
  }
  return checks;
}

std::string where_of(std::string_view create_index) {
  const std::optional<std::vector<Placed>> all = Scanner(create_index).scan();
  if (!all) return {};
  int depth = 0;
  for (const Placed& placed : *all) {
    if (is_symbol(placed.token, "(")) ++depth;
    if (is_symbol(placed.token, ")")) --depth;
    if (depth == 0 && is_word(placed.token, "where"))
      return std::string(kit::trim(create_index.substr(placed.end)));
  }
  return {};
}

}  // namespace kitgen::adopt
