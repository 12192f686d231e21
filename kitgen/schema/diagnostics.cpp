// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/diagnostics.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "kit/base/text.hpp"

namespace kitgen::schema {
namespace {

constexpr std::size_t max_quoted = 60;
constexpr std::size_t max_excerpt = 160;
constexpr std::size_t max_word_for_suggestion = 80;
constexpr std::size_t max_candidates = 1'000;

/// Bytes of the UTF-8 character that starts with `lead`.
std::size_t character_size(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  if (byte < 0x80) return 1;
  if (byte >= 0xF0) return 4;
  if (byte >= 0xE0) return 3;
  return byte >= 0xC0 ? 2 : 1;
}

bool is_bidi_control(std::string_view character) {
  if (character.size() != 3 || character[0] != '\xE2') return false;
  const auto second = static_cast<unsigned char>(character[1]);
  const auto third = static_cast<unsigned char>(character[2]);
  if (second == 0x80) return third >= 0xAA && third <= 0xAE;
  return second == 0x81 && third >= 0xA6 && third <= 0xA9;
}

/// The characters of `text`, with those replaced that would disturb a terminal. Always well-formed
/// UTF-8.
std::vector<std::string> printable_characters(std::string_view text, std::size_t limit) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < text.size() && result.size() < limit;) {
    std::string_view character = text.substr(i, character_size(text[i]));
    i += character.size();
    const auto first = static_cast<unsigned char>(character[0]);
    if (!kit::is_utf8(character)) {
      i -= character.size() - 1;  // skip only the byte that is wrong
      result.emplace_back("\uFFFD");
    } else if (first < 0x20 || first == 0x7F) {
      result.emplace_back(first == '\t' ? " " : "\uFFFD");
    } else if (is_bidi_control(character) ||
               (first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0)) {
      result.emplace_back("\uFFFD");
    } else {
      result.emplace_back(character);
    }
  }
  return result;
}

std::string join(const std::vector<std::string>& parts, std::size_t from, std::size_t to) {
  std::string result;
  for (std::size_t i = from; i < to && i < parts.size(); ++i) result += parts[i];
  return result;
}

/// A window of a long line around the caret, so that a one-line megabyte does not fill the screen.
struct Excerpt {
  std::string text;
  int column = 1;
};
Excerpt excerpt(std::string_view line, int column) {
  const std::vector<std::string> all =
      printable_characters(line, static_cast<std::size_t>(std::max(column, 1)) + max_excerpt);
  if (all.size() <= max_excerpt) return {join(all, 0, all.size()), column};
  const auto at = static_cast<std::size_t>(std::max(column - 1, 0));
  const std::size_t from = at > max_excerpt / 2 ? at - max_excerpt / 2 : 0;
  if (from == 0) return {join(all, 0, max_excerpt) + "...", column};
  return {"..." + join(all, from, from + max_excerpt), static_cast<int>(at - from) + 4};
}

std::string padded(int number, std::size_t width) {
  std::string text = number > 0 ? std::to_string(number) : "";
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

std::string counted(std::size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace

void sort_diagnostics(std::vector<Diagnostic>& diagnostics) {
  const auto key = [](const Diagnostic& d) {
    return std::tie(d.at.file, d.file, d.at, d.severity, d.message, d.suggestion);
  };
  std::ranges::sort(diagnostics, {}, key);
  const auto same = [&](const Diagnostic& a, const Diagnostic& b) { return key(a) == key(b); };
  const auto [first, last] = std::ranges::unique(diagnostics, same);
  diagnostics.erase(first, last);
}

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.at.line > 0) {
    text += ":" + std::to_string(diagnostic.at.line) + ":" + std::to_string(diagnostic.at.column);
  }
  text += diagnostic.severity == Severity::error ? ": error: " : ": warning: ";
  text += diagnostic.message + "\n";
  if (diagnostic.at.line > 0 && !diagnostic.source.empty()) {
    const Excerpt shown = excerpt(diagnostic.source, diagnostic.at.column);
    const auto room = static_cast<std::size_t>(std::max(shown.column - 1, 0));
    text += padded(diagnostic.at.line, 6) + " | " + shown.text + "\n";
    text += padded(0, 6) + " | " + std::string(room, ' ') + "^" +
            std::string(static_cast<std::size_t>(std::clamp(diagnostic.length - 1, 0, 79)), '~') +
            "\n";
  }
  if (!diagnostic.suggestion.empty()) {
    text += padded(0, 6) + " = " + diagnostic.suggestion + "\n";
  }
  return text;
}

