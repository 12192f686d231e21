// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kit/db/database.hpp"

namespace kit::postgres::detail {

enum class Rounding : std::uint8_t { nearest, down };  ///< `nearest`: halves away from zero.

/// The whole number of its last digit with `scale` digits after the point; the nearest possible
/// when 64 bits can't hold it, 0 for NaN. `bytes`: PostgreSQL's binary form.
std::int64_t numeric_units(std::string_view bytes, int scale, Rounding rounding);
/// "-12.50"; "NaN", "Infinity".
std::string numeric_text(std::string_view bytes);
/// PostgreSQL's binary form of "-12.50". Fails with `invalid_argument` for what is no decimal.
Result<std::string> numeric_binary(std::string_view text);
/// "-12.50" of {-1250, 2}.
std::string scaled_text(db::Scaled value);

}  // namespace kit::postgres::detail
