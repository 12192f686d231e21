// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "kit/base/text.hpp"
#include "kitgen/adopt/detail/reader.hpp"

namespace kitgen::adopt {
namespace {

struct Known {
  std::string_view name;
  Kind kind;
};

// Words of CREATE TABLE seen in the wild; what is not here goes by SQLite's own rules of affinity.
constexpr std::array<Known, 51> known{{
    {"integer", Kind::int64},
    {"int", Kind::int64},
    {"bigint", Kind::int64},
    {"int8", Kind::int64},
    {"unsigned big int", Kind::int64},
    {"smallint", Kind::int32},
    {"int2", Kind::int32},
    {"int4", Kind::int32},
    {"mediumint", Kind::int32},
    {"tinyint", Kind::int32},
    {"year", Kind::int32},
    {"bool", Kind::boolean},
    {"boolean", Kind::boolean},
    {"bit", Kind::boolean},
    {"varchar", Kind::string},
    {"character varying", Kind::string},
    {"varying character", Kind::string},
    {"nvarchar", Kind::string},
    {"nchar", Kind::string},
    {"native character", Kind::string},
    {"char", Kind::string},
    {"character", Kind::string},
    {"string", Kind::string},
    {"text", Kind::text},
    {"clob", Kind::text},
    {"tinytext", Kind::text},
    {"mediumtext", Kind::text},
    {"longtext", Kind::text},
    {"ntext", Kind::text},
    {"blob sub_type text", Kind::text},
    {"blob", Kind::bytes},
    {"binary", Kind::bytes},
    {"varbinary", Kind::bytes},
    {"image", Kind::bytes},
    {"real", Kind::float64},
    {"double", Kind::float64},
    {"double precision", Kind::float64},
    {"float", Kind::float64},
    {"decimal", Kind::decimal},
    {"numeric", Kind::decimal},
    {"money", Kind::decimal},
    {"date", Kind::date},
    {"time", Kind::time},
    {"datetime", Kind::timestamp},
    {"timestamp", Kind::timestamp},
    {"timestamptz", Kind::timestamp},
    {"uuid", Kind::uuid},
    {"guid", Kind::uuid},
    {"uniqueidentifier", Kind::uuid},
    {"json", Kind::json},
    {"jsonb", Kind::json},
}};

/// Section 3.1 of SQLite's "Datatypes": the affinity of a column by the letters of its type.
Kind affinity(const std::string& lower) {
  const auto has = [&](std::string_view part) { return lower.find(part) != std::string::npos; };
  if (has("int")) return Kind::int64;
  if (has("char") || has("clob") || has("text")) return Kind::text;
  if (lower.empty() || has("blob")) return lower.empty() ? Kind::text : Kind::bytes;
  if (has("real") || has("floa") || has("doub")) return Kind::float64;
  return Kind::text;  // "NUMERIC": whatever it is, text carries it
}

/// "(10, 2)" behind the words of a type.
void read_digits(std::string_view digits, ColumnType& type) {
  const std::size_t close = digits.find(')');
  if (close == std::string_view::npos) return;
  const auto parts = kit::split(digits.substr(0, close), ',');
  const auto first = kit::parse_int(kit::trim(parts[0]));
  if (!first || *first < 0 || *first > 1'000'000'000) return;
  type.length = first;
  type.precision = static_cast<int>(std::min(*first, 1'000LL));
  if (parts.size() < 2) return;
  const auto second = kit::parse_int(kit::trim(parts[1]));
  if (second && *second >= 0 && *second <= 1'000) type.scale = static_cast<int>(*second);
}

}  // namespace

ColumnType sqlite_type(const std::string& declared) {
  ColumnType type;
  type.declared = declared;
  const std::size_t open = std::min(declared.find('('), declared.size());
  std::string name = kit::to_lower(kit::trim(std::string_view(declared).substr(0, open)));
  if (open < declared.size()) read_digits(std::string_view(declared).substr(open + 1), type);
  if (name.ends_with(" unsigned")) {
    name.resize(name.size() - std::string_view(" unsigned").size());
    type.is_unsigned = true;
  }
  const auto found = std::ranges::find(known, std::string_view(name), &Known::name);
  type.kind = found != known.end() ? found->kind : affinity(name);
  if (name == "tinyint" && type.length == 1) type.kind = Kind::boolean;
  if (name == "any") {
    type.note = "a column of the type ANY may hold anything; a text carries what can be read";
  } else if (found == known.end()) {
    type.note = name.empty() ? "the column has no type, so it may hold anything"
                             : "SQLite does not know the type '" + declared + "'";
  }
  if (type.kind == Kind::string && !type.length) type.kind = Kind::text;
  if (type.kind != Kind::decimal) type.precision = type.scale = 0;
  const bool has_length =
      type.kind == Kind::string || type.kind == Kind::text || type.kind == Kind::bytes;
  if (!has_length) type.length.reset();
  return type;
}

}  // namespace kitgen::adopt
