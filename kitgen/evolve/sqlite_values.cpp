// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kitgen/evolve/changes.hpp"
#include "kitgen/evolve/sqlite_text.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::evolve::sqlite {
namespace {

using model::Scalar;

constexpr std::string_view day = "86400000000";  // microseconds

/// Up to where a floating type holds every whole number: 2^24, 2^53.
std::string exact_limit(const Column& real) {
  return real.type == Scalar::float32 ? "16777216" : "9007199254740992";
}

/// Whether a double is none of the values of a float: of 24 bits by Veltkamp's splitting, where
/// floats lose no digits a multiple of 2^-149, the smallest of them. Only products with powers of
/// two, or of results that fit, decide; the two bounds lie where nothing depends on them.
std::string is_no_float(const std::string& name) {
  const std::string split = name + " * 536870913.0";
  const std::string steps =
      name + " * 1073741824.0 * 1073741824.0 * 1073741824.0 * 1073741824.0" + " * 536870912.0";
  return "(abs(" + name + ") > 3.4028235e38 OR CASE WHEN abs(" + name + ") < 1.2e-38\n    THEN " +
         steps + " <> CAST(" + steps + " AS INTEGER)\n    ELSE " + split + " - (" + split + " - " +
         name + ") <> " + name + " END)";
}

std::string power_of_ten(int digits) {
  return "1" + std::string(static_cast<std::size_t>(digits), '0');
}

/// Where a row is not fit, the text stands in the way of a STRICT column: also for those who run
/// the file without kit's checks.
std::string guarded(const std::string& bad, const std::string& value) {
  return "CASE WHEN " + bad + " THEN 'refused' ELSE " + value + " END";
}

Converted scaled(const Column& from, const Column& to) {
  const std::string name = ident(from.name);
  const int more = to.scale - from.scale;
  if (more < 0) {
    const std::string unit = power_of_ten(-more);
    const std::string bad = name + " % " + unit + " <> 0";
    return {guarded(bad, name + " / " + unit), bad,
            "has more than " + std::to_string(to.scale) + " digits behind the point"};
  }
  if (more == 0) return {name, "", ""};
  // Compared before it is multiplied: a product beyond 64 bits would become a double.
  const int whole_digits = to.precision - more;
  const std::string limit =
      whole_digits > 0 ? std::string(static_cast<std::size_t>(whole_digits), '9') : "0";
  const std::string bad = name + " NOT BETWEEN -" + limit + " AND " + limit;
  return {guarded(bad, name + " * " + power_of_ten(more)), bad,
          "has too many digits for " + type_text(to)};
}

std::string decimal_text(const Column& from) {
  const std::string name = ident(from.name);
  if (from.scale == 0) return "CAST(" + name + " AS TEXT)";
  const std::string unit = power_of_ten(from.scale);
  const std::string zeros(static_cast<std::size_t>(from.scale), '0');
  return "CASE WHEN " + name + " < 0 THEN '-' ELSE '' END || (abs(" + name + ") / " + unit +
         ") || '.' || substr('" + zeros + "' || (abs(" + name + ") % " + unit + "), -" +
         std::to_string(from.scale) + ")";
}

Converted parsed_decimal(const Column& from, const Column& to) {
  const std::string name = ident(from.name);
  const std::string scale = std::to_string(to.scale);
  const std::string zeros(static_cast<std::size_t>(to.scale), '0');
  // With a point at its end every number has one; what is behind it is filled up with noughts.
  const std::string point = "instr(" + name + " || '.', '.')";
  const std::string whole = "substr(" + name + ", 1, " + point + " - 1)";
  const std::string rest = "substr(" + name + ", " + point + " + 1)";
  const std::string digits = "ltrim(" + whole + ", '-')";
  std::string bad = "(" + name + " GLOB '*[^-0-9.]*' OR " + name + " GLOB '?*-*' OR " + name +
                    " GLOB '*.*.*' OR " + name + " GLOB '*.' OR " + digits + " = '' OR " + digits +
                    " GLOB '0[0-9]*' OR length(" + digits + ") > " +
                    std::to_string(to.precision - to.scale) + " OR length(" + rest + ") > " +
                    scale + ")";
  if (to.precision == to.scale) {  // nothing but noughts before the point
    bad = "(" + name + " GLOB '*[^-0-9.]*' OR " + name + " GLOB '?*-*' OR " + name +
          " GLOB '*.*.*' OR " + name + " GLOB '*.' OR " + digits + " <> '0' OR length(" + rest +
          ") > " + scale + ")";
  }
  const std::string value = to.scale == 0 ? "CAST(" + whole + " AS INTEGER)"
                                          : "CAST(" + whole + " || substr(" + rest + " || '" +
                                                zeros + "', 1, " + scale + ") AS INTEGER)";
  return {guarded(bad, value), bad, "is no number of the type " + type_text(to)};
}

std::string uuid_pattern() {
  std::string pattern;
  for (const int digits : {8, 4, 4, 4, 12}) {
    if (!pattern.empty()) pattern += '-';
    for (int i = 0; i < digits; ++i) pattern += "[0-9a-f]";
  }
  return "'" + pattern + "'";
}

}  // namespace

