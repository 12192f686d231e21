// SPDX-License-Identifier: Apache-2.0
#include "kit/db/sql_tokens.hpp"

#include <utility>

#include "kit/base/text.hpp"

namespace kit::db {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view script) : script_(script) {}

  Result<std::vector<SqlToken>> read() {
    while (at_ < script_.size() && problem_.empty()) {
      if (is_blank(peek())) {
        advance();
      } else {
        token();
      }
    }
    if (!problem_.empty()) return Error(Code::invalid_argument, problem_);
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < script_.size() ? script_[at_ + ahead] : '\0';
  }

  void advance() {
    if (script_[at_++] != '\n') return;
    ++line_;
    line_start_ = at_;
  }

  void token() {
    SqlToken token;
    token.line = line_;
    token.column = at_ - line_start_ + 1;
    const std::size_t start = at_;
    token.kind = skip();
    token.text = script_.substr(start, at_ - start);
    if (problem_.empty()) tokens_.push_back(token);
  }

  SqlTokenKind skip() {
    const char c = peek();
    if (c == '-' && peek(1) == '-') {
      while (at_ < script_.size() && peek() != '\n') advance();
      return SqlTokenKind::comment;
    }
    if (c == '/' && peek(1) == '*') {
      skip_to("*/", "a comment that does not end");
      return SqlTokenKind::comment;
    }
    if (c == '\'' || c == '"' || c == '`' || c == '[') {
      skip_quoted(c == '[' ? ']' : c);
      return c == '\'' ? SqlTokenKind::text : SqlTokenKind::name;
    }
    if (!is_word(c)) {
      advance();
      return SqlTokenKind::symbol;
    }
    while (is_word(peek())) advance();
    return is_digit(c) ? SqlTokenKind::number : SqlTokenKind::word;
  }

  void skip_to(std::string_view mark, std::string_view problem) {
    const std::size_t line = line_;
    const auto end = script_.find(mark, at_ + mark.size());
    if (end == script_.npos) return fail(line, problem);
    while (at_ < end + mark.size()) advance();
  }

  void skip_quoted(char quote) {
    const std::size_t line = line_;
    advance();
    while (at_ < script_.size()) {
      const char c = peek();
      advance();
      if (c != quote) continue;
      if (quote == ']' || peek() != quote) return;
      advance();
    }
    fail(line, "a quoted text that does not end");
  }

  void fail(std::size_t line, std::string_view what) {
    problem_ = "line " + std::to_string(line) + ": " + std::string(what);
    at_ = script_.size();
  }

  std::string_view script_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
  std::string problem_;
  std::vector<SqlToken> tokens_;
};

}  // namespace

bool SqlToken::is(std::string_view keyword) const {
  return kind == SqlTokenKind::word && iequals(text, keyword);
}

bool SqlToken::is(char symbol) const {
  return kind == SqlTokenKind::symbol && text.front() == symbol;
}

Result<std::vector<SqlToken>> sql_tokens(std::string_view script) {
  return Tokenizer(script).read();
}

std::string sql_name(const SqlToken& token) {
  if (token.kind != SqlTokenKind::name) return to_lower(token.text);
  const char quote = token.text.back();
  std::string name;
  for (std::size_t i = 1; i + 1 < token.text.size(); ++i) {
    name.push_back(token.text[i]);
    if (token.text[i] == quote) ++i;  // doubled
  }
  return to_lower(name);
}

}  // namespace kit::db
