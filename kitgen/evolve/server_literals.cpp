// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "kit/base/decimal.hpp"
#include "kit/base/text.hpp"
#include "kit/base/time.hpp"
#include "kitgen/evolve/server_dialect.hpp"

namespace kitgen::evolve::server {

using model::Scalar;

std::string Dialect::literal(const Column& column, const std::string& sql) const {
  if (sql.empty() || sql == "NULL" || column.is_array) return sql;
  const auto number = kit::parse_int(sql);
  if (!number) return sql;
  const std::chrono::microseconds time{*number};
  switch (column.type) {
    case Scalar::boolean:
      return *number != 0 ? "true" : "false";
    case Scalar::decimal:
      return kit::Decimal(*number, column.scale).to_string();
    case Scalar::date:
      return "DATE '" + kit::Date{std::chrono::sys_days{std::chrono::days{*number}}}.to_string() +
             "'";
    case Scalar::time:
      return "TIME '" + kit::TimeOfDay{time}.to_string() + "'";
    case Scalar::timestamp:
      return timestamp(kit::Timestamp{time});
    default:
      return sql;
  }
}

std::string text_filler(const Column& column, const std::string& row, const std::string& digits) {
  constexpr std::uint32_t room_for_addresses = 48;
  constexpr std::uint32_t short_text = 16;
  const bool has_room = column.max_length.value_or(room_for_addresses) >= room_for_addresses &&
                        column.min_length.value_or(0) <= short_text;
  const std::string mark = row.empty() ? "" : " || " + row;
  if (column.type == Scalar::email && has_room)
    return "'unknown'" + mark + " || '@example.invalid'";
  if (column.type == Scalar::url && has_room) return "'https://example.invalid/'" + mark;
  const std::string length = std::to_string(column.min_length.value_or(0));
  if (row.empty()) return "repeat('X', " + length + ")";
  return "lpad(" + digits + ", greatest(" + length + ", char_length(" + digits + ")), '0')";
}

}  // namespace kitgen::evolve::server