Converted converted(const Column& from, const Column& to, Conversion conversion) {
  const std::string name = ident(from.name);
  switch (conversion) {
    case Conversion::same:
      return {name, "", ""};
    case Conversion::scale:
      return scaled(from, to);
    case Conversion::number_to_text:
      return {decimal_text(from), "", ""};
    case Conversion::text_to_integer: {
      // There and back: what is written in another way (007, +1) would not come back as it was.
      const std::string bad = "CAST(CAST(" + name + " AS INTEGER) AS TEXT) <> " + name;
      return {guarded(bad, "CAST(" + name + " AS INTEGER)"), bad, "is no whole number"};
    }
    case Conversion::text_to_decimal:
      return parsed_decimal(from, to);
    case Conversion::bool_to_text:
      return {"CASE " + name + " WHEN 1 THEN 'true' WHEN 0 THEN 'false' END", "", ""};
    case Conversion::text_to_bool: {
      const std::string bad = name + " NOT IN ('true', 'false')";
      return {guarded(bad, name + " = 'true'"), bad, "is neither true nor false"};
    }
    case Conversion::text_to_uuid:
      return {name, name + " NOT GLOB " + uuid_pattern(), "is no uuid"};
    case Conversion::text_to_json:
      return {name, name + " IS NOT NULL AND NOT json_valid(" + name + ")", "is no JSON"};
    case Conversion::integer_to_bool:
      return {name, name + " NOT IN (0, 1)", "is neither 0 nor 1"};
    case Conversion::integer_to_real: {
      const std::string limit = exact_limit(to);
      const std::string bad = name + " NOT BETWEEN -" + limit + " AND " + limit;
      return {guarded(bad, "CAST(" + name + " AS REAL)"), bad, "is too large to stay exact"};
    }
    case Conversion::real_to_integer: {
      const std::string limit = exact_limit(from);
      const std::string bad = "(" + name + " NOT BETWEEN -" + limit + " AND " + limit + " OR " +
                              name + " <> CAST(" + name + " AS INTEGER))";
      return {guarded(bad, "CAST(" + name + " AS INTEGER)"), bad,
              "is no whole number that stays exact"};
    }
    case Conversion::double_to_float:
      return {name, is_no_float(name), "is no number that a float holds exactly"};
    case Conversion::date_to_timestamp:
      return {name + " * " + std::string(day), "", ""};
    case Conversion::timestamp_to_date: {
      const std::string bad = name + " % " + std::string(day) + " <> 0";
      return {guarded(bad, name + " / " + std::string(day)), bad, "is not at midnight UTC"};
    }
    case Conversion::to_array:
      return {"CASE WHEN " + name + " IS NOT NULL THEN json_array(" + name + ") END", "", ""};
    case Conversion::from_array:
      break;
  }
  return {"json_extract(" + name + ", '$[0]')", "json_array_length(" + name + ") <> 1",
          "has not exactly one element"};
}

}  // namespace kitgen::evolve::sqlite
