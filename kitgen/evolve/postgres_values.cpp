// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>

#include "kit/base/decimal.hpp"
#include "kit/base/text.hpp"
#include "kit/base/time.hpp"
#include "kitgen/evolve/changes.hpp"
#include "kitgen/evolve/postgres_text.hpp"
#include "kitgen/evolve/sqlite_text.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::evolve::postgres {
namespace {

using model::Scalar;
using server::Converted;
using sqlite::ident;

/// Up to where a floating type holds every whole number: 2^24, 2^53.
std::string exact_limit(const Column& real) {
  return real.type == Scalar::float32 ? "16777216" : "9007199254740992";
}

std::string nines(int digits) {
  return digits > 0 ? std::string(static_cast<std::size_t>(digits), '9') : "0";
}

std::string without_zone(const std::string& name) {
  return "(" + name + " AT TIME ZONE 'UTC')";
}

/// Everything that is there already, and narrower types that could round.
Converted kept(const Column& from, const Column& to) {
  const std::string name = ident(from.name);
  if (from.type == Scalar::boolean && to.type != Scalar::boolean)
    return {name + "::integer", "", ""};
  if (to.type == Scalar::float32 && from.type == Scalar::float64) {
    const std::string limit = "'3.4028234663852886e38'::double precision";
    const std::string bad = "CASE WHEN " + name + " BETWEEN -" + limit + " AND " + limit +
                            " THEN " + name + " <> " + name + "::real ELSE true END AND " + name +
                            " IS NOT NULL";
    return {name, bad, "is no number that a float holds exactly"};
  }
  const bool becomes_text =
      (from.type == Scalar::uuid || from.type == Scalar::id || from.type == Scalar::json) &&
      dialect().type_of(to).starts_with("text");
  return {becomes_text ? name + "::text" : name, "", ""};
}

Converted scaled(const Column& from, const Column& to) {
  const std::string name = ident(from.name);
  if (from.scale > to.scale) {
    const std::string digits = std::to_string(to.scale);
    return {name, name + " <> trunc(" + name + ", " + digits + ")",
            "has more than " + digits + " digits behind the point"};
  }
  if (to.type != Scalar::decimal || from.scale == to.scale) return {name, "", ""};
  const std::string limit = nines(to.precision - to.scale) + "." + nines(to.scale);
  return {name, name + " NOT BETWEEN -" + limit + " AND " + limit,
          "has too many digits for " + type_text(to)};
}

Converted parsed_integer(const Column& from) {
  const std::string name = ident(from.name);
  // As it would be written back: 007 and +1 are not. The length first: a cast may not overflow.
  const std::string bad = "CASE WHEN " + name + " !~ '^(0|-?[1-9][0-9]{0,18})$' THEN true ELSE " +
                          name +
                          "::numeric NOT BETWEEN -9223372036854775808 AND 9223372036854775807 END "
                          "AND " +
                          name + " IS NOT NULL";
  return {name + "::bigint", bad, "is no whole number"};
}

Converted parsed_decimal(const Column& from, const Column& to) {
  const std::string name = ident(from.name);
  const int whole = to.precision - to.scale;
  const std::string more = whole > 1 ? "[0-9]{0," + std::to_string(whole - 1) + "}" : "";
  std::string pattern = whole > 0 ? "^-?(0|[1-9]" + more + ")" : "^-?0";
  if (to.scale > 0) pattern += "([.][0-9]{1," + std::to_string(to.scale) + "})?";
  return {name + "::numeric", name + " !~ '" + pattern + "$'",
          "is no number of the type " + type_text(to)};
}

Converted of_array(const Column& from, const Column& to) {
  const std::string name = ident(from.name);
  const std::string bad = "CASE WHEN jsonb_typeof(" + name +
                          ") = 'array' THEN jsonb_array_length(" + name +
                          ") <> 1 ELSE true END AND " + name + " IS NOT NULL";
  const std::string element = "(" + name + " ->> 0)";
  const bool is_number = dialect().type_of(to) == "bigint" || to.type == Scalar::int32;
  return {is_number ? element + "::bigint" : element, bad, "has not exactly one element"};
}

Converted of_real(const Column& from) {
  const std::string name = ident(from.name);
  const std::string limit = exact_limit(from);
  const std::string bad = "CASE WHEN " + name + " BETWEEN -" + limit + " AND " + limit + " THEN " +
                          name + " <> trunc(" + name + "::double precision) ELSE true END AND " +
                          name + " IS NOT NULL";
  return {name + "::bigint", bad, "is no whole number that stays exact"};
}

/// A number within the bounds: nought where it may be, else the bound that is nearest to it.
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
      return value + sign + row + "::integer";
    case Scalar::time:
    case Scalar::timestamp:
      return value + sign + row + " * interval '1 microsecond'";
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
  return column.type == Scalar::date ? "(now() AT TIME ZONE 'UTC')::date" : "now()";
}

