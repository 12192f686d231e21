// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/part_head.hpp"

#include <algorithm>

#include "kit/base/text.hpp"
#include "kit/http/detail/chars.hpp"

namespace kit::http::detail {
namespace {

bool take_quoted(std::string_view& rest, std::string& value) {
  std::size_t i = 1;
  for (; i < rest.size() && rest[i] != '"'; ++i) {
    if (rest[i] == '\\' && i + 1 < rest.size() && rest[i + 1] == '"') ++i;
    value.push_back(rest[i]);
  }
  if (i == rest.size()) return false;
  rest.remove_prefix(i + 1);
  return true;
}

bool take_token(std::string_view& rest, std::string& value) {
  const char* const end = rest.data() + rest.size();
  const char* const stop = skip_class(rest.data(), end, char_token);
  value.assign(rest.data(), stop);
  rest = {stop, end};
  return !value.empty();
}

bool has_any_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

/// The name of a file without the folders that some clients put before it.
std::string base_name(std::string name) {
  const std::size_t slash = name.find_last_of("/\\");
  if (slash != std::string::npos) name.erase(0, slash + 1);
  if (name == "." || name == "..") name.clear();
  return name;
}

}  // namespace

std::optional<Parameterized> parse_parameterized(std::string_view text) {
  Parameterized parsed;
  const std::size_t semicolon = std::min(text.find(';'), text.size());
  parsed.value = trim_blanks(text.substr(0, semicolon));
  std::string_view rest = text.substr(semicolon);
  while (!rest.empty()) {
    if (rest.front() != ';') return std::nullopt;
    rest = trim_blanks(rest.substr(1));
    if (rest.empty()) break;  // a ';' at the end
    std::string name;
    std::string value;
    if (!take_token(rest, name) || !rest.starts_with('=')) return std::nullopt;
    rest.remove_prefix(1);
    const bool taken = rest.starts_with('"') ? take_quoted(rest, value) : take_token(rest, value);
    if (!taken) return std::nullopt;
    rest = trim_blanks(rest);
    name = to_lower(name);
    const bool is_there = std::ranges::any_of(
        parsed.parameters, [&](const auto& parameter) { return parameter.first == name; });
    if (is_there) return std::nullopt;
    parsed.parameters.emplace_back(std::move(name), std::move(value));
  }
  return parsed;
}

std::string_view apply_disposition(std::string_view value, const MultipartLimits& limits,
                                   PartHead& part) {
  std::optional<Parameterized> parsed = parse_parameterized(value);
  if (!parsed || !iequals(parsed->value, "form-data"))
    return "a part's Content-Disposition is malformed";
  bool has_name = false;
  for (auto& [name, text] : parsed->parameters) {
    if (name == "filename*") return "a part has a filename*, which forms must not use";
    if (name != "name" && name != "filename") continue;
    if (text.size() > limits.name_bytes) return "a part's name is too long";
    if (!is_utf8(text) || has_any_control(text))
      return "a part's name has control characters or is not UTF-8";
    if (name == "name") {
      has_name = true;
      part.name = std::move(text);
    } else {
      part.filename = base_name(std::move(text));
    }
  }
  return has_name ? std::string_view() : "a part has no name";
}

}  // namespace kit::http::detail
