// SPDX-License-Identifier: Apache-2.0
#include "kit/app/flame_graph.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <memory>
#include <unordered_map>
#include <utility>

#include "kit/async/stack_trace.hpp"
#include "kit/base/text.hpp"

namespace kit::app {
namespace {

constexpr double width = 1'200;
constexpr int row_height = 17;
constexpr int head_height = 34;
constexpr double narrowest = 0.4;  // what can be seen
constexpr double letter_width = 6.6;
/// Deeper ones are cut at their outer end: the inner one says what was done.
constexpr std::size_t deepest = 128;

/// A function where it was called from, and who it called.
struct Node {
  std::uint64_t count = 0;
  std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
};

Node tree_of(const FoldedStacks& stacks) {
  Node root;
  for (const auto& [names, count] : stacks) {
    root.count += count;
    Node* node = &root;
    for (const std::string& name : names) {
      std::unique_ptr<Node>& child = node->children[name];
      if (!child) child = std::make_unique<Node>();
      node = child.get();
      node->count += count;
    }
  }
  return root;
}

int depth_of(const Node& node, double scale) {
  int deepest_child = 0;
  for (const auto& [name, child] : node.children) {
    if (static_cast<double>(child->count) * scale < narrowest) continue;
    deepest_child = std::max(deepest_child, depth_of(*child, scale));
  }
  return deepest_child + 1;
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : valid_utf8(text)) {
    switch (c) {
      case '<':
        out.append("&lt;");
        break;
      case '>':
        out.append("&gt;");
        break;
      case '&':
        out.append("&amp;");
        break;
      case '"':
        out.append("&quot;");
        break;
      default:
        // XML has no other control characters.
        out.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
    }
  }
}

template <class... Values>
void append_format(std::string& out, const char* format, Values... values) {
  std::array<char, 256> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), format, values...);
  out.append(buffer.data(), static_cast<std::size_t>(std::max(length, 0)));
}

/// The same function has the same colour, of fire.
std::array<int, 3> colour_of(std::string_view name) {
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  return {205 + static_cast<int>(hash % 50), 90 + static_cast<int>(hash / 64 % 120),
          40 + static_cast<int>(hash / 8192 % 40)};
}

class Picture {
 public:
  Picture(std::string& out, double scale, int rows) : out_(out), scale_(scale), rows_(rows) {}

  void draw(std::string_view name, const Node& node, double x, int depth) {
    const double wide = static_cast<double>(node.count) * scale_;
    if (wide < narrowest) return;
    const int y = head_height + (rows_ - 1 - depth) * row_height;
    const std::array<int, 3> colour = colour_of(name);
    const double share = 100 * wide / width;
    out_.append("<g><title>");
    append_escaped(out_, name);
    append_format(out_, ": %llu samples, %.2f %%</title>",
                  static_cast<unsigned long long>(node.count), share);
    append_format(out_,
                  R"x(<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="rgb(%d,%d,%d)"/>)x", x,
                  y, wide, row_height - 1, colour[0], colour[1], colour[2]);
    const auto letters = static_cast<std::size_t>(wide / letter_width);
    if (letters > 3) {
      append_format(out_, R"(<text x="%.1f" y="%d">)", x + 3, y + 12);
      append_escaped(out_, name.substr(0, letters - 1));
      if (name.size() > letters - 1) out_.append("..");
      out_.append("</text>");
    }
    out_.append("</g>\n");
    for (const auto& [child_name, child] : node.children) {
      draw(child_name, *child, x, depth + 1);
      x += static_cast<double>(child->count) * scale_;
    }
  }

 private:
  std::string& out_;
  const double scale_;
  const int rows_;
};

}  // namespace

FoldedStacks fold(const std::vector<ProfiledStack>& stacks,
                  const Function<std::string(std::uint64_t, bool) const>& name) {
  std::unordered_map<std::uint64_t, std::string> known[2];
  const auto name_of = [&](std::uint64_t address, bool is_call) -> const std::string& {
    auto [place, is_new] = known[is_call ? 1 : 0].try_emplace(address);
    if (is_new) place->second = name(address, is_call);
    return place->second;
  };
  FoldedStacks folded;
  for (const ProfiledStack& stack : stacks) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < std::min(stack.addresses.size(), deepest); ++i) {
      const std::string& found = name_of(stack.addresses[i], i > 0);
      if (!found.empty()) names.push_back(found);
    }
    std::ranges::reverse(names);
    folded[std::move(names)] += stack.count;
  }
  return folded;
}

FoldedStacks fold(const std::vector<ProfiledStack>& stacks) {
  return fold(stacks, [](std::uint64_t address, bool is_call) {
    // Where the program was is in the function; what a call returns to may be behind its end.
    return function_at(std::bit_cast<const void*>(is_call ? address - 1 : address));
  });
}

std::string folded_text(const FoldedStacks& stacks) {
  std::string out;
  for (const auto& [names, count] : stacks) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (i > 0) out.push_back(';');
      // The separators of the format; no name has a line break.
      for (const char c : names[i]) out.push_back(c == ';' ? ':' : c);
    }
    out.append(" ").append(std::to_string(count)).append("\n");
  }
  return out;
}

std::string flame_svg(const FoldedStacks& stacks, std::string_view title) {
  const Node root = tree_of(stacks);
  const double scale = root.count == 0 ? 0 : width / static_cast<double>(root.count);
  const int rows = depth_of(root, scale);
  std::string out;
  append_format(out,
                R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" width="100%%">)"
                "\n",
                width, head_height + rows * row_height + 4);
  out.append(
      "<style>text{font:11px monospace;fill:#111}rect{stroke:#fff;stroke-width:.3}"
      "g:hover rect{stroke:#000;stroke-width:1}.t{font:14px sans-serif}</style>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text class=\"t\" x=\"6\" y=\"20\">");
  append_escaped(out, title);
  append_format(out, ": %llu samples</text>\n", static_cast<unsigned long long>(root.count));
  Picture picture(out, scale, rows);
  picture.draw("all", root, 0, 0);
  out.append("</svg>\n");
  return out;
}

}  // namespace kit::app
