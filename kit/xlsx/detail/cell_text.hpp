// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kit::xlsx::detail {

/// How a number is shown, as far as it matters for what it says.
enum class NumberStyle : std::uint8_t { plain, date, time, date_time };

/// What a format code ("yyyy-mm-dd hh:mm") shows.
NumberStyle style_of_code(std::string_view code);
/// The same for the formats that have numbers only.
NumberStyle style_of_builtin(std::uint32_t id);

/// A number as spreadsheets show it, with 15 significant digits (whole ones up to 2^53 with all),
/// without an exponent as far as 1e-18 to 1e21. Nothing for what is no finite number.
std::optional<std::string> number_text(std::string_view number);

/// A number of days as the date or time it stands for: "2021-01-31", "13:45:00" (less than a day)
/// or a timestamp, to the millisecond. Nothing outside of the years 1900 to 9999, and for 29
/// February 1900, which only spreadsheets have.
std::optional<std::string> date_text(std::string_view number, NumberStyle style, bool from_1904);
/// The day number of "2021-01-31"; nothing before March 1900, where programs disagree.
std::optional<std::int64_t> day_number(std::string_view date);

/// Whether a cell with this number reads as the same text again, or as one of the same value.
bool is_exact_number(std::string_view text);

/// Text as it stands in a cell: what XML can't hold becomes `_x0001_`, and an empty text an
/// apostrophe, as it is typed; texts of apostrophes get one more.
std::string encode_text(std::string_view text);
/// The opposite.
std::string decode_text(std::string_view text);
/// In UTF-16 units, as the limits of spreadsheets are.
std::size_t utf16_length(std::string_view text);

/// "AB12": column 27, row 12 (columns from 0, rows from 1); nothing for what is no such place.
struct Place {
  std::size_t column = 0;
  std::size_t row = 0;
};
std::optional<Place> parse_place(std::string_view text);
/// "AB"
std::string column_name(std::size_t column);

}  // namespace kit::xlsx::detail
