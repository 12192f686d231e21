// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace kitgen::cli {

/// The texts of generated files as they were written last, all in one file: a second file for each
/// would take as long to make as the first.
class WrittenTexts {
 public:
  /// A larger file is not kept.
  static constexpr std::size_t max_bytes = 48UL * 1024 * 1024;

  /// Of a damaged file nothing is known.
  static WrittenTexts parse(std::string_view file);
  /// What `parse` reads; without any texts when they are too large.
  std::string to_text() const;

  /// Null: not known. Lifetime: until the next `put`.
  const std::string* find(const std::string& path) const;
  void put(const std::string& path, std::string text) { texts_[path] = std::move(text); }

 private:
  std::map<std::string, std::string> texts_;
};

}  // namespace kitgen::cli
