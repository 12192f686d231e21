// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kit::record {

/// One page of a list.
template <class T>
struct Page {
  std::vector<T> items;
  std::optional<std::string> next_cursor;  ///< Nothing: this is the last page.
  std::optional<std::int64_t> total;       ///< When it was asked for.
};

}  // namespace kit::record