std::string to_string(const std::vector<Diagnostic>& diagnostics) {
  if (diagnostics.empty()) return {};
  std::string text;
  std::size_t errors = 0;
  for (const Diagnostic& diagnostic : diagnostics) {
    text += to_string(diagnostic);
    errors += diagnostic.severity == Severity::error ? 1 : 0;
  }
  const std::size_t warnings = diagnostics.size() - errors;
  if (errors > 0) text += counted(errors, "error");
  if (errors > 0 && warnings > 0) text += ", ";
  if (warnings > 0) text += counted(warnings, "warning");
  return text + "\n";
}

bool has_errors(const std::vector<Diagnostic>& diagnostics) {
  return std::ranges::any_of(diagnostics,
                             [](const Diagnostic& d) { return d.severity == Severity::error; });
}

void Diagnostics::error(const Word& word, std::string message, std::string suggestion) {
  add(Severity::error, word.at, word.length, std::move(message), std::move(suggestion));
}

void Diagnostics::error(Position at, int length, std::string message, std::string suggestion) {
  add(Severity::error, at, length, std::move(message), std::move(suggestion));
}

void Diagnostics::warning(const Word& word, std::string message, std::string suggestion) {
  add(Severity::warning, word.at, word.length, std::move(message), std::move(suggestion));
}

void Diagnostics::add(Severity severity, Position at, int length, std::string message,
                      std::string suggestion) {
  std::size_t& count = severity == Severity::error ? errors_ : warnings_;
  if (++count > max_errors) return;
  const Source& source = source_of(at);
  Diagnostic found{source.file(),         at, severity, std::move(message),
                   std::move(suggestion), {}, length};
  // Enough of the line for an excerpt: a thousand errors on one huge line must not copy it a
  // thousand times.
  const std::string_view line = source.line(at.line);
  const std::size_t wanted = static_cast<std::size_t>(std::max(at.column, 0)) * 4 + max_excerpt * 4;
  if (wanted <= 16 * 1024 || line.size() <= 16 * 1024) found.source = line.substr(0, wanted);
  found_.push_back(std::move(found));
}

std::string Diagnostics::place(Position at, Position seen_from) const {
  const std::string line = "line " + std::to_string(at.line);
  return at.file == seen_from.file ? line : line + " of " + source_of(at).file();
}

std::vector<Diagnostic> Diagnostics::take() {
  std::vector<Diagnostic> result = std::exchange(found_, {});
  sort_diagnostics(result);
  if (errors_ > max_errors) {
    result.push_back({sources_.front()->file(),
                      {},
                      Severity::error,
                      "more than " + std::to_string(max_errors) + " errors: the rest is not shown",
                      {},
                      {},
                      1});
  }
  return result;
}

std::string Diagnostics::did_you_mean(std::string_view word,
                                      std::span<const std::string_view> candidates) const {
  if (full() || word.size() > max_word_for_suggestion) return {};
  const std::optional<std::string_view> near =
      kit::nearest(word, candidates.first(std::min(candidates.size(), max_candidates)));
  return near ? "did you mean " + in_quotes(*near) + "?" : std::string();
}

std::string Diagnostics::did_you_mean(std::string_view word,
                                      const std::vector<std::string>& candidates) const {
  const std::vector<std::string_view> views(candidates.begin(), candidates.end());
  return did_you_mean(word, std::span<const std::string_view>(views));
}

std::string in_quotes(std::string_view text) {
  const std::vector<std::string> shown = printable_characters(text, max_quoted + 1);
  const bool cut = shown.size() > max_quoted;
  return "'" + join(shown, 0, std::min(shown.size(), max_quoted)) + (cut ? "...'" : "'");
}

std::string one_of(std::span<const std::string_view> words) {
  std::vector<std::string_view> each;
  for (const std::string_view word : words) {
    if (std::ranges::find(each, word) == each.end()) each.push_back(word);
  }
  std::string text;
  for (std::size_t i = 0; i < each.size(); ++i) {
    if (i > 0) text += i + 1 == each.size() ? " or " : ", ";
    text += "'" + std::string(each[i]) + "'";
  }
  return text;
}

}  // namespace kitgen::schema
