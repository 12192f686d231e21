// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "kit/base/text.hpp"

namespace kitgen::schema {
namespace {

/// Ends the parse from within an event; the reason was told already.
struct Stop {};

bool opens_parenthesis(std::string_view text) {
  return std::ranges::count(text, '(') > std::ranges::count(text, ')');
}

bool is_plain_scalar(const Node& node) {
  return node.is_scalar() && !node.word.quoted;
}

void append_after_comma(Word& word, const Word& rest) {
  word.text += "," + rest.text;
  if (rest.at.line == word.at.line) word.length = rest.at.column + rest.length - word.at.column;
}

/// {type: decimal(10,2)} reaches us as {type: "decimal(10", "2)": null}.
void rejoin_commas(std::vector<Entry>& entries) {
  std::vector<Entry> joined;
  for (Entry& entry : entries) {
    const bool continues = !joined.empty() && is_plain_scalar(joined.back().value) &&
                           opens_parenthesis(joined.back().value.word.text) &&
                           entry.value.is_null() && !entry.key.quoted;
    if (continues) {
      append_after_comma(joined.back().value.word, entry.key);
    } else {
      joined.push_back(std::move(entry));
    }
  }
  entries = std::move(joined);
}

void rejoin_commas(std::vector<Node>& items) {
  std::vector<Node> joined;
  for (Node& item : items) {
    const bool continues = !joined.empty() && is_plain_scalar(joined.back()) &&
                           opens_parenthesis(joined.back().word.text) && is_plain_scalar(item);
    if (continues) {
      append_after_comma(joined.back().word, item.word);
    } else {
      joined.push_back(std::move(item));
    }
  }
  items = std::move(joined);
}

/// Builds the tree from yaml-cpp's events. Aliases are never followed, so nothing can expand.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const Source& source, Diagnostics& diagnostics, std::size_t& nodes)
      : source_(source), diagnostics_(diagnostics), nodes_(nodes) {}

  std::optional<Node> take_root() { return std::exchange(root_, std::nullopt); }

  /// yaml-cpp 0.7 takes the end of the file for the closing quote when a line break comes before
  /// it. Only the last quoted text can be such a one.
  void refuse_unclosed_quote() {
    if (last_quoted_ < 0) return;
    const std::string_view text =
        std::string_view(source_.text()).substr(static_cast<std::size_t>(last_quoted_));
    const char quote = text.empty() ? ' ' : text[0];
    if (quote != '"' && quote != '\'') return;
    for (std::size_t i = 1; i < text.size(); ++i) {
      const bool is_doubled =
          quote == '\'' && text[i] == quote && i + 1 < text.size() && text[i + 1] == quote;
      if (is_doubled || (quote == '"' && text[i] == '\\')) {
        ++i;
      } else if (text[i] == quote) {
        return;
      }
    }
    diagnostics_.error(source_.position(static_cast<std::size_t>(last_quoted_)), 1,
                       "bad YAML: the quote opened here is never closed");
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ < 2) return;
    diagnostics_.error(place(mark), 3, "a schema is one YAML document; a second one starts here");
    throw Stop{};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.word.at = place(mark);
    refuse_anchor(node, anchor);
    add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    Node node;
    node.kind = Node::Kind::broken;
    node.word.at = place(mark);
    diagnostics_.error(node.word, "aliases (*name) are not allowed in a schema",
                       "write the value out");
    add(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.kind = Node::Kind::scalar;
    node.word = {value, place(mark), 1, tag == "!"};
    node.word.length = source_length(node.word);
    if (node.word.quoted)
      last_quoted_ =
          source_.line(node.word.at.line).substr(last_byte_).data() - source_.text().data();
    if (refuse_tag(node, tag)) node.kind = Node::Kind::broken;
    refuse_anchor(node, anchor);
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(Node::Kind::sequence, mark, tag, anchor, style);
  }
  void OnSequenceEnd() override {
    if (open_.back().node.flow) rejoin_commas(open_.back().node.items);
    close();
  }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(Node::Kind::map, mark, tag, anchor, style);
  }
  void OnMapEnd() override {
    Node& node = open_.back().node;
    if (node.flow) rejoin_commas(node.entries);
    refuse_duplicate_keys(node.entries);
    close();
  }

 private:
  struct Open {
    Node node;
    bool is_map = false;
    bool is_refused = false;
    std::optional<Word> key;  ///< Of a map: the key whose value comes next.
  };

  /// Places come in the order of the text: counting goes on from the last one, or a long line would
  /// be counted anew for each of its nodes.
  Position place(const YAML::Mark& mark) {
    const int line = mark.line + 1;
    const std::string_view text = source_.line(line);
    const auto byte = std::min(static_cast<std::size_t>(std::max(mark.column, 0)), text.size());
    if (line != last_line_ || byte < last_byte_) {
      last_line_ = line;
      last_byte_ = 0;
      last_column_ = 1;
    }
    last_column_ += characters(text.substr(last_byte_, byte - last_byte_));
    last_byte_ = byte;
    return {line, last_column_, source_.index()};
  }

