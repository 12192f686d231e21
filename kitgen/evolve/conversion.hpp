// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "kitgen/evolve/catalogue.hpp"

namespace kitgen::evolve {

/// How a value of one type becomes one of another without losing anything; what can not be kept
/// exactly is refused row by row, never rounded.
enum class Conversion : std::uint8_t {
  same,            ///< Stored alike.
  scale,           ///< Between whole numbers and decimals, and decimals of different digits.
  number_to_text,  ///< int, decimal
  text_to_integer,
  text_to_decimal,
  bool_to_text,
  text_to_bool,
  text_to_uuid,
  text_to_json,
  integer_to_bool,
  integer_to_real,
  real_to_integer,
  double_to_float,
  date_to_timestamp,
  timestamp_to_date,
  to_array,    ///< An array of one.
  from_array,  ///< Of an array of one.
};

/// Nothing when there is none: the way is then a new field, filled by hand, and a later drop.
/// Whether values fit the limits of `to` is not its matter, but that of its checks.
std::optional<Conversion> conversion_of(const Column& from, const Column& to);

/// "decimal(10,2)", "an array of string", for messages.
std::string type_text(const Column& column);

}  // namespace kitgen::evolve
