// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/detail/source_map.hpp"

#include <algorithm>

#include "kit/base/text.hpp"

namespace kitgen::schema {
namespace {

std::size_t blanks_at(std::string_view line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

}  // namespace

SourceMap::SourceMap(const Source& source, const Node& root) : source_(source) {
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < source.text().size(); ++i) {
    if (source.text()[i] == '\n') line_starts_.push_back(i + 1);
  }
  find_texts(root, 0);
  find_comments();
}

std::size_t SourceMap::offset(Position at) const {
  const std::string_view line = source_.line(at.line);
  std::size_t byte = 0;
  for (int column = 1; column < at.column && byte < line.size(); ++column)
    byte += std::max<std::size_t>(kit::utf8_sequence(line.substr(byte)), 1);
  return static_cast<std::size_t>(line.data() - source_.text().data()) + byte;
}

int SourceMap::line_of(std::size_t offset) const {
  const auto after = std::ranges::upper_bound(line_starts_, offset);
  return static_cast<int>(after - line_starts_.begin());
}

bool SourceMap::is_first_on_line(std::size_t offset) const {
  const std::size_t start = line_starts_[static_cast<std::size_t>(line_of(offset)) - 1];
  const std::string_view before = std::string_view(source_.text()).substr(start, offset - start);
  return before.find_first_not_of(" -") == std::string_view::npos;
}

bool SourceMap::is_blank_line(int line) const {
  return line >= 1 && kit::trim(source_.line(line)).empty();
}

bool SourceMap::only_closes_between(std::size_t begin, std::size_t end) const {
  const std::string_view between = std::string_view(source_.text()).substr(begin, end - begin);
  return between.find_first_not_of(" ,]}\t") == std::string_view::npos;
}

bool SourceMap::is_block_text(const Word& word) const {
  if (!word.quoted) return false;
  const std::size_t begin = offset(word.at);
  const char c = begin < source_.text().size() ? source_.text()[begin] : ' ';
  return c == '|' || c == '>';
}

void SourceMap::find_texts(const Node& node, std::size_t indent) {
  if (node.is_scalar()) find_text(node.word, indent);
  for (const Node& item : node.items) {
    // Of "- |" the dash counts.
    find_texts(item, blanks_at(source_.line(item.word.at.line)));
  }
  for (const Entry& entry : node.entries) {
    find_text(entry.key, 0);
    find_texts(entry.value, static_cast<std::size_t>(std::max(entry.key.at.column - 1, 0)));
  }
}

void SourceMap::find_text(const Word& word, std::size_t indent) {
  if (!word.quoted) return;
  const std::size_t begin = offset(word.at);
  texts_[begin] = is_block_text(word) ? end_of_block(begin, indent) : end_of_quotes(begin);
}

std::size_t SourceMap::end_of_quotes(std::size_t begin) const {
  const std::string& text = source_.text();
  if (begin >= text.size()) return begin;
  const char quote = text[begin];
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote != '\'' || i + 1 >= text.size() || text[i + 1] != quote) return i + 1;
      ++i;
    }
  }
  return text.size();
}

std::size_t SourceMap::end_of_block(std::size_t begin, std::size_t indent) const {
  const auto first = static_cast<std::size_t>(line_of(begin));
  std::size_t last = first;  // lines up to this one belong to the block
  for (std::size_t line = first + 1; line <= line_starts_.size(); ++line) {
    const std::string_view text = source_.line(static_cast<int>(line));
    if (kit::trim(text).empty()) continue;
    if (blanks_at(text) <= indent) break;
    last = line;
  }
  return last < line_starts_.size() ? line_starts_[last] - 1 : source_.text().size();
}

std::size_t SourceMap::skip_text(std::size_t offset) const {
  const auto found = texts_.find(offset);
  return found == texts_.end() ? offset : std::max(found->second, offset);
}

void SourceMap::find_comments() {
  const std::string& text = source_.text();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (const std::size_t behind = skip_text(i); behind > i) {
      // The line of | and > may have a comment itself.
      const bool is_block = text[i] == '|' || text[i] == '>';
      const std::size_t line_end = std::min(text.find('\n', i), text.size());
      const std::size_t mark = text.substr(i, line_end - i).find(" #");
      if (is_block && mark != std::string::npos) {
        comments_.push_back({i + mark + 1, line_of(i), 0,
                             std::string(kit::trim(std::string_view(text).substr(
                                 i + mark + 1, line_end - i - mark - 1)))});
      }
      i = behind - 1;
      continue;
    }
    const bool starts = text[i] == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\n' ||
                                           text[i - 1] == '\t');
    if (!starts) continue;
    const std::size_t end = std::min(text.find('\n', i), text.size());
    const int line = line_of(i);
    const std::size_t start = line_starts_[static_cast<std::size_t>(line) - 1];
    comments_.push_back(
        {i, line, i - start, std::string(kit::trim(std::string_view(text).substr(i, end - i)))});
    i = end;
  }
}

std::size_t SourceMap::end_of_flow(std::size_t begin) const {
  const std::string& text = source_.text();
  int depth = 0;
  auto comment = std::ranges::lower_bound(comments_, begin, {}, &Comment::offset);
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (const std::size_t behind = skip_text(i); behind > i) {
      i = behind - 1;
      continue;
    }
    while (comment != comments_.end() && comment->offset < i) ++comment;
    if (comment != comments_.end() && comment->offset == i) {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    if (text[i] == '{' || text[i] == '[') ++depth;
    if ((text[i] == '}' || text[i] == ']') && --depth == 0) return i + 1;
  }
  return text.size();
}

std::size_t SourceMap::end(const Node& node) const {
  const std::size_t begin = offset(node.word.at);
  if (node.flow) return end_of_flow(begin);
  if (!node.is_scalar()) return begin;
  const std::size_t behind = skip_text(begin);
  return behind > begin ? behind : begin + static_cast<std::size_t>(node.word.text.size());
}

std::string SourceMap::written(const Word& word) const {
  if (!word.quoted) return word.text;
  const std::size_t begin = offset(word.at);
  std::string text = source_.text().substr(begin, skip_text(begin) - begin);
  if (!is_block_text(word)) return text;
  return std::string(kit::trim(text.substr(0, text.find_first_of("#\n"))));
}

std::vector<std::string> SourceMap::block_lines(const Word& word) const {
  const std::size_t begin = offset(word.at);
  const std::string text = source_.text().substr(begin, skip_text(begin) - begin);
  std::vector<std::string> lines;
  std::size_t common = std::string::npos;
  const std::vector<std::string_view> all = kit::split(text, '\n');
  for (std::size_t i = 1; i < all.size(); ++i) {
    std::string_view line = all[i];
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    if (!kit::trim(line).empty()) common = std::min(common, blanks_at(line));
  }
  for (std::string& line : lines) line.erase(0, std::min(common, line.size()));
  return lines;
}

bool SourceMap::has_comment(std::size_t begin, std::size_t end) const {
  const auto found = std::ranges::lower_bound(comments_, begin, {}, &Comment::offset);
  return found != comments_.end() && found->offset < end;
}

}  // namespace kitgen::schema
