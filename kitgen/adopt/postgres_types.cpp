// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "kitgen/adopt/detail/server_types.hpp"

namespace kitgen::adopt {
namespace {

struct Known {
  std::string_view name;
  Kind kind;
  long long length = 0;
  std::string_view note = {};
};

constexpr std::array<Known, 42> known{{
    {"bool", Kind::boolean},
    {"int2", Kind::int32},
    {"int4", Kind::int32},
    {"int8", Kind::int64},
    {"oid", Kind::int64},
    {"float4", Kind::float32},
    {"float8", Kind::float64},
    {"numeric", Kind::decimal},
    {"money", Kind::decimal, 0, "money goes by the server's locale; decimal(18,2) here"},
    {"varchar", Kind::string},
    {"bpchar", Kind::string},
    {"name", Kind::string, 63},
    {"char", Kind::string, 1},
    {"text", Kind::text},
    {"citext", Kind::text, 0, "citext ignores case; a text does not"},
    {"xml", Kind::text, 0, "xml is not checked to be XML"},
    {"bytea", Kind::bytes},
    {"date", Kind::date},
    {"time", Kind::time},
    {"timetz", Kind::time, 0, "the zone of timetz is not carried"},
    {"timestamp", Kind::timestamp},
    {"timestamptz", Kind::timestamp},
    {"interval", Kind::duration, 0,
     "months and days of an interval are not carried: a duration is exact"},
    {"uuid", Kind::uuid},
    {"json", Kind::json},
    {"jsonb", Kind::json},
    {"jsonpath", Kind::text, 0, "jsonpath is not checked"},
    {"hstore", Kind::json, 0, "hstore holds texts only"},
    {"inet", Kind::string, 43, "inet is not checked to be an address"},
    {"cidr", Kind::string, 43, "cidr is not checked to be a network"},
    {"macaddr", Kind::string, 17, "macaddr is not checked"},
    {"macaddr8", Kind::string, 23, "macaddr8 is not checked"},
    {"bit", Kind::string, 1, "bits are the letters 0 and 1 here"},
    {"varbit", Kind::text, 0, "bits are the letters 0 and 1 here"},
    {"ltree", Kind::text, 0, "ltree is not checked"},
    {"int4range", Kind::string, 60, "a range is not checked"},
    {"int8range", Kind::string, 60, "a range is not checked"},
    {"numrange", Kind::string, 255, "a range is not checked"},
    {"daterange", Kind::string, 60, "a range is not checked"},
    {"tsrange", Kind::string, 80, "a range is not checked"},
    {"tstzrange", Kind::string, 80, "a range is not checked"},
    {"regclass", Kind::string, 255, "a name of the catalogue is not checked"},
}};

}  // namespace

ColumnType postgres_type(const std::string& name, int modifier, const std::string& declared) {
  ColumnType type;
  type.declared = declared;
  const auto found = std::ranges::find(known, std::string_view(name), &Known::name);
  if (found == known.end()) return type;
  type.kind = found->kind;
  type.note = std::string(found->note);
  if (found->length > 0) type.length = found->length;
  constexpr int header = 4;  // of varchar and numeric: what the modifier counts in
  if (name == "varchar" || name == "bpchar") {
    if (modifier > header) {
      type.length = modifier - header;
    } else {
      type.kind = Kind::text;
    }
  } else if (name == "bit" && modifier > 0) {
    type.length = modifier;
  } else if (name == "money") {
    type.precision = 18;
    type.scale = 2;
  } else if (name == "numeric" && modifier > header) {
    type.precision = ((modifier - header) >> 16) & 0xFFFF;
    type.scale = (modifier - header) & 0x7FF;
    if (type.scale > 1'000) type.scale -= 2'048;  // negative: digits before the point are cut
  }
  return type;
}

}  // namespace kitgen::adopt
