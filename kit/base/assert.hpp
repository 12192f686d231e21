// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <source_location>
#include <string_view>

namespace kit::detail {
/// Writes where and what to standard error and aborts. Async-signal-safe but for the formatting of
/// the line number.
[[noreturn]] void assertion_failed(std::string_view condition, std::string_view note,
                                   std::source_location where);
}  // namespace kit::detail

/// For bugs in this program: says where and aborts, in release builds too.
#define KIT_ASSERT(condition, note)                                                       \
  do {                                                                                    \
    if (!(condition)) [[unlikely]]                                                        \
      ::kit::detail::assertion_failed(#condition, note, std::source_location::current()); \
  } while (false)
