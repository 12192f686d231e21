// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/diff.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace kitgen::cli {
namespace {

constexpr std::size_t context_lines = 3;
/// Above this many pairs of lines the middle part is shown as replaced whole.
constexpr std::size_t max_pairs = 4'000'000;

struct Line {
  char mark = ' ';
  std::string_view text;
};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

using Lines = std::vector<std::string_view>;

/// The longest common subsequence, by the table of its lengths.
void align(const Lines& a, const Lines& b, std::vector<Line>& out) {
  if (a.size() * b.size() > max_pairs) {
    for (const auto line : a) out.push_back({'-', line});
    for (const auto line : b) out.push_back({'+', line});
    return;
  }
  const std::size_t width = b.size() + 1;
  std::vector<std::uint32_t> common((a.size() + 1) * width);
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      common[i * width + j] =
          a[i] == b[j] ? common[(i + 1) * width + j + 1] + 1
                       : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      out.push_back({' ', a[i++]});
      ++j;
    } else if (j == b.size() ||
               (i < a.size() && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      out.push_back({'-', a[i++]});
    } else {
      out.push_back({'+', b[j++]});
    }
  }
}

std::vector<Line> compare(std::string_view before, std::string_view after) {
  Lines a = lines_of(before);
  Lines b = lines_of(after);
  std::size_t head = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  std::size_t tail = 0;
  while (tail < a.size() - head && tail < b.size() - head &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) {
    ++tail;
  }
  std::vector<Line> lines;
  for (std::size_t i = 0; i < head; ++i) lines.push_back({' ', a[i]});
  const auto middle = [&](const Lines& all) {
    return Lines(all.begin() + static_cast<std::ptrdiff_t>(head),
                 all.end() - static_cast<std::ptrdiff_t>(tail));
  };
  align(middle(a), middle(b), lines);
  for (std::size_t i = a.size() - tail; i < a.size(); ++i) lines.push_back({' ', a[i]});
  return lines;
}

std::string range(std::size_t first, std::size_t count) {
  return std::to_string(count == 0 ? first : first + 1) + "," + std::to_string(count);
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after, std::size_t max_lines) {
  if (before == after) return "";
  const std::vector<Line> lines = compare(before, after);
  std::vector<std::string> out;
  std::size_t old_line = 0;
  std::size_t new_line = 0;
  for (std::size_t i = 0; i < lines.size();) {
    const auto is_change = [](const Line& line) { return line.mark != ' '; };
    // A hunk: the next change with its surroundings, and changes that are near it.
    const auto here = lines.begin() + static_cast<std::ptrdiff_t>(i);
    const auto change = std::find_if(here, lines.end(), is_change);
    if (change == lines.end()) break;
    const auto distance = static_cast<std::size_t>(change - here);
    const std::size_t skip = distance > context_lines ? distance - context_lines : 0;
    i += skip;
    old_line += skip;
    new_line += skip;
    std::size_t end = i;
    std::size_t quiet = 0;
    std::size_t last = i;
    for (; end < lines.size() && quiet <= 2 * context_lines; ++end) {
      quiet = is_change(lines[end]) ? 0 : quiet + 1;
      if (quiet == 0) last = end;
    }
    end = std::min(lines.size(), last + 1 + context_lines);
    std::size_t old_count = 0;
    std::size_t new_count = 0;
    for (std::size_t k = i; k < end; ++k) {
      if (lines[k].mark != '+') ++old_count;
      if (lines[k].mark != '-') ++new_count;
    }
    out.push_back("@@ -" + range(old_line, old_count) + " +" + range(new_line, new_count) + " @@");
    for (std::size_t k = i; k < end; ++k) out.push_back(lines[k].mark + std::string(lines[k].text));
    old_line += old_count;
    new_line += new_count;
    i = end;
  }
  // Only the last line's missing line feed differs.
  if (out.empty()) out.emplace_back("\\ No newline at end of file");
  std::string text;
  for (std::size_t i = 0; i < out.size() && i < max_lines; ++i) text += out[i] + "\n";
  if (out.size() > max_lines) {
    text += "... " + std::to_string(out.size() - max_lines) + " more lines\n";
  }
  return text;
}

}  // namespace kitgen::cli
