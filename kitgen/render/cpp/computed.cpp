// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/cpp/layers.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {

using model::Entity;
using Strings = std::vector<std::string>;

namespace {

/// The arguments of a call, which may hold calls and texts.
Strings arguments_of(std::string_view inside) {
  Strings arguments{""};
  int depth = 0;
  bool is_text = false;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const char c = inside[i];
    if (is_text && c == '\\') arguments.back() += inside[i++];
    if (c == '"') is_text = !is_text;
    if (!is_text && (c == '(' || c == '{')) ++depth;
    if (!is_text && (c == ')' || c == '}')) --depth;
    if (!is_text && depth == 0 && c == ',') {
      arguments.emplace_back();
      ++i;  // and the blank
    } else {
      arguments.back() += inside[i];
    }
  }
  return arguments;
}

/// A nested call with an argument a line where it is too wide.
std::string broken(const std::string& text, std::size_t indent, std::size_t tail) {
  const std::size_t open = text.find('(');
  if (indent + text.size() + tail <= line_width || open == std::string::npos) return text;
  std::string result = text.substr(0, open + 1);
  const Strings arguments = arguments_of(text.substr(open + 1, text.size() - open - 2));
  for (const std::string& argument : arguments) {
    const bool is_last = &argument == &arguments.back();
    result += "\n" + std::string(indent + 4, ' ') + broken(argument, indent + 4, tail + 1) +
              (is_last ? ")" : ",");
  }
  return result;
}

/// As it is where it fits; otherwise kept from clang-format, which would fill the lines.
std::string return_line(const std::string& expression) {
  constexpr std::size_t indent = 2;
  const std::string line = "  return " + expression + ";";
  if (line.size() <= line_width) return line;
  return "  // clang-format off\n  return " +
         broken(expression, indent, std::string_view("return ;").size()) +
         ";\n  // clang-format on";
}

}  // namespace

View computed_views(const Entity& entity) {
  View list{View::type::list};
  for (const model::ComputedField& each : entity.computed) {
    const std::string type = "kit::compute::Value<" + each.field.cpp_type + ">";
    const std::string name = "compute_" + each.field.name;
    const Strings row{"const " + entity.name + "& " + model::computed_variable};
    View view{View::type::object};
    std::string doc = each.field.doc.empty() ? "" : each.field.doc + "\n";
    view.set("doc", doc_view(doc + "Computed: " + each.expression, 0));
    view.set("declaration", signature(0, type, name, row, ";"));
    view.set("signature", signature(0, type, name, row, ""));
    view.set("body", return_line(each.cpp));
    list.push_back(view);
  }
  return list;
}

}  // namespace kitgen::render
