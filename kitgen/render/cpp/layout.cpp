// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/cpp/layout.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "kit/base/text.hpp"

namespace kitgen::render {
namespace {

constexpr std::size_t continuation = 4;

std::string blanks(std::size_t count) {
  return std::string(count, ' ');
}

std::string joined(std::span<const std::string> items) {
  std::string text;
  for (const std::string& item : items) text.append(text.empty() ? "" : ", ").append(item);
  return text;
}

/// The items in lines from `column` on; nothing when one of them does not fit.
std::optional<std::string> fill_from(std::span<const std::string> items, std::size_t column,
                                     std::size_t used, std::size_t tail) {
  std::string text;
  std::size_t at = used;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool is_last = i + 1 == items.size();
    const std::size_t need = items[i].size() + (is_last ? tail : 1);  // the comma
    if (i > 0) {
      if (at + 1 + need > line_width) {
        text.append("\n").append(column, ' ');
        at = column;
      } else {
        text += ' ';
        ++at;
      }
    }
    if (at + need > line_width) return std::nullopt;
    text.append(items[i]);
    at += items[i].size();
    if (!is_last) {
      text += ',';
      ++at;
    }
  }
  return text;
}

}  // namespace

std::string call(std::size_t indent, std::string_view head, std::span<const std::string> arguments,
                 std::string_view tail) {
  std::string start = blanks(indent).append(head).append("(");
  const std::string all = joined(arguments);
  const std::size_t end = tail.size() + 1;
  if (start.size() + all.size() + end <= line_width || arguments.empty()) {
    return start.append(all).append(")").append(tail);
  }
  if (const auto text = fill_from(arguments, start.size(), start.size(), end)) {
    return start.append(*text).append(")").append(tail);
  }
  const std::size_t column = indent + continuation;
  if (const auto text = fill_from(arguments, column, column, end)) {
    return start.append("\n").append(column, ' ').append(*text).append(")").append(tail);
  }
  return protect(start.append(all).append(")").append(tail), indent);
}

std::string signature(std::size_t indent, std::string_view type, std::string_view name,
                      std::span<const std::string> parameters, std::string_view tail) {
  std::string head(type);
  head.append(" ").append(name);
  return call(indent, head, parameters, tail);
}

std::string cut_tail(std::string text, std::string_view tail) {
  return text.erase(text.rfind(tail), tail.size());
}

std::string assign(std::size_t indent, const std::string& target, const std::string& function,
                   std::span<const std::string> arguments) {
  const std::string start = target + " =";
  std::string line = call(indent, start + " " + function, arguments, ";");
  if (line.find('\n') == std::string::npos) return line;
  const std::string below = call(indent + continuation, function, arguments, ";");
  if (below.find('\n') == std::string::npos) return blanks(indent) + start + "\n" + below;
  const std::string head = blanks(indent) + start + " " + function + "(";
  const std::string inner = blanks(indent + continuation) + joined(arguments) + ");";
  if (head.size() <= line_width && inner.size() <= line_width) return head + "\n" + inner;
  return line;
}

std::string constructor(std::size_t indent, const std::string& head,
                        std::span<const std::string> items) {
  const std::string start = blanks(indent) + head;
  const std::string all = joined(items) + " {}";
  if (start.size() + 3 + all.size() <= line_width) return start + " : " + all;
  const std::string below = blanks(indent + continuation) + ": ";
  if (below.size() + all.size() <= line_width) return start + "\n" + below + all;
  std::string text = start + "\n" + below;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text.append(",\n").append(below.size(), ' ');
    text += items[i];
  }
  return text + " {}";
}

std::string rows(const std::vector<std::string>& items) {
  std::string text;
  std::size_t widths[2] = {0, 0};
  for (std::size_t i = 0; i < items.size(); ++i) {
    text.append(text.empty() ? "" : "\n").append(items[i]);
    widths[i % 2] = std::max(widths[i % 2], items[i].size() - continuation);
  }
  // clang-format puts lists of five and more in columns when at least two of them fit.
  if (items.size() < 5 || continuation + widths[0] + 1 + widths[1] > line_width) return text;
  return "    // clang-format off\n" + text + "\n    // clang-format on";
}

std::string sink(const std::string& expression) {
  const std::string start = "  auto sink = [&](const kit::db::Row& row) {";
  const std::string line = start + " return " + expression + "; };";
  return line.size() <= line_width ? line : start + "\n    return " + expression + ";\n  };";
}

std::string fill(std::string_view first, std::span<const std::string> items, std::size_t indent) {
  std::string text(first);
  std::size_t at = std::max(first.size(), indent);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t need = items[i].size() + (i + 1 == items.size() ? 0 : 1);
    if (i > 0 && at + 1 + need > line_width) {
      text.append("\n").append(indent, ' ');
      at = indent;
    } else if (i > 0) {
      text += ' ';
      ++at;
    }
    text.append(items[i]);
    if (i + 1 < items.size()) text += ',';
    at += need;
  }
  return text;
}

std::string protect(std::string text, std::size_t indent) {
  const std::vector<std::string_view> lines = kit::split(text, '\n');
  if (std::ranges::all_of(lines, [](std::string_view line) { return line.size() <= line_width; }))
    return text;
  return blanks(indent) + "// clang-format off\n" + text + "\n" + blanks(indent) +
         "// clang-format on";
}

std::string include_lines(std::vector<std::string> standard, std::vector<std::string> project) {
  const std::set<std::string> first(standard.begin(), standard.end());
  const std::set<std::string> second(project.begin(), project.end());
  std::string text;
  for (const std::string& name : first) text.append("#include <").append(name).append(">\n");
  if (!first.empty() && !second.empty()) text += '\n';
  for (const std::string& name : second) text.append("#include \"").append(name).append("\"\n");
  return text;
}

}  // namespace kitgen::render