  static int characters(std::string_view text) { return static_cast<int>(kit::utf8_length(text)); }

  /// How far the scalar at the last place reaches on its first line.
  int source_length(const Word& word) const {
    const std::size_t wanted = word.text.size() + (word.quoted ? 2 : 0);
    return std::max(characters(source_.line(word.at.line).substr(last_byte_, wanted)), 1);
  }

  /// Whether the tag was refused.
  bool refuse_tag(const Node& node, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return false;
    diagnostics_.error(node.word.at, 1,
                       "tags (" + in_quotes(tag) + ") are not allowed in a schema");
    return true;
  }

  void refuse_anchor(Node& node, YAML::anchor_t anchor) {
    if (anchor == 0) return;
    diagnostics_.error(node.word.at, 1, "anchors (&name) are not allowed in a schema",
                       "write the value out where it is used");
  }

  /// The first one stays: what is said of a key is then told once.
  void refuse_duplicate_keys(std::vector<Entry>& entries) {
    std::unordered_map<std::string, Position> seen;
    std::erase_if(entries, [&](const Entry& entry) {
      const auto [first, is_new] = seen.try_emplace(entry.key.text, entry.key.at);
      if (is_new || entry.key.text.empty()) return false;
      diagnostics_.error(entry.key, "duplicate key " + in_quotes(entry.key.text) +
                                        ", first given in line " +
                                        std::to_string(first->second.line));
      return true;
    });
  }

  void count_node(Position at) {
    if (++nodes_ <= max_yaml_nodes) return;
    diagnostics_.error(
        at, 1, "the schema has more than " + std::to_string(max_yaml_nodes) + " YAML nodes");
    throw Stop{};
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YAML::EmitterStyle::value style) {
    Node node;
    node.kind = kind;
    node.word.at = place(mark);
    node.flow = style == YAML::EmitterStyle::Flow;
    count_node(node.word.at);
    if (open_.size() >= max_yaml_depth) {
      diagnostics_.error(node.word.at, 1,
                         "nested more than " + std::to_string(max_yaml_depth) + " levels deep");
      throw Stop{};
    }
    const bool refused = refuse_tag(node, tag);
    refuse_anchor(node, anchor);
    open_.push_back({std::move(node), kind == Node::Kind::map, refused, std::nullopt});
  }

  void close() {
    Node node = std::move(open_.back().node);
    if (open_.back().is_refused) node.kind = Node::Kind::broken;
    open_.pop_back();
    place_in_parent(std::move(node));
  }

  void add(Node node) {
    count_node(node.word.at);
    place_in_parent(std::move(node));
  }

  void place_in_parent(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (!parent.is_map) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key = key_of(node);
    } else {
      parent.node.entries.push_back({std::move(*parent.key), std::move(node)});
      parent.key.reset();
    }
  }

  Word key_of(const Node& node) {
    Word key = node.word;
    if (!node.is_scalar()) {
      key.text.clear();
      if (!node.is_broken()) {
        diagnostics_.error(key, node.is_null() ? "a key is missing" : "a key must be a plain word");
      }
    } else if (key.text == "<<" && !key.quoted) {
      diagnostics_.error(key, "merge keys (<<) are not allowed in a schema", "write the keys out");
      key.text.clear();
    }
    return key;
  }

  const Source& source_;
  Diagnostics& diagnostics_;
  std::vector<Open> open_;
  std::optional<Node> root_;
  std::size_t& nodes_;
  int documents_ = 0;
  std::ptrdiff_t last_quoted_ = -1;  ///< Where in the text the last quoted scalar starts.
  int last_line_ = 0;
  std::size_t last_byte_ = 0;
  int last_column_ = 1;
};

/// The last line before `at` that says something, when it has no colon where the lines below it
/// need one: "Item" instead of "Item:". 0: no such line.
int line_without_colon(const Source& source, Position at) {
  for (int number = at.line - 1; number > 0; --number) {
    const std::string_view text = kit::trim(source.line(number));
    if (text.empty() || text.front() == '#') continue;
    const bool is_plain = text.find_first_of(":{}[]\"'|>,-") == std::string_view::npos;
    return is_plain ? number : 0;
  }
  return 0;
}

/// A comment inside parentheses that a line before `at` opens, `decimal(10, # digits`: YAML ends
/// the word there. Its byte column, or npos.
std::size_t comment_in_parentheses(const Source& source, int number) {
  const std::string_view text = source.line(number);
  const std::size_t comment = text.find(" #");
  if (comment == std::string_view::npos || !opens_parenthesis(text.substr(0, comment)))
    return std::string_view::npos;
  return comment + 1;
}

