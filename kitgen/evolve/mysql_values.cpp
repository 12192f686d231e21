// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>

#include "kit/base/decimal.hpp"
#include "kit/base/text.hpp"
#include "kit/base/time.hpp"
#include "kitgen/evolve/changes.hpp"
#include "kitgen/evolve/mysql_text.hpp"
#include "kitgen/evolve/sqlite_text.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::evolve::mysql {
namespace {

using model::Scalar;
using server::Converted;
using sqlite::ident;

/// Behind a pattern: nothing more, not even a line break, which `$` lets pass.
constexpr std::string_view at_end = "(?!.)'";
constexpr std::string_view from_start = "'(?s)^";

std::string matches(const std::string& name, const std::string& pattern) {
  return name + " REGEXP " + std::string(from_start) + pattern + std::string(at_end);
}

std::string unlike(const std::string& name, const std::string& pattern) {
  return name + " NOT REGEXP " + std::string(from_start) + pattern + std::string(at_end);
}

std::string exact_limit(const Column& real) {
  return real.type == Scalar::float32 ? "16777216" : "9007199254740992";
}

Converted kept(const Column& from, const Column& to) {
  const std::string name = ident(from.name);
  if (to.type == Scalar::float32 && from.type == Scalar::float64) {
    const std::string limit = "3.4028234663852886e38";
    return {name,
            "CASE WHEN " + name + " BETWEEN -" + limit + " AND " + limit + " THEN " + name +
                " <> CAST(" + name + " AS FLOAT) ELSE true END AND " + name + " IS NOT NULL",
            "is no number that a float holds exactly"};
  }
  return {name, "", ""};
}

Converted scaled(const Column& from, const Column& to) {
  const std::string name = ident(from.name);
  if (from.scale > to.scale) {
    const std::string digits = std::to_string(to.scale);
    return {name, name + " <> truncate(" + name + ", " + digits + ")",
            "has more than " + digits + " digits behind the point"};
  }
  if (to.type != Scalar::decimal || from.scale == to.scale) return {name, "", ""};
  const int whole = to.precision - to.scale;
  const std::string limit = (whole > 0 ? std::string(static_cast<std::size_t>(whole), '9') : "0") +
                            "." + std::string(static_cast<std::size_t>(to.scale), '9');
  return {name, name + " NOT BETWEEN -" + limit + " AND " + limit,
          "has too many digits for " + type_text(to)};
}

Converted parsed_integer(const Column& from) {
  const std::string name = ident(from.name);
  const std::string bad =
      "CASE WHEN " + matches(name, "(0|-?[1-9][0-9]{0,18})") + " THEN CAST(" + name +
      " AS DECIMAL(20,0)) NOT BETWEEN -9223372036854775808 AND 9223372036854775807 ELSE true END "
      "AND " +
      name + " IS NOT NULL";
  return {"CAST(" + name + " AS SIGNED)", bad, "is no whole number"};
}

Converted parsed_decimal(const Column& from, const Column& to) {
  const std::string name = ident(from.name);
  const int whole = to.precision - to.scale;
  const std::string more = whole > 1 ? "[0-9]{0," + std::to_string(whole - 1) + "}" : "";
  std::string pattern = whole > 0 ? "-?(0|[1-9]" + more + ")" : "-?0";
  if (to.scale > 0) pattern += "([.][0-9]{1," + std::to_string(to.scale) + "})?";
  const std::string digits = std::to_string(to.precision) + "," + std::to_string(to.scale);
  return {"CAST(" + name + " AS DECIMAL(" + digits + "))", unlike(name, pattern),
          "is no number of the type " + type_text(to)};
}

Converted of_array(const Column& from, const Column& to) {
  const std::string name = ident(from.name);
  const std::string bad = "CASE WHEN json_type(" + name + ") = 'ARRAY' THEN json_length(" + name +
                          ") <> 1 ELSE true END AND " + name + " IS NOT NULL";
  const std::string element = "json_extract(" + name + ", '$[0]')";
  const bool is_number = to.type == Scalar::int32 || to.type == Scalar::int64 ||
                         (to.type == Scalar::id && !to.is_uuid);
  const std::string value =
      is_number ? "CAST(" + element + " AS SIGNED)" : "json_unquote(" + element + ")";
  return {"CASE WHEN json_type(" + element + ") <> 'NULL' THEN " + value + " END", bad,
          "has not exactly one element"};
}

std::string start_of(const Column& column) {
  const auto [low, high] = bounds_of(column);
  if (!low.empty() && kit::parse_double(low).value_or(0) > 0) return low;
  if (!high.empty() && kit::parse_double(high).value_or(0) < 0) return high;
  return "0";
}

std::string number_filler(const Column& column, const std::string& row) {
  const std::string start = start_of(column);
  const std::string value = dialect().literal(column, start);
  if (row.empty()) return value;
  const std::string sign = start.starts_with('-') ? " - " : " + ";
  switch (column.type) {
    case Scalar::decimal: {
      if (column.scale == 0) return value + sign + row;
      const std::string zeros(static_cast<std::size_t>(column.scale - 1), '0');
      return value + sign + row + " * 0." + zeros + "1";
    }
    case Scalar::date:
      return value + sign + "INTERVAL " + row + " DAY";
    case Scalar::timestamp:
      return value + sign + "INTERVAL " + row + " MICROSECOND";
    case Scalar::time:
      return "addtime(" + value + ", sec_to_time(CAST(" + row + " AS DECIMAL(20,6)) / 1000000))";
    default:
      return value + sign + row;
  }
}

}  // namespace

