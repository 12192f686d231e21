// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/format.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/schema/detail/source_map.hpp"

namespace kitgen::schema {
namespace {

constexpr std::size_t widest = 120;

/// Mappings whose one-line values stand below each other.
bool is_aligned(std::string_view section) {
  static constexpr std::array<std::string_view, 9> names{"fields",   "belongs_to",   "has_one",
                                                         "has_many", "many_to_many", "list",
                                                         "input",    "enums",        "items"};
  return std::ranges::find(names, section) != names.end();
}

/// Mappings whose entries, when longer than a line, stand apart.
bool is_spaced(std::string_view section) {
  return section == "entities" || section == "mixins" || section.empty();
}

class Printer {
 public:
  Printer(const Source& source, const Node& root) : map_(source, root) {}

  std::string print(const Node& root) {
    block_map(root, 0, "", std::string::npos, 0);
    comments_before(std::string::npos, 0);
    return std::move(out_);
  }

 private:
  struct Line {
    bool is_inline = false;
    bool is_wrapped = false;  ///< A list on several lines, beginning behind the key.
    std::string text;         ///< Of an inline value.
    bool starts_group = false;
    std::size_t width = 0;  ///< Of the keys it is aligned with.
  };

  static std::size_t length(std::string_view text) { return kit::utf8_length(text); }

  // --- values

  /// The value on one line, or nothing when it needs several.
  std::optional<std::string> inline_text(const Node& node, bool despite_comments = false) const {
    if (node.is_null()) return "";
    if (node.is_scalar()) {
      if (map_.is_block_text(node.word)) return std::nullopt;
      const std::string text = map_.written(node.word);
      return text.find('\n') == std::string::npos ? std::optional(text)
                                                  : std::optional(quoted(node.word.text));
    }
    if (!node.flow && !is_empty(node)) return std::nullopt;
    const bool has_comment = map_.has_comment(map_.offset(node.word.at), map_.end(node));
    if (has_comment && !despite_comments) return std::nullopt;
    std::string text;
    for (const Node& item : node.items)
      text += (text.empty() ? "" : ", ") + inline_text(item, despite_comments).value_or("");
    for (const Entry& entry : node.entries) {
      text += (text.empty() ? "" : ", ") + map_.written(entry.key) + ":";
      if (!entry.value.is_null())
        text += " " + inline_text(entry.value, despite_comments).value_or("");
    }
    return node.is_map() ? "{" + text + "}" : "[" + text + "]";
  }

  static bool is_empty(const Node& node) { return node.items.empty() && node.entries.empty(); }

  /// A text of several lines in quotes, on one.
  static std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      if (c == '\n') {
        out += "\\n";
      } else {
        out += c;
      }
    }
    return out + "\"";
  }

  // --- comments and blank lines

  void indented(std::size_t indent, std::string_view text) {
    out_.append(indent, ' ');
    out_ += text;
    out_ += '\n';
  }

  /// Before what stands in this line: one blank line when there was one, none behind an opening.
  void blank_line(int line, bool wanted) {
    if (opened_ || out_.empty()) {
      opened_ = false;
      return;
    }
    if ((wanted || map_.is_blank_line(line - 1)) && !out_.ends_with("\n\n")) out_ += '\n';
  }

  /// Comments not yet written that stand before the offset and at least as far right as `column`.
  void comments_before(std::size_t offset, std::size_t indent, std::size_t column = 0,
                       bool spaced = false) {
    const std::vector<Comment>& all = map_.comments();
    for (; next_ < all.size() && all[next_].offset < offset; ++next_) {
      if (is_written(next_)) continue;
      if (all[next_].indent < column) return;
      blank_line(all[next_].line, std::exchange(spaced, false));
      indented(indent, all[next_].text);
    }
  }

  bool is_written(std::size_t index) const { return std::ranges::binary_search(written_, index); }