/// yaml-cpp's words for common slips, in words that help.
std::string explain(const std::string& message) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 10> known{{
      {"end of map flow not found", "a '{' is not closed by '}'"},
      {"end of sequence flow not found", "a '[' is not closed by ']'"},
      {"end of map not found", "wrong indentation, or a ':' is missing"},
      {"end of sequence not found", "wrong indentation inside a list"},
      {"illegal map value",
       "a ':' is not allowed here; put quotes around a text that contains ': '"},
      {"illegal map key", "a key is not allowed here; look at the indentation"},
      {"illegal block entry", "a '-' is not allowed here; look at the indentation"},
      {"illegal flow end", "a '}' or ']' that was never opened"},
      {"unknown token", "a character that YAML keeps for itself; put quotes around the text"},
      {"illegal EOF in scalar", "the file ends inside quotes"},
  }};
  const auto found =
      std::ranges::find(known, message, &std::pair<std::string_view, std::string_view>::first);
  return "bad YAML: " + (found == known.end() ? message : std::string(found->second));
}

bool is_line_break(char c) {
  return c == '\n' || c == '\r';
}

/// How many bytes at the start are whole UTF-8 characters.
std::size_t well_formed_bytes(std::string_view text) {
  std::size_t good = 0;
  while (good < text.size()) {
    std::size_t size = 1;
    while (size <= 4 && !kit::is_utf8(text.substr(good, size))) ++size;
    if (size > 4) break;
    good += size;
  }
  return good;
}

/// What YAML parsers disagree about or pass on silently is refused before they see it.
bool check_bytes(const Source& source, Diagnostics& diagnostics) {
  const std::string& text = source.text();
  if (!kit::is_utf8(text)) {
    int line = 1;
    while (kit::is_utf8(source.line(line))) ++line;
    diagnostics.error(source.position(line, well_formed_bytes(source.line(line))), 1,
                      "the file is not UTF-8 text");
    return false;
  }
  bool good = true;
  bool only_blanks = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_break = c == '\n' || (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n');
    if (c == '\t' && only_blanks) {
      diagnostics.error(source.position(i), 1, "a tab cannot indent YAML", "use spaces");
      good = false;
      only_blanks = false;
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && !is_break) {
      diagnostics.error(
          source.position(i), 1,
          c == '\0' ? "the file contains a NUL byte" : "the file contains a control character");
      good = false;
    }
    if (is_line_break(c)) {
      only_blanks = true;
    } else if (c != ' ') {
      only_blanks = false;
    }
    if (!good && diagnostics.full()) break;
  }
  return good;
}

}  // namespace

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return in_quotes(node.word.text);
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::map:
      return "a mapping";
    case Node::Kind::broken:
      break;
  }
  return "something broken";
}

std::optional<Node> parse_yaml(const Source& source, Diagnostics& diagnostics) {
  std::size_t nodes = 0;
  return parse_yaml(source, diagnostics, nodes);
}

std::optional<Node> parse_yaml(const Source& source, Diagnostics& diagnostics, std::size_t& nodes) {
  if (!check_bytes(source, diagnostics)) return std::nullopt;
  TreeBuilder builder(source, diagnostics, nodes);
  try {
    std::istringstream stream(source.text());
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    builder.refuse_unclosed_quote();
    return builder.take_root();
  } catch (const Stop&) {
    return std::nullopt;  // told where it was thrown
  } catch (const YAML::Exception& error) {
    const bool has_place = !error.mark.is_null();
    const Position at =
        has_place ? source.position(error.mark.line + 1,
                                    static_cast<std::size_t>(std::max(error.mark.column, 0)))
                  : Position{0, 0, source.index()};
    const std::size_t comment = comment_in_parentheses(source, at.line - 1);
    if (comment != std::string_view::npos) {
      diagnostics.error(source.position(at.line - 1, comment), 1,
                        "bad YAML: a comment cannot stand inside parentheses",
                        "move it above the line, or behind the ')'");
    } else if (const int line = line_without_colon(source, at)) {
      const std::string word(kit::trim(source.line(line)));
      const std::size_t column = source.line(line).find(word);
      diagnostics.error(source.position(line, column), static_cast<int>(word.size()),
                        "bad YAML: a ':' is missing behind " + in_quotes(word),
                        "write " + word.substr(0, 40) + ":");
    } else {
      diagnostics.error(at, 1, explain(error.msg));
    }
  } catch (const std::exception& error) {
    diagnostics.error(Position{0, 0, source.index()}, 1, std::string("bad YAML: ") + error.what());
  }
  return std::nullopt;
}

}  // namespace kitgen::schema
