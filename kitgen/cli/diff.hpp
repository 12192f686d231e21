// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kitgen::cli {

/// The unified difference of two texts with three lines around each change, without file names, at
/// most `max_lines` lines ("..." follows when there was more). Empty when they are equal.
std::string unified_diff(std::string_view before, std::string_view after, std::size_t max_lines);

}  // namespace kitgen::cli
