// SPDX-License-Identifier: Apache-2.0
#include "kit/config/detail/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "kit/base/text.hpp"

namespace kit::config::detail {
namespace {

struct Refused {
  Position position;
  std::string message;
};

Position position_of(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

std::string located(std::string_view name, Position position, std::string_view message) {
  std::string out(name);
  out.append(":").append(std::to_string(position.line));
  out.append(":").append(std::to_string(position.column));
  return out.append(": ").append(message);
}

/// Builds the tree from the parser's events, so that nothing is ever expanded and each limit is
/// checked as it is met. Throws `Refused`, which never leaves this file.
class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check_plain(mark, "", anchor);
    add(mark, YamlNode::Kind::empty, "");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{position_of(mark), "aliases (*name) are not allowed here: write the value out"};
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_plain(mark, tag, anchor);
    add(mark, YamlNode::Kind::text, value);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_plain(mark, tag, anchor);
    open(mark, YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { levels_.pop_back(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_plain(mark, tag, anchor);
    open(mark, YamlNode::Kind::map);
  }
  void OnMapEnd() override { levels_.pop_back(); }

 private:
  struct Level {
    YamlNode* node;
    bool has_key = false;  // of a mapping: its value comes next
    std::set<std::string, std::less<>> names;
  };

  static void check_plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) {
      throw Refused{position_of(mark), "anchors (&name) are not allowed here: write the value out"};
    }
    // "?" is a plain text, "!" a quoted one.
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Refused{position_of(mark), "tags (!name) are not allowed here"};
    }
  }

  void open(const YAML::Mark& mark, YamlNode::Kind kind) {
    if (levels_.size() == max_yaml_depth) {
      throw Refused{position_of(mark),
                    "nested deeper than " + std::to_string(max_yaml_depth) + " levels"};
    }
    levels_.push_back({add(mark, kind, ""), false, {}});
  }

  /// Puts a node where it belongs; null for the name of a member.
  YamlNode* add(const YAML::Mark& mark, YamlNode::Kind kind, const std::string& text) {
    if (++nodes_ > max_yaml_nodes) {
      throw Refused{position_of(mark), "more than " + std::to_string(max_yaml_nodes) + " nodes"};
    }
    YamlNode node{kind, position_of(mark), text, {}, {}};
    if (levels_.empty()) {
      root_ = std::move(node);
      return &root_;
    }
    Level& level = levels_.back();
    if (level.node->kind == YamlNode::Kind::list) {
      return &level.node->items.emplace_back(std::move(node));
    }
    if (level.has_key) {
      level.has_key = false;
      YamlNode& value = level.node->members.back().value;
      value = std::move(node);
      return &value;
    }
    add_name(level, std::move(node));
    return nullptr;
  }

  static void add_name(Level& level, YamlNode node) {
    if (node.kind != YamlNode::Kind::text || node.text.empty()) {
      throw Refused{node.position, "a key must be a plain name"};
    }
    if (node.text == "<<") throw Refused{node.position, "merge keys (<<) are not allowed here"};
    if (!level.names.insert(node.text).second) {
      throw Refused{node.position, "the key '" + node.text + "' stands twice in one mapping"};
    }
    level.node->members.push_back({std::move(node.text), node.position, {}});
    level.has_key = true;
  }

  YamlNode root_;
  // Pointers stay good: only the innermost node grows.
  std::vector<Level> levels_;
  std::size_t nodes_ = 0;
};

/// yaml-cpp lets control characters pass in some places; none belongs into a configuration.
std::optional<Position> find_control_character(std::string_view text) {
  Position position;
  for (char c : text) {
    bool control = static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t';
    if (control || c == 0x7F) return position;
    if (c == '\n') {
      ++position.line;
      position.column = 1;
    } else {
      ++position.column;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<YamlNode> read_yaml(std::string_view name, std::string_view text) {
  auto refuse = [&](Position position, std::string_view message) {
    return Error(Code::invalid_argument, located(name, position, message));
  };
  if (text.size() > max_yaml_bytes) return refuse({}, "larger than 1 MiB");
  if (!is_utf8(text)) return refuse({}, "is not UTF-8 text");
  if (auto position = find_control_character(text)) {
    return refuse(*position, "a control character is not allowed here");
  }
  try {
    // yaml-cpp takes a quote that is still open for closed when the text ends in a line break, and
    // with it every setting behind the quote for text. With a comment for a last line it notices.
    std::istringstream stream{std::string(text).append("\n#")};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    if (!parser.HandleNextDocument(builder)) return YamlNode{};
    YamlNode root = builder.take();
    TreeBuilder second;
    if (parser.HandleNextDocument(second)) {
      return refuse(second.take().position, "a second document (---) is not allowed here");
    }
    if (root.kind != YamlNode::Kind::map && root.kind != YamlNode::Kind::empty) {
      return refuse(root.position, "the top of the file must be a mapping such as 'http:'");
    }
    return root;
  } catch (const Refused& refused) {
    return refuse(refused.position, refused.message);
  } catch (const YAML::Exception& exception) {
    Position position = position_of(exception.mark);
    auto last_line = static_cast<int>(std::ranges::count(text, '\n')) + 1;
    if (position.line > last_line) position = {last_line, 1};
    // Its messages quote single bytes of what they found.
    return refuse(position, "is not YAML: " + valid_utf8(exception.msg));
  }
}

}  // namespace kit::config::detail
