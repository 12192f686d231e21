// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "kit/base/text.hpp"

namespace kitgen::cli {

inline std::string read_case(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The sections of a case, by their titles.
inline std::map<std::string, std::string> sections(const std::string& text) {
  constexpr std::string_view mark = "=== ";
  std::map<std::string, std::string> found;
  std::string title;
  for (const std::string_view line : kit::split(text, '\n')) {
    if (line.starts_with(mark)) {
      title = line.substr(mark.size());
      found[title];
    } else {
      found[title].append(line).append("\n");
    }
  }
  for (auto& [name, body] : found) {
    while (body.ends_with("\n\n")) body.pop_back();
    if (body == "\n") body.clear();
  }
  return found;
}

}  // namespace kitgen::cli
