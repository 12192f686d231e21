// SPDX-License-Identifier: Apache-2.0
#include "kitgen/evolve/conversion.hpp"

#include <array>

namespace kitgen::evolve {
namespace {

using model::Scalar;

enum class Family : std::uint8_t { text, whole, boolean, real, date, timestamp, uuid, json, other };

Family family_of(const Column& column) {
  switch (column.type) {
    case Scalar::string:
    case Scalar::text:
    case Scalar::email:
    case Scalar::url:
    case Scalar::enumeration:
      return Family::text;
    case Scalar::int32:
    case Scalar::int64:
    case Scalar::decimal:
      return Family::whole;
    case Scalar::boolean:
      return Family::boolean;
    case Scalar::float32:
    case Scalar::float64:
      return Family::real;
    case Scalar::date:
      return Family::date;
    case Scalar::timestamp:
      return Family::timestamp;
    case Scalar::uuid:
      return Family::uuid;
    case Scalar::json:
      return Family::json;
    case Scalar::id:
      return column.is_uuid ? Family::uuid : Family::whole;
    case Scalar::time:
    case Scalar::duration:
    case Scalar::bytes:
      break;
  }
  return Family::other;
}

struct Known {
  Family from;
  Family to;
  Conversion conversion;
};

constexpr std::array<Known, 12> known{{
    {Family::whole, Family::text, Conversion::number_to_text},
    {Family::boolean, Family::text, Conversion::bool_to_text},
    {Family::text, Family::boolean, Conversion::text_to_bool},
    {Family::uuid, Family::text, Conversion::same},
    {Family::text, Family::uuid, Conversion::text_to_uuid},
    {Family::json, Family::text, Conversion::same},
    {Family::text, Family::json, Conversion::text_to_json},
    {Family::date, Family::timestamp, Conversion::date_to_timestamp},
    {Family::timestamp, Family::date, Conversion::timestamp_to_date},
    {Family::uuid, Family::uuid, Conversion::same},
    {Family::text, Family::text, Conversion::same},
    {Family::real, Family::real, Conversion::same},
}};

bool is_integer(const Column& column) {
  return family_of(column) == Family::whole && column.type != Scalar::decimal;
}

std::optional<Conversion> scalar_conversion(const Column& from, const Column& to) {
  const Family before = family_of(from);
  const Family after = family_of(to);
  if (before == Family::whole && after == Family::whole) {
    return is_integer(from) && is_integer(to) ? Conversion::same
           : from.type == to.type && from.scale == to.scale && from.precision <= to.precision
               ? Conversion::same
               : Conversion::scale;
  }
  if (before == Family::text && after == Family::whole) {
    return to.type == Scalar::decimal ? Conversion::text_to_decimal : Conversion::text_to_integer;
  }
  if (before == Family::boolean && is_integer(to)) return Conversion::same;
  if (is_integer(from) && after == Family::boolean) return Conversion::integer_to_bool;
  if (is_integer(from) && after == Family::real) return Conversion::integer_to_real;
  if (before == Family::real && is_integer(to)) return Conversion::real_to_integer;
  if (from.type == Scalar::float64 && to.type == Scalar::float32)
    return Conversion::double_to_float;
  if (from.type == to.type && before != Family::real) return Conversion::same;
  for (const Known& each : known) {
    if (each.from == before && each.to == after) return each.conversion;
  }
  return std::nullopt;
}

/// Whether an element is kept in the JSON of an array as its column would keep it, or as a text
/// that can be read back.
bool can_be_element(const Column& column) {
  const Family family = family_of(column);
  return family == Family::text || is_integer(column) || family == Family::uuid;
}

}  // namespace

std::optional<Conversion> conversion_of(const Column& from, const Column& to) {
  if (from.is_array && to.is_array) {
    const bool same = from.type == to.type && from.scale == to.scale;
    return same ? std::optional(Conversion::same) : std::nullopt;
  }
  // An id of one kind never is one of the other: every reference to it would have to change too.
  if (from.type == Scalar::id && to.type == Scalar::id && from.is_uuid != to.is_uuid) {
    return std::nullopt;
  }
  if (from.is_array != to.is_array) {
    Column element = from.is_array ? from : to;
    element.is_array = false;
    const Column& single = from.is_array ? to : from;
    const bool fits = can_be_element(element) && can_be_element(single) &&
                      family_of(element) == family_of(single);
    if (!fits) return std::nullopt;
    return from.is_array ? Conversion::from_array : Conversion::to_array;
  }
  return scalar_conversion(from, to);
}

std::string type_text(const Column& column) {
  static constexpr std::array<std::string_view, 19> names{
      "string", "text",   "email",   "url",  "int32", "int64",     "bool",
      "float",  "double", "decimal", "date", "time",  "timestamp", "duration",
      "uuid",   "json",   "bytes",   "enum", "id"};
  std::string name(names[static_cast<std::size_t>(column.type)]);
  if (column.type == Scalar::decimal) {
    name += "(" + std::to_string(column.precision) + "," + std::to_string(column.scale) + ")";
  }
  return column.is_array ? "an array of " + name : name;
}

}  // namespace kitgen::evolve