  /// The comment behind a value on the same line: "  # text".
  std::string comment_behind(std::size_t end) {
    const std::vector<Comment>& all = map_.comments();
    const auto found = std::ranges::lower_bound(all, end, {}, &Comment::offset);
    if (found == all.end()) return {};
    const auto index = static_cast<std::size_t>(found - all.begin());
    const bool is_near = map_.line_of(end > 0 ? end - 1 : 0) == found->line &&
                         map_.only_closes_between(end, found->offset);
    if (!is_near || index < next_ || is_written(index)) return {};
    written_.insert(std::ranges::upper_bound(written_, index), index);
    return "  " + found->text;
  }

  // --- blocks

  std::vector<Line> plan(const Node& node, std::size_t indent, std::string_view section) const {
    std::vector<Line> lines;
    for (const Entry& entry : node.entries) {
      Line line;
      const std::size_t key = length(map_.written(entry.key));
      if (std::optional<std::string> text = inline_text(entry.value)) {
        line.is_inline = entry.value.is_scalar() || entry.value.is_null() ||
                         indent + key + 2 + length(*text) <= widest;
        line.is_wrapped = !line.is_inline && entry.value.is_sequence();
        line.text = std::move(*text);
      }
      const bool is_first = map_.is_first_on_line(map_.offset(entry.key.at));
      line.starts_group = lines.empty() || (is_first && starts_group(entry));
      line.width = key;
      lines.push_back(std::move(line));
    }
    if (is_aligned(section)) align(lines);
    return lines;
  }

  bool starts_group(const Entry& entry) const {
    int line = entry.key.at.line - 1;
    const std::vector<Comment>& all = map_.comments();
    auto comment = std::ranges::lower_bound(all, map_.offset(entry.key.at), {}, &Comment::offset);
    while (comment != all.begin() && std::prev(comment)->line == line &&
           map_.is_first_on_line(std::prev(comment)->offset)) {
      --comment;
      --line;
    }
    return map_.is_blank_line(line);
  }

  static void align(std::vector<Line>& lines) {
    for (std::size_t begin = 0; begin < lines.size();) {
      std::size_t end = begin + 1;
      while (end < lines.size() && !lines[end].starts_group) ++end;
      std::size_t width = 0;
      for (std::size_t i = begin; i < end; ++i) {
        if (lines[i].is_inline || lines[i].is_wrapped) width = std::max(width, lines[i].width);
      }
      for (std::size_t i = begin; i < end; ++i) lines[i].width = width;
      begin = end;
    }
  }

  /// `limit`: where the text behind the mapping begins. `column`: where its keys stood.
  void block_map(const Node& node, std::size_t indent, std::string_view section, std::size_t limit,
                 std::size_t column, bool after_dash = false) {
    const std::vector<Line> lines = plan(node, indent, section);
    for (std::size_t i = 0; i < node.entries.size(); ++i) {
      const Entry& entry = node.entries[i];
      const std::size_t begin = map_.offset(entry.key.at);
      const bool spaced = i > 0 && is_spaced(section) &&
                          (!lines[i].is_inline || !lines[i - 1].is_inline) &&
                          (!section.empty() || !lines[i].is_inline);
      const std::size_t before = out_.size();
      if (after_dash && i == 0) {
        comments_before(begin, indent - 2);
      } else {
        comments_before(begin, indent, 0, spaced);
        const bool has_comments = out_.size() > before && !opened_;
        if (map_.is_first_on_line(begin)) {
          blank_line(entry.key.at.line, spaced && !has_comments);
        } else {
          blank_line(0, spaced && !has_comments);
        }
      }
      const std::size_t next =
          i + 1 < node.entries.size() ? map_.offset(node.entries[i + 1].key.at) : limit;
      write_entry(entry, lines[i], indent, next, after_dash && i == 0);
    }
    if (!node.flow) comments_before(limit, indent, column);
  }

