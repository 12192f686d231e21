// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/diff.hpp"

#include <algorithm>
#include <vector>

#include "kitgen/cli/lines.hpp"

namespace kitgen::cli {
namespace {

constexpr std::size_t context_lines = 3;
constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

struct Marked {
  char mark = ' ';
  std::string_view text;  ///< With its line feed, if it has one.
};

std::vector<std::string_view> whole_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (const Line& line : split_lines(text)) lines.push_back(line.whole());
  return lines;
}

std::vector<Marked> compare(std::string_view before, std::string_view after) {
  const std::vector<std::string_view> a = whole_lines(before);
  const std::vector<std::string_view> b = whole_lines(after);
  const std::vector<std::size_t> match = match_lines(a, b);
  std::vector<Marked> lines;
  std::size_t j = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (match[i] == unmatched) {
      lines.push_back({'-', a[i]});
      continue;
    }
    while (j < match[i]) lines.push_back({'+', b[j++]});
    lines.push_back({' ', a[i]});
    ++j;
  }
  while (j < b.size()) lines.push_back({'+', b[j++]});
  return lines;
}

/// "3,4": where a hunk begins and how long it is.
std::string range(std::size_t first, std::size_t count) {
  return std::to_string(count == 0 ? first : first + 1) + "," + std::to_string(count);
}

class Hunks {
 public:
  explicit Hunks(std::vector<Marked> lines) : lines_(std::move(lines)) {}

  /// Lines of output, each with its line feed.
  std::vector<std::string> print() {
    for (std::size_t i = 0; i < lines_.size();) {
      const std::size_t change = next_change(i);
      if (change == lines_.size()) break;
      const std::size_t begin = change - std::min(context_lines, change - i);
      old_line_ += begin - i;
      new_line_ += begin - i;
      i = hunk(begin);
    }
    return std::move(out_);
  }

 private:
  std::size_t next_change(std::size_t from) const {
    while (from < lines_.size() && lines_[from].mark == ' ') ++from;
    return from;
  }

  /// One change with its surroundings, and changes that are near it. Gives its end.
  std::size_t hunk(std::size_t begin) {
    std::size_t last = next_change(begin);
    for (std::size_t next = last; next < lines_.size() && next - last <= 2 * context_lines + 1;
         next = next_change(next + 1)) {
      last = next;
    }
    const std::size_t end = std::min(lines_.size(), last + 1 + context_lines);
    std::size_t old_count = 0;
    std::size_t new_count = 0;
    for (std::size_t k = begin; k < end; ++k) {
      if (lines_[k].mark != '+') ++old_count;
      if (lines_[k].mark != '-') ++new_count;
    }
    out_.push_back("@@ -" + range(old_line_, old_count) + " +" + range(new_line_, new_count) +
                   " @@\n");
    for (std::size_t k = begin; k < end; ++k) {
      out_.push_back(lines_[k].mark + std::string(lines_[k].text));
      if (out_.back().ends_with('\n')) continue;
      out_.back() += '\n';
      out_.emplace_back("\\ No newline at end of file\n");
    }
    old_line_ += old_count;
    new_line_ += new_count;
    return end;
  }

  std::vector<Marked> lines_;
  std::vector<std::string> out_;
  std::size_t old_line_ = 0;
  std::size_t new_line_ = 0;
};

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after, std::size_t max_lines) {
  if (before == after) return "";
  const std::vector<std::string> out = Hunks(compare(before, after)).print();
  std::string text;
  for (std::size_t i = 0; i < out.size() && i < max_lines; ++i) text += out[i];
  if (out.size() > max_lines) {
    text += "... " + std::to_string(out.size() - max_lines) + " more lines\n";
  }
  return text;
}

std::string file_diff(const std::string& path, const std::optional<std::string>& before,
                      const std::optional<std::string>& after) {
  return "--- " + (before ? "a/" + path : std::string("/dev/null")) + "\n+++ " +
         (after ? "b/" + path : std::string("/dev/null")) + "\n" +
         unified_diff(before.value_or(""), after.value_or(""), no_limit);
}

}  // namespace kitgen::cli
