// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/include_path.hpp"

#include <algorithm>
#include <vector>

#include "kit/base/text.hpp"

namespace kitgen::schema {
namespace {

constexpr std::size_t max_path = 255;

bool is_path_character(char c) {
  constexpr std::string_view marks = "._-/*";
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return is_letter || (c >= '0' && c <= '9') || marks.find(c) != std::string_view::npos;
}

/// What is wrong with the path whatever the file that says it; "" for nothing.
std::string form_problem(std::string_view path) {
  if (path.empty()) return "is empty";
  if (path.size() > max_path) return "is longer than 255 bytes";
  if (path.front() == '/') return "is absolute; a schema includes files of its own folder";
  if (!std::ranges::all_of(path, is_path_character)) {
    return "may have letters, digits, '.', '_', '-', '/' and '*' only";
  }
  if (path.substr(0, path.rfind('/') + 1).find('*') != std::string_view::npos) {
    return "has a '*' in a folder's name; it is for the last part only";
  }
  if (!path.ends_with(".yaml") && !path.ends_with(".yml")) return "does not end with .yaml";
  return {};
}

}  // namespace

std::string_view folder_of(std::string_view path) {
  return path.substr(0,
                     std::min(path.rfind('/'), path.size()) == path.size() ? 0 : path.rfind('/'));
}

std::optional<std::string> resolve_include(std::string_view path, std::string_view from,
                                           std::string& why) {
  why = form_problem(path);
  if (!why.empty()) return std::nullopt;
  std::vector<std::string_view> parts;
  const std::string_view folder = folder_of(from);
  if (!folder.empty()) parts = kit::split(folder, '/');
  for (const std::string_view part : kit::split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      why = "leads out of the folder of the schema";
      return std::nullopt;
    } else {
      parts.pop_back();
    }
  }
  std::string resolved;
  for (const std::string_view part : parts) {
    if (!resolved.empty()) resolved += '/';
    resolved += part;
  }
  return resolved;
}

bool is_pattern(std::string_view path) {
  return path.find('*') != std::string_view::npos;
}

bool matches(std::string_view pattern, std::string_view name) {
  if (name.starts_with('.') && !pattern.starts_with('.')) return false;
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t after_star = 0;  // where in the name the star's text ends
  std::size_t i = 0;
  while (i < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      after_star = i;
    } else if (at < pattern.size() && pattern[at] == name[i]) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++after_star;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace kitgen::schema
