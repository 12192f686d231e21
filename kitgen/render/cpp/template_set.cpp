// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/cpp/template_set.hpp"

#include "kit/base/assert.hpp"

namespace kitgen::render {
namespace {

/// Whether the line is one section tag and nothing else.
bool is_section_tag(std::string_view line) {
  if (!line.starts_with("{{") || !line.ends_with("}}") || line.find("}}") != line.size() - 2)
    return false;
  return line.size() > 4 && (line[2] == '#' || line[2] == '^' || line[2] == '/');
}

/// Without the line breaks of lines that are section tags: the library leaves an empty line for a
/// section that is not rendered.
std::string join_tags(std::string_view text) {
  std::string joined;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    joined.append(line);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
    // Before an empty line the break stays: the library may take it for its own.
    if (!is_section_tag(line) || text.starts_with('\n')) joined += '\n';
  }
  return joined;
}

/// Parts that are left out leave their blank lines: one is enough.
std::string one_blank_line(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    if (c != '\n' || !result.ends_with("\n\n")) result += c;
  }
  return result;
}

}  // namespace

TemplateSet::TemplateSet() {
  for (const TemplateText& source : template_texts()) {
    kainjow::mustache::mustache compiled{join_tags(source.text)};
    KIT_ASSERT(compiled.is_valid(), "a template that is none");
    compiled.set_custom_escape([](const std::string& text) { return text; });
    templates_.emplace(source.name, std::move(compiled));
  }
}

std::string TemplateSet::render(std::string_view name, const View& view) const {
  const auto found = templates_.find(name);
  KIT_ASSERT(found != templates_.end(), "no such template");
  return one_blank_line(found->second.render(view));
}

}  // namespace kitgen::render