  void write_entry(const Entry& entry, const Line& line, std::size_t indent, std::size_t next,
                   bool after_dash) {
    out_.append(after_dash ? indent - 2 : indent, ' ');
    if (after_dash) out_ += "- ";
    const std::string key = map_.written(entry.key);
    out_ += key + ":";
    opened_ = false;
    if (line.is_inline) {
      if (!entry.value.is_null()) {
        const std::size_t pad = line.width > length(key) ? line.width - length(key) : 0;
        out_ += std::string(pad + 1, ' ') + line.text;
      }
      const std::size_t end = entry.value.is_null() ? map_.offset(entry.key.at) + key.size() + 1
                                                    : map_.end(entry.value);
      out_ += comment_behind(end) + "\n";
      return;
    }
    if (line.is_wrapped) {
      const std::size_t column = std::max(line.width, length(key)) + 2;
      out_ += std::string(column - length(key) - 1, ' ');
      wrapped(entry.value, indent + column + 1);
      out_ += comment_behind(map_.end(entry.value)) + "\n";
      return;
    }
    write_block(entry.value, indent, entry.key, next);
  }

  void write_block(const Node& value, std::size_t indent, const Word& key, std::size_t next) {
    if (value.is_scalar()) {
      const std::string header = map_.written(value.word);
      out_ += " " + header + comment_behind(map_.offset(value.word.at) + header.size()) + "\n";
      for (const std::string& line : map_.block_lines(value.word))
        indented(kit::trim(line).empty() ? 0 : indent + 2, kit::trim(line).empty() ? "" : line);
      return;
    }
    const std::size_t behind_key = map_.offset(key.at) + map_.written(key).size() + 1;
    if (value.flow) {
      out_ += comment_behind(map_.end(value)) + "\n";
    } else {
      out_ += comment_behind(behind_key) + "\n";
    }
    opened_ = true;
    const std::size_t limit = value.flow ? map_.end(value) : next;
    const auto column = static_cast<std::size_t>(std::max(value.word.at.column - 1, 0));
    if (value.is_map()) {
      block_map(value, indent + 2, key.text, limit, column);
    } else {
      block_sequence(value, indent + 2, limit, column);
    }
    if (value.flow) comments_before(limit, indent + 2);
    opened_ = false;
  }

  /// [a, b, ...] over several lines, its items below each other.
  void wrapped(const Node& node, std::size_t indent) {
    out_ += '[';
    std::size_t at = indent;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const std::string text =
          inline_text(node.items[i], true).value_or("") + (i + 1 < node.items.size() ? "," : "]");
      if (i > 0 && at + 1 + length(text) > widest) {
        out_ += "\n" + std::string(indent, ' ');
        at = indent;
      } else if (i > 0) {
        out_ += ' ';
        ++at;
      }
      out_ += text;
      at += length(text);
    }
    if (node.items.empty()) out_ += ']';
  }

  void block_sequence(const Node& node, std::size_t indent, std::size_t limit, std::size_t column) {
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const Node& item = node.items[i];
      const std::size_t begin = map_.offset(item.word.at);
      comments_before(begin, indent);
      blank_line(map_.is_first_on_line(begin) ? item.word.at.line : 0, false);
      const std::optional<std::string> text = inline_text(item);
      const bool fits = text && (item.is_scalar() || indent + 2 + length(*text) <= widest);
      const std::size_t next =
          i + 1 < node.items.size() ? map_.offset(node.items[i + 1].word.at) : limit;
      // An empty item has no place a comment could stand behind.
      if (fits && !item.is_null()) {
        out_ += std::string(indent, ' ') + "- " + *text + comment_behind(map_.end(item)) + "\n";
      } else if (item.is_map()) {
        block_map(item, indent + 2, "item", item.flow ? map_.end(item) : next,
                  static_cast<std::size_t>(std::max(item.word.at.column - 1, 0)), true);
      } else if (item.is_sequence() && item.flow) {
        // Comments inside a list of a list have no place but above it.
        comments_before(map_.end(item), indent);
        out_ += std::string(indent, ' ') + "- ";
        wrapped(item, indent + 3);
        out_ += comment_behind(map_.end(item)) + "\n";
      } else {
        refuse(item.word.at);
      }
    }
    if (!node.flow) comments_before(limit, indent, column);
  }

 public:
  /// Where a form of YAML stands that nobody writes a schema in; nothing without one.
  std::optional<Position> refused() const { return refused_; }

 private:
  void refuse(Position at) {
    if (!refused_) refused_ = at;
  }

  SourceMap map_;
  std::string out_;
  std::size_t next_ = 0;              ///< The first comment that may not be written yet.
  std::vector<std::size_t> written_;  ///< Comments behind values, sorted.
  bool opened_ = false;               ///< A block was opened by the last line.
  std::optional<Position> refused_;
};

