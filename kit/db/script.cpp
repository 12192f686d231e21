// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "kit/base/text.hpp"
#include "kit/db/migrations.hpp"

namespace kit::db {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// Reads a script token by token, as far as needed to see where statements end.
class Splitter {
 public:
  explicit Splitter(std::string_view script) : script_(script) {}

  Result<std::vector<ScriptStatement>> split() {
    while (at_ < script_.size()) {
      if (!error_.empty()) break;
      step();
    }
    if (!error_.empty()) return Error(Code::invalid_argument, error_);
    if (depth_ > 0) {
      return Error(Code::invalid_argument,
                   "line " + std::to_string(statement_line_) + ": BEGIN without its END");
    }
    finish();
    return std::move(statements_);
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < script_.size() ? script_[at_ + ahead] : '\0';
  }

  void step() {
    char c = peek();
    if (is_blank(c)) {
      advance();
    } else if (c == '-' && peek(1) == '-') {
      while (at_ < script_.size() && peek() != '\n') advance();
    } else if (c == '/' && peek(1) == '*') {
      skip_comment();
    } else if (c == ';' && depth_ == 0) {
      finish();
      advance();
    } else {
      if (start_ == none) {
        start_ = at_;
        statement_line_ = line_;
      }
      token(c);
      end_ = at_;
    }
  }

  void token(char c) {
    if (c == '\'' || c == '"' || c == '`') {
      skip_quoted(c);
    } else if (c == '[') {
      skip_quoted(']');
    } else if (is_word(c)) {
      auto begin = at_;
      while (is_word(peek())) advance();
      word(script_.substr(begin, at_ - begin));
    } else {
      advance();
    }
  }

  /// A trigger's body is BEGIN ... END, in which CASE ... END may stand.
  void word(std::string_view text) {
    ++words_;
    if (words_ == 1) creates_ = iequals(text, "create");
    if (creates_ && words_ <= 3 && iequals(text, "trigger")) trigger_ = true;
    if (!trigger_) return;
    if (iequals(text, "begin") || iequals(text, "case")) {
      // A CASE in the WHEN before the body counts as well, and ends before it.
      ++depth_;
    } else if (iequals(text, "end") && depth_ > 0) {
      --depth_;
    }
  }

  void skip_comment() {
    auto line = line_;
    auto end = script_.find("*/", at_ + 2);
    if (end == script_.npos) {
      fail(line, "a comment that does not end");
      return;
    }
    while (at_ < end + 2) advance();
  }

  void skip_quoted(char quote) {
    auto line = line_;
    advance();
    while (at_ < script_.size()) {
      char c = peek();
      advance();
      if (c != quote) continue;
      if (quote == ']' || peek() != quote) return;
      advance();
    }
    fail(line, "a quoted text that does not end");
  }

  void fail(std::size_t line, std::string_view what) {
    error_ = "line " + std::to_string(line) + ": " + std::string(what);
    at_ = script_.size();
  }

  void advance() {
    if (script_[at_++] == '\n') ++line_;
  }

  void finish() {
    if (start_ != none)
      statements_.push_back({script_.substr(start_, end_ - start_), statement_line_});
    start_ = none;
    words_ = 0;
    creates_ = trigger_ = false;
  }

  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::string_view script_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t start_ = none;
  std::size_t end_ = 0;
  std::size_t statement_line_ = 1;
  std::size_t words_ = 0;
  std::size_t depth_ = 0;
  bool creates_ = false;
  bool trigger_ = false;
  std::string error_;
  std::vector<ScriptStatement> statements_;
};

}  // namespace

Result<std::vector<ScriptStatement>> split_script(std::string_view script) {
  return Splitter(script).split();
}

}  // namespace kit::db
