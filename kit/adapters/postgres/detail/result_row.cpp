// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "kit/adapters/postgres/detail/big_endian.hpp"
#include "kit/adapters/postgres/detail/numeric.hpp"
#include "kit/adapters/postgres/detail/types.hpp"
#include "kit/adapters/postgres/detail/values.hpp"
#include "kit/base/text.hpp"
#include "kit/base/uuid.hpp"

namespace kit::postgres::detail {
namespace {

/// The infinities of dates and timestamps stay the ends of their range.
std::int64_t since_1970(std::int64_t value, std::int64_t epoch) {
  using Limits = std::numeric_limits<std::int64_t>;
  return value > Limits::max() - epoch ? Limits::max() : value + epoch;
}

std::int64_t whole(double value) {
  using Limits = std::numeric_limits<std::int64_t>;
  if (std::isnan(value)) return 0;
  if (value >= 0x1p63) return Limits::max();
  if (value <= -0x1p63) return Limits::min();
  return static_cast<std::int64_t>(value);
}

double to_real(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string real_text(double value) {
  std::array<char, 40> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

/// JSON as it was given: the server writes a blank behind each comma and colon.
std::string without_blanks(std::string_view json) {
  std::string text;
  text.reserve(json.size());
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string && c == '\\' && i + 1 < json.size()) {
      text.push_back(c);
      text.push_back(json[++i]);
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (c != ' ' || in_string) text.push_back(c);
  }
  return text;
}

bool is_known(Oid type) {
  switch (type) {
    case type::boolean:
    case type::bytea:
    case type::char1:
    case type::name:
    case type::int8:
    case type::int2:
    case type::int4:
    case type::text:
    case type::oid:
    case type::json:
    case type::xml:
    case type::float4:
    case type::float8:
    case type::unknown:
    case type::bpchar:
    case type::varchar:
    case type::date:
    case type::time:
    case type::timestamp:
    case type::timestamptz:
    case type::numeric:
    case type::void_:
    case type::uuid:
    case type::jsonb:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::int64_t ResultRow::int64(int column) const {
  if (is_null(column)) return 0;
  const std::string_view raw = bytes(column);
  switch (PQftype(&result_, column)) {
    case type::int8:
    case type::time:
      return read_number<std::int64_t>(raw);
    case type::int4:
      return read_number<std::int32_t>(raw);
    case type::oid:
      return read_number<std::uint32_t>(raw);
    case type::int2:
      return read_number<std::int16_t>(raw);
    case type::boolean:
      return read_number<std::int8_t>(raw) != 0 ? 1 : 0;
    case type::timestamptz:
    case type::timestamp:
      return since_1970(read_number<std::int64_t>(raw), epoch_microseconds);
    case type::date:
      return read_number<std::int32_t>(raw) + epoch_days;
    case type::numeric:
      return numeric_units(raw, 0, Rounding::down);
    case type::float8:
      return whole(read_number<double>(raw));
    case type::float4:
      return whole(static_cast<double>(read_number<float>(raw)));
    default:
      return parse_int(trim(text(column))).value_or(0);
  }
}

double ResultRow::real(int column) const {
  if (is_null(column)) return 0;
  const std::string_view raw = bytes(column);
  switch (PQftype(&result_, column)) {
    case type::float8:
      return read_number<double>(raw);
    case type::float4:
      return static_cast<double>(read_number<float>(raw));
    case type::numeric:
      return to_real(numeric_text(raw));
    case type::text:
    case type::varchar:
    case type::bpchar:
      return to_real(trim(raw));
    default:
      return static_cast<double>(int64(column));
  }
}

std::int64_t ResultRow::scaled(int column, int scale) const {
  if (is_null(column)) return 0;
  if (PQftype(&result_, column) == type::numeric) {
    return numeric_units(bytes(column), scale, Rounding::nearest);
  }
  return int64(column);
}

std::string_view ResultRow::text(int column) const {
  if (is_null(column)) return {};
  std::string_view raw = bytes(column);
  switch (PQftype(&result_, column)) {
    case type::jsonb:
      raw.remove_prefix(raw.empty() ? 0 : 1);  // its version
      return texts_.emplace_back(without_blanks(raw));
    case type::uuid: {
      Uuid uuid;
      if (raw.size() == uuid.bytes.size()) {
        std::copy(raw.begin(), raw.end(), uuid.bytes.begin());
      }
      return texts_.emplace_back(uuid.to_string());
    }
    case type::numeric:
      return texts_.emplace_back(numeric_text(raw));
    case type::float8:
    case type::float4:
      return texts_.emplace_back(real_text(real(column)));
    case type::int8:
    case type::int4:
    case type::int2:
    case type::oid:
    case type::boolean:
    case type::date:
    case type::time:
    case type::timestamp:
    case type::timestamptz:
      return texts_.emplace_back(std::to_string(int64(column)));
    default:
      return raw;
  }
}

Result<> check_columns(const PGresult& result) {
  for (int i = 0; i < PQnfields(&result); ++i) {
    if (is_known(PQftype(&result, i))) continue;
    return Error(Code::unimplemented,
                 "column \"" + std::string(PQfname(&result, i)) + "\" has a type (number " +
                     std::to_string(PQftype(&result, i)) +
                     ") that is not read here: cast it in the statement, to text for instance")
        .with_reason("TYPE_UNSUPPORTED");
  }
  return {};
}

}  // namespace kit::postgres::detail
