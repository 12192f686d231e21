// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kitgen/schema/diagnostic.hpp"

namespace kitgen::schema {

inline constexpr std::size_t max_source_bytes = 1024 * 1024;

/// The text of a schema file and its lines.
class Source {
 public:
  /// A byte order mark at the start is dropped. `index`: `Position::file` of its places.
  Source(std::string file, std::string text, int index = 0);

  const std::string& file() const { return file_; }
  const std::string& text() const { return text_; }
  int index() const { return index_; }
  std::size_t line_count() const { return starts_.size(); }
  /// Line `number` (from 1) without its line break; "" past the end.
  std::string_view line(int number) const;
  /// Line and column of a byte of the text.
  Position position(std::size_t offset) const;
  /// The byte column (from 0) of a line as a place.
  Position position(int line_number, std::size_t byte_column) const;

 private:
  std::string file_;
  std::string text_;
  int index_;
  std::vector<std::size_t> starts_;
};

/// The bytes of a schema file. Fails with `not_found`, `permission_denied`, `invalid_argument` (a
/// directory, a device) or `resource_exhausted` (more than 1 MiB: refused by its size, before
/// reading it).
kit::Result<std::string> read_file(const std::string& path);

}  // namespace kitgen::schema
