// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kit/base/context.hpp"
#include "kit/log/log.hpp"

namespace kit::log::detail {

enum class Style : std::uint8_t { json, console, coloured };

struct Record {
  std::int64_t time_us;  // since the epoch
  Level level;
  std::string_view module;
  std::string_view message;
  const LogContext* context;  // null: none
  Fields fields;
  std::uint64_t left_out = 0;  // lines of this text, before this one
};

/// Texts past this many bytes are cut.
inline constexpr std::size_t max_text = std::size_t{8} * 1024;
/// Fields past this many bytes of a line are left out.
inline constexpr std::size_t max_fields = std::size_t{40} * 1024;

/// Appends the line with its '\n'.
void render(std::string& out, Style style, const Record& record);

}  // namespace kit::log::detail
