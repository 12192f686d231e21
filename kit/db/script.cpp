// SPDX-License-Identifier: Apache-2.0
#include "kit/db/script.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "kit/base/text.hpp"

namespace kit::db {
namespace {

constexpr std::size_t longest_shown_line = 120;

/// Groups tokens into statements.
class Splitter {
 public:
  explicit Splitter(std::string_view script) : script_(script) {}

  Result<std::vector<ScriptStatement>> split(const std::vector<SqlToken>& tokens) {
    for (const SqlToken& token : tokens) {
      if (token.kind == SqlTokenKind::comment) {
        comment(token);
      } else if (token.is(';') && depth_ == 0) {
        finish(token.line);
      } else {
        if (token.kind == SqlTokenKind::word || token.kind == SqlTokenKind::number) word(token);
        statement_.tokens.push_back(token);
      }
    }
    if (depth_ > 0) {
      const std::size_t line = statement_.tokens.front().line;
      return Error(Code::invalid_argument,
                   "line " + std::to_string(line) + ": BEGIN without its END");
    }
    finish(0);
    return std::move(statements_);
  }

 private:
  void comment(const SqlToken& token) {
    const bool of_the_last = statement_.tokens.empty() && !statements_.empty() &&
                             statement_.comments.empty() && token.line == last_line_;
    (of_the_last ? statements_.back() : statement_).comments.push_back(token);
  }

  /// A trigger's body is BEGIN ... END, in which CASE ... END may stand.
  void word(const SqlToken& token) {
    ++words_;
    if (words_ == 1) creates_ = token.is("create");
    if (creates_ && words_ <= 3 && token.is("trigger")) trigger_ = true;
    if (!trigger_) return;
    if (token.is("begin") || token.is("case")) {
      // A CASE in the WHEN before the body counts as well, and ends before it.
      ++depth_;
    } else if (token.is("end") && depth_ > 0) {
      --depth_;
    }
  }

  void finish(std::size_t line) {
    last_line_ = line;
    if (!statement_.tokens.empty()) {
      const SqlToken& first = statement_.tokens.front();
      const SqlToken& last = statement_.tokens.back();
      const auto start = static_cast<std::size_t>(first.text.data() - script_.data());
      const auto end =
          static_cast<std::size_t>(last.text.data() - script_.data()) + last.text.size();
      statement_.sql = script_.substr(start, end - start);
      statement_.line = first.line;
      statements_.push_back(std::move(statement_));
      statement_ = {};
    }
    words_ = 0;
    creates_ = trigger_ = false;
  }

  std::string_view script_;
  ScriptStatement statement_;
  std::vector<ScriptStatement> statements_;
  std::size_t last_line_ = 0;
  std::size_t words_ = 0;
  std::size_t depth_ = 0;
  bool creates_ = false;
  bool trigger_ = false;
};

/// The text of a comment of one line; nothing of others.
std::string_view line_comment(const SqlToken& token) {
  return token.text.starts_with("--") ? token.text.substr(2) : std::string_view();
}

/// The text of a comment, whatever its marks.
std::string_view comment_text(const SqlToken& token) {
  std::string_view text = token.text.substr(2);
  if (token.text.starts_with("/*")) text.remove_suffix(2);
  return trim(text);
}

/// What `text` says after `start`, when it starts so.
std::optional<std::string> after(std::string_view text, std::string_view start) {
  const std::string_view trimmed = trim(text);
  if (!trimmed.starts_with(start)) return std::nullopt;
  return std::string(trim(trimmed.substr(start.size())));
}

}  // namespace

std::vector<std::string> ScriptStatement::directives(std::string_view key) const {
  std::vector<std::string> values;
  const std::string start = "kit:" + std::string(key);
  for (const SqlToken& token : comments) {
    const std::string_view text = comment_text(token);
    if (text != start && !text.starts_with(start + " ")) continue;
    values.emplace_back(trim(text.substr(start.size())));
  }
  return values;
}

std::optional<std::string> ScriptStatement::check() const {
  auto messages = directives("check");
  if (messages.empty()) return std::nullopt;
  return std::move(messages.front());
}

bool ScriptStatement::allows(std::string_view rule) const {
  return std::ranges::any_of(directives("allow"), [rule](const std::string& value) {
    return std::ranges::any_of(split(value, ' '),
                               [rule](std::string_view word) { return word == rule; });
  });
}

std::string ScriptStatement::first_line() const {
  std::string shown(sql.substr(0, sql.find('\n')));
  if (shown.size() <= longest_shown_line) return shown;
  shown.resize(longest_shown_line);
  return valid_utf8(shown) + " ...";
}

Result<std::vector<ScriptStatement>> split_script(std::string_view script) {
  auto tokens = sql_tokens(script);
  if (!tokens) return std::move(tokens).error();
  return Splitter(script).split(*tokens);
}

std::vector<std::string> annotations(std::string_view script, std::string_view key) {
  std::vector<std::string> found;
  const std::string start = std::string(key) + ":";
  auto tokens = sql_tokens(script);
  if (!tokens) return found;
  std::size_t open_line = 0;  // of the annotation's last line
  for (const SqlToken& token : *tokens) {
    const std::string_view comment = line_comment(token);
    if (auto text = after(comment, start)) {
      found.push_back(std::move(*text));
      open_line = token.line;
    } else if (open_line != 0 && token.line == open_line + 1 && comment.starts_with("   ")) {
      found.back().append(" ").append(trim(comment));
      open_line = token.line;
    } else {
      open_line = 0;
    }
  }
  return found;
}

}  // namespace kit::db
