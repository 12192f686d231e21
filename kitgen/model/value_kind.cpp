// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "kitgen/model/detail/typed_expression.hpp"

namespace kitgen::model {

ValueKind kind_of(const Field& field) {
  if (field.is_array) return ValueKind::list;
  switch (field.type) {
    case Scalar::string:
    case Scalar::text:
    case Scalar::email:
    case Scalar::url:
      return ValueKind::text;
    case Scalar::int32:
    case Scalar::int64:
      return ValueKind::integer;
    case Scalar::boolean:
      return ValueKind::flag;
    case Scalar::float32:
    case Scalar::float64:
      return ValueKind::inexact;
    case Scalar::decimal:
      return ValueKind::decimal;
    case Scalar::date:
      return ValueKind::date;
    case Scalar::time:
      return ValueKind::time;
    case Scalar::timestamp:
      return ValueKind::timestamp;
    case Scalar::duration:
      return ValueKind::duration;
    case Scalar::uuid:
      return ValueKind::uuid;
    case Scalar::enumeration:
      return ValueKind::enumeration;
    case Scalar::id:
      return ValueKind::id;
    case Scalar::json:
    case Scalar::bytes:
      break;
  }
  return ValueKind::list;
}

std::string_view name_of(ValueKind kind) {
  static constexpr std::array<std::string_view, 14> names{
      "null",          "true or false", "a whole number",    "a decimal",         "a text",
      "a date",        "a time",        "a timestamp",       "a duration",        "a uuid",
      "an enum value", "an id",         "a float or double", "a list or document"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace kitgen::model
