// SPDX-License-Identifier: Apache-2.0
#include "kit/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace kit::detail {

void assertion_failed(std::string_view condition, std::string_view note,
                      std::source_location where) {
  std::fprintf(stderr, "%s:%u: assertion failed: %.*s: %.*s\n", where.file_name(), where.line(),
               static_cast<int>(condition.size()), condition.data(), static_cast<int>(note.size()),
               note.data());
  std::abort();
}

}  // namespace kit::detail