std::string Dialect::timestamp(kit::Timestamp value) const {
  return "TIMESTAMPTZ '" + value.to_string() + "'";
}

std::string Dialect::filler(const Column& column, const std::string& row) const {
  if (column.is_array) return "'[]'::jsonb";
  const std::string uuid = "('00000000-0000-7000-8000-' || lpad(to_hex(" +
                           (row.empty() ? "1" : row) + "), 12, '0'))::uuid";
  switch (column.type) {
    case Scalar::string:
    case Scalar::text:
    case Scalar::email:
    case Scalar::url:
      return server::text_filler(column, row, row + "::text");
    case Scalar::uuid:
      return uuid;
    case Scalar::id:
      return column.is_uuid ? uuid : row.empty() ? "1" : row;
    case Scalar::json:
      return "'{}'::jsonb";
    case Scalar::bytes:
      return "decode(repeat('00', " + std::to_string(column.min_length.value_or(0)) + "), 'hex')";
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
    case Conversion::bool_to_text:
      return {name + "::text", "", ""};
    case Conversion::text_to_integer:
      return parsed_integer(from);
    case Conversion::text_to_decimal:
      return parsed_decimal(from, to);
    case Conversion::text_to_bool:
      return {"(" + name + " = 'true')", name + " NOT IN ('true', 'false')",
              "is neither true nor false"};
    case Conversion::text_to_uuid:
      return {name + "::uuid", name + " !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'",
              "is no uuid"};
    case Conversion::text_to_json:
      return {name + "::jsonb", "NOT pg_temp.kit_is_json(" + name + ")", "is no JSON"};
    case Conversion::integer_to_bool:
      return {"(" + name + " = 1)", name + " NOT IN (0, 1)", "is neither 0 nor 1"};
    case Conversion::integer_to_real: {
      const std::string limit = exact_limit(to);
      return {name + "::double precision", name + " NOT BETWEEN -" + limit + " AND " + limit,
              "is too large to stay exact"};
    }
    case Conversion::real_to_integer:
      return of_real(from);
    case Conversion::date_to_timestamp:
      return {"(" + name + "::timestamp AT TIME ZONE 'UTC')", "", ""};
    case Conversion::timestamp_to_date:
      return {without_zone(name) + "::date",
              without_zone(name) + " <> date_trunc('day', " + without_zone(name) + ")",
              "is not at midnight UTC"};
    case Conversion::to_array:
      return {"CASE WHEN " + name + " IS NOT NULL THEN jsonb_build_array(" + name + ") END", "",
              ""};
    case Conversion::from_array:
      break;
  }
  return of_array(from, to);
}

std::string as_column(const Converted& made, const Column& column) {
  const std::string type = dialect().type_of(column);
  const std::string bare = type.substr(0, type.find(" COLLATE"));
  const std::string value = "(" + made.value + ")::" + bare;
  if (made.bad.empty()) return value;
  // Also those who run the file without kit's checks lose nothing: no number is written so, and
  // what depends on a row is not worked out before there is one.
  const std::string refused = "('refused: ' || " + ident(made.column) + "::text)::";
  return "CASE WHEN " + made.bad + " THEN " + refused + (bare == "text" ? "integer::text" : bare) +
         " ELSE " + value + " END";
}

bool reads_json(const TableChange& change) {
  return std::ranges::any_of(change.columns, [](const ColumnChange& column) {
    const bool of_fill = column.fill.source == Fill::Source::field &&
                         column.fill.conversion == Conversion::text_to_json;
    return of_fill || (column.after && column.conversion == Conversion::text_to_json);
  });
}

}  // namespace kitgen::evolve::postgres
