// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/yaml_text.hpp"

#include <algorithm>
#include <array>

#include "kit/base/text.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::render {

std::string yaml_word(std::string_view word) {
  constexpr std::array<std::string_view, 9> special = {"y",    "n",     "yes",  "no", "on",
                                                       "true", "false", "null", "off"};
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_plain = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  };
  const bool plain = !word.empty() && is_letter(word.front()) &&
                     std::ranges::all_of(word, is_plain) &&
                     std::ranges::find(special, kit::to_lower(word)) == special.end();
  return plain ? std::string(word) : model::json_string(word);
}

YamlText::Block::Block(YamlText& yaml, std::string_view name) : yaml_(yaml) {
  yaml_.begin_line();
  yaml_.text_ += yaml_word(name) + ":\n";
  ++yaml_.depth_;
}

void YamlText::begin_line() {
  text_.append(2 * (dash_ ? depth_ - 1 : depth_), ' ');
  if (dash_) text_ += "- ";
  dash_ = false;
}

void YamlText::plain(std::string_view name, std::string_view value) {
  begin_line();
  text_ += yaml_word(name) + ": ";
  text_ += value;
  text_ += '\n';
}

void YamlText::text(std::string_view name, std::string_view value) {
  plain(name, model::json_string(value));
}

void YamlText::reference(std::string_view kind, std::string_view name) {
  plain("$ref", model::json_string("#/components/" + std::string(kind) + "/" + std::string(name)));
}

void YamlText::list(std::string_view name, const std::vector<std::string>& values) {
  std::string joined;
  for (const std::string& value : values) joined += (joined.empty() ? "" : ", ") + yaml_word(value);
  plain(name, "[" + joined + "]");
}

void YamlText::comment(std::string_view line) {
  begin_line();
  text_ += "# " + model::cpp_comment(line) + "\n";
}

}  // namespace kitgen::render
