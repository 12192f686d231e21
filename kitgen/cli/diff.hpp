// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kitgen::cli {

/// The unified difference of two texts with three lines around each change, without file names, at
/// most `max_lines` lines ("..." follows when there was more). Empty when they are equal.
std::string unified_diff(std::string_view before, std::string_view after, std::size_t max_lines);

/// The whole difference of one file as `git apply` and `patch -p1` read it; nothing on one side:
/// the file is made or removed.
std::string file_diff(const std::string& path, const std::optional<std::string>& before,
                      const std::optional<std::string>& after);

}  // namespace kitgen::cli