const Dialect& dialect() {
  static const Dialect only;
  return only;
}

std::string Dialect::now(const Column& column) const {
  return column.type == Scalar::date ? "utc_date()" : "utc_timestamp(6)";
}

std::string Dialect::timestamp(kit::Timestamp value) const {
  std::string text = value.to_string();
  text[10] = ' ';
  text.pop_back();  // UTC, as the session is
  return "TIMESTAMP '" + text + "'";
}

std::string Dialect::filler(const Column& column, const std::string& row) const {
  if (column.is_array) return "'[]'";
  const std::string uuid = "concat('00000000-0000-7000-8000-', lpad(lower(hex(" +
                           (row.empty() ? "1" : row) + ")), 12, '0'))";
  switch (column.type) {
    case Scalar::string:
    case Scalar::text:
    case Scalar::email:
    case Scalar::url:
      return server::text_filler(column, row, row);
    case Scalar::uuid:
      return uuid;
    case Scalar::id:
      return column.is_uuid ? uuid : row.empty() ? "1" : row;
    case Scalar::json:
      return "'{}'";
    case Scalar::bytes:
      return "repeat(x'00', " + std::to_string(column.min_length.value_or(0)) + ")";
    case Scalar::enumeration:
      return model::sql_literal(column.values.front());
    case Scalar::boolean:
      return "false";
    default:
      return number_filler(column, row);
  }
}

Converted Dialect::converted(const Column& from, const Column& to, Conversion conversion) const {
  const std::string name = ident(from.name);
  switch (conversion) {
    case Conversion::same:
    case Conversion::double_to_float:
      return kept(from, to);
    case Conversion::scale:
      return scaled(from, to);
    case Conversion::number_to_text:
      return {"CAST(" + name + " AS CHAR)", "", ""};
    case Conversion::text_to_integer:
      return parsed_integer(from);
    case Conversion::text_to_decimal:
      return parsed_decimal(from, to);
    case Conversion::bool_to_text:
      return {"CASE " + name + " WHEN 1 THEN 'true' WHEN 0 THEN 'false' END", "", ""};
    case Conversion::text_to_bool:
      // By bytes: texts are compared without the blanks at their ends.
      return {"(" + name + " = 'true')", "CAST(" + name + " AS BINARY) NOT IN ('true', 'false')",
              "is neither true nor false"};
    case Conversion::text_to_uuid:
      return {name, unlike(name, "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "is no uuid"};
    case Conversion::text_to_json:
      return {name, name + " IS NOT NULL AND NOT json_valid(" + name + ")", "is no JSON"};
    case Conversion::integer_to_bool:
      return {"(" + name + " = 1)", name + " NOT IN (0, 1)", "is neither 0 nor 1"};
    case Conversion::integer_to_real: {
      const std::string limit = exact_limit(to);
      return {"CAST(" + name + " AS DOUBLE)", name + " NOT BETWEEN -" + limit + " AND " + limit,
              "is too large to stay exact"};
    }
    case Conversion::real_to_integer: {
      const std::string limit = exact_limit(from);
      return {"CAST(" + name + " AS SIGNED)",
              "(" + name + " NOT BETWEEN -" + limit + " AND " + limit + " OR " + name +
                  " <> truncate(" + name + ", 0))",
              "is no whole number that stays exact"};
    }
    case Conversion::date_to_timestamp:
      return {"CAST(" + name + " AS DATETIME(6))", "", ""};
    case Conversion::timestamp_to_date:
      return {"CAST(" + name + " AS DATE)", "CAST(" + name + " AS TIME(6)) <> TIME '00:00:00'",
              "is not at midnight UTC"};
    case Conversion::to_array:
      return {"CASE WHEN " + name + " IS NOT NULL THEN json_array(" + name + ") END", "", ""};
    case Conversion::from_array:
      break;
  }
  return of_array(from, to);
}

std::string as_column(const Converted& made, const Column& column) {
  if (made.bad.empty()) return made.value;
  // Also those who run the file without kit's checks lose nothing: a number out of range, or a
  // text that no other type takes, is an error in a strict session.
  const bool is_real = column.type == Scalar::float32 || column.type == Scalar::float64;
  const bool is_text = dialect().type_of(column).find("text") != std::string::npos ||
                       dialect().type_of(column).starts_with("varchar");
  const std::string refused =
      is_real || is_text ? "1e308 * (10 + char_length(" + ident(made.column) + "))" : "'refused'";
  return "CASE WHEN " + made.bad + " THEN " + refused + " ELSE " + made.value + " END";
}

}  // namespace kitgen::evolve::mysql
