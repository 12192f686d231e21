// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"

namespace kitgen::cli {

/// Larger files are not merged: no person writes them.
inline constexpr std::size_t max_merge_bytes = 8UL * 1024 * 1024;
inline constexpr std::size_t max_merge_lines = 200'000;

/// The three texts of a merge.
struct MergeInput {
  std::string_view before;  ///< What kitgen wrote last.
  std::string_view yours;   ///< What stands there.
  std::string_view now;     ///< What kitgen would write.
};

/// Lines of the merged text, from 1; both ends belong to it.
struct LineRange {
  std::size_t first = 0;
  std::size_t last = 0;
  bool operator==(const LineRange&) const = default;
};

struct Merged {
  std::string text;
  std::vector<LineRange> conflicts;  ///< Both changed these: they stand between markers.
  std::vector<LineRange> kept;       ///< kitgen dropped these, but they were edited: yours stay.
};

/// Three texts become one: a change of either side alone is taken. Where both changed neighbouring
/// lines in different ways, both versions stand between markers:
///   <<<<<<< yours
///   ||||||| before
///   =======
///   >>>>>>> kitgen
/// Lines that kitgen no longer writes stay when they were edited. Line ends and byte order mark
/// are those of `yours`; bytes that are no UTF-8 pass as they are.
/// Fails with `invalid_argument` for a text with NUL bytes (UTF-16, no text at all), with
/// `resource_exhausted` above `max_merge_bytes` or
/// `max_merge_lines`.
kit::Result<Merged> merge(const MergeInput& input);

/// The first line with a conflict marker that `merge` wrote, from 1. Other lines that begin alike
/// are a person's text.
std::optional<std::size_t> find_marker(std::string_view text);

}  // namespace kitgen::cli