/// A text of several lines is one however it is written; a short one may be a number without
/// quotes.
bool same(const Word& a, const Word& b) {
  return a.text == b.text && (a.quoted == b.quoted || a.text.find('\n') != std::string::npos);
}

/// Where `a` says something else than `b`; nothing when they say the same.
std::optional<Position> difference(const Node& a, const Node& b) {
  if (a.kind != b.kind || (a.is_scalar() && !same(a.word, b.word))) return a.word.at;
  for (std::size_t i = 0; i < std::min(a.items.size(), b.items.size()); ++i) {
    if (const auto at = difference(a.items[i], b.items[i])) return at;
  }
  for (std::size_t i = 0; i < std::min(a.entries.size(), b.entries.size()); ++i) {
    if (!same(a.entries[i].key, b.entries[i].key)) return a.entries[i].key.at;
    if (const auto at = difference(a.entries[i].value, b.entries[i].value)) return at;
  }
  const bool is_whole = a.items.size() == b.items.size() && a.entries.size() == b.entries.size();
  return is_whole ? std::nullopt : std::optional(a.word.at);
}

/// The first comment that the other text does not have as often.
std::optional<Position> lost_comment(const Source& source, const Node& root, const Source& again,
                                     const Node& result) {
  std::map<std::string, int> counts;
  for (const Comment& comment : SourceMap(again, result).comments()) ++counts[comment.text];
  for (const Comment& comment : SourceMap(source, root).comments()) {
    if (--counts[comment.text] < 0) return source.position(comment.offset);
  }
  for (const auto& [text, count] : counts) {
    if (count != 0) return root.word.at;
  }
  return std::nullopt;
}

/// Where the laid out text is not what it should be; nothing when it is.
std::optional<Position> objection(const Source& source, const Node& root, const Printer& printer,
                                  const Source& again) {
  if (const auto at = printer.refused()) return at;
  Diagnostics diagnostics(again);
  const std::optional<Node> result = parse_yaml(again, diagnostics);
  if (!result) return root.word.at;
  if (const auto at = difference(root, *result)) return at;
  if (const auto at = lost_comment(source, root, again, *result)) return at;
  if (Printer(again, *result).print(*result) != again.text()) return root.word.at;
  return std::nullopt;
}

}  // namespace

std::optional<std::string> format(const Source& source, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.error_count();
  const std::optional<Node> root = parse_yaml(source, diagnostics);
  if (diagnostics.error_count() > before) return std::nullopt;
  if (!root || root->is_null()) {
    diagnostics.error(Position{1, 1}, 1,
                      "there is no schema in this file, only comments or nothing",
                      "a schema begins with kit: 1 and service: shop");
    return std::nullopt;
  }
  if (!root->is_map() || root->flow) {
    diagnostics.error(root->word.at, 1, "a schema is a mapping of lines (kit: 1, service: ...)");
    return std::nullopt;
  }
  Printer printer(source, *root);
  const Source again(source.file(), printer.print(*root));
  const std::optional<Position> at = objection(source, *root, printer, again);
  if (!at) return again.text();
  diagnostics.error(*at, 1, "this cannot be laid out anew without changing what it says",
                    "write it in plainer YAML: simple keys, no nested lists of lists");
  return std::nullopt;
}

}  // namespace kitgen::schema
