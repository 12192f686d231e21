// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "kit/base/decimal.hpp"
#include "kit/base/text.hpp"
#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;
using Family = TypeSpec::Family;

struct KnownType {
  std::string_view name;
  Family family;
  Scalar scalar;
  bool takes_digits = false;
};

constexpr std::array<KnownType, 22> known_types{{
    {"string", Family::scalar, Scalar::string},
    {"text", Family::scalar, Scalar::text},
    {"email", Family::scalar, Scalar::email},
    {"url", Family::scalar, Scalar::url},
    {"int32", Family::scalar, Scalar::int32},
    {"int64", Family::scalar, Scalar::int64},
    {"bool", Family::scalar, Scalar::boolean},
    {"float", Family::scalar, Scalar::float32},
    {"double", Family::scalar, Scalar::float64},
    {"decimal", Family::scalar, Scalar::decimal, true},
    {"date", Family::scalar, Scalar::date},
    {"time", Family::scalar, Scalar::time},
    {"timestamp", Family::scalar, Scalar::timestamp},
    {"duration", Family::scalar, Scalar::duration},
    {"uuid", Family::scalar, Scalar::uuid},
    {"json", Family::scalar, Scalar::json},
    {"bytes", Family::scalar, Scalar::bytes},
    {"enum", Family::inline_enum, Scalar::enumeration},
    {"money", Family::money, Scalar::decimal, true},
    {"geo", Family::geo, Scalar::float64},
    {"file", Family::file, Scalar::string},
    {"image", Family::image, Scalar::string},
}};

/// Names people bring from elsewhere.
constexpr std::array<std::pair<std::string_view, std::string_view>, 26> other_names{{
    {"int", "int32"},         {"integer", "int32"},
    {"long", "int64"},        {"bigint", "int64"},
    {"smallint", "int32"},    {"str", "string"},
    {"varchar", "string"},    {"char", "string"},
    {"boolean", "bool"},      {"datetime", "timestamp"},
    {"instant", "timestamp"}, {"number", "double"},
    {"real", "double"},       {"float64", "double"},
    {"float32", "float"},     {"numeric", "decimal(10,2)"},
    {"localdate", "date"},    {"guid", "uuid"},
    {"blob", "bytes"},        {"binary", "bytes"},
    {"uri", "url"},           {"object", "json"},
    {"point", "geo"},         {"array", "[string]"},
    {"list", "[string]"},     {"set", "[string]"},
}};

constexpr int default_money_precision = 18;
constexpr int default_money_scale = 2;

std::string suggest_type(Context& context, const std::string& name) {
  if (context.diagnostics.full()) return {};
  const std::string lower = kit::to_lower(name);
  constexpr std::string_view brackets = "[]";
  if (name.ends_with(brackets) && name.size() < max_name_length)
    return "write type: [" + name.substr(0, name.size() - brackets.size()) + "]";
  for (const auto& [other, ours] : other_names) {
    if (lower == other) return "did you mean " + in_quotes(ours) + "?";
  }
  if (context.entity_by_name.contains(name)) {
    return "an entity is referred to by belongs_to; its id has the type " +
           in_quotes(name + ".id") + " (actions and events)";
  }
  std::vector<std::string> candidates;
  for (const KnownType& type : known_types) candidates.emplace_back(type.name);
  for (const Enum& each : context.service.enums) candidates.push_back(each.name);
  return context.diagnostics.did_you_mean(name, candidates);
}

/// "(10,2)" into precision and scale.
bool read_digits(Context& context, const Word& type, std::string_view digits, TypeSpec& spec) {
  const auto fail = [&](std::string message) {
    context.diagnostics.error(type, std::move(message),
                              "write decimal(10,2): 10 digits in all, 2 after the point");
    return false;
  };
  const std::string what = in_quotes(type.text);
  if (!digits.starts_with('(') || !digits.ends_with(')'))
    return fail("the type " + what + " needs precision and scale");
  const std::vector<std::string_view> parts = kit::split(digits.substr(1, digits.size() - 2), ',');
  if (parts.size() != 2) return fail("the type " + what + " needs precision and scale");
  const auto precision = kit::parse_int(kit::trim(parts[0]));
  const auto scale = kit::parse_int(kit::trim(parts[1]));
  if (!precision || !scale)
    return fail("precision and scale of " + what + " must be whole numbers");
  if (*precision < 1 || *precision > kit::Decimal::max_digits) {
    return fail("the precision of " + what + " must be from 1 to " +
                std::to_string(kit::Decimal::max_digits));
  }
  if (*scale < 0 || *scale > *precision)
    return fail("the scale of " + what + " must be from 0 to its precision");
  spec.precision = static_cast<int>(*precision);
  spec.scale = static_cast<int>(*scale);
  return true;
}

/// A key of InnoDB has room for 3072 bytes; a row for 65535 with all its short texts.
std::string mysql_text(const Field& field) {
  constexpr std::uint32_t longest = 768;
  const std::uint32_t length = field.max_length.value_or(255);
  return length <= longest ? "varchar(" + std::to_string(length) + ")" : "longtext";
}

std::string digits_of(const Field& field) {
  return "(" + std::to_string(field.precision) + "," + std::to_string(field.scale) + ")";
}

}  // namespace

SqlTypes sql_types(const Field& field, IdKind id_kind) {
  if (field.is_array) return {"TEXT", "jsonb", "json"};
  switch (field.type) {
    case Scalar::string:
    case Scalar::email:
    case Scalar::url:
      return {"TEXT", "text", mysql_text(field)};
    case Scalar::text:
      return {"TEXT", "text", "longtext"};
    case Scalar::int32:
      return {"INTEGER", "integer", "int"};
    case Scalar::int64:
      return {"INTEGER", "bigint", "bigint"};
    case Scalar::boolean:
      return {"INTEGER", "boolean", "boolean"};
    case Scalar::float32:
      return {"REAL", "real", "float"};
    case Scalar::float64:
      return {"REAL", "double precision", "double"};
    case Scalar::decimal:
      return {"INTEGER", "numeric" + digits_of(field), "decimal" + digits_of(field)};
    case Scalar::date:
      return {"INTEGER", "date", "date"};
    case Scalar::time:
      return {"INTEGER", "time", "time(6)"};
    case Scalar::timestamp:
      return {"INTEGER", "timestamptz", "datetime(6)"};
    case Scalar::duration:
      return {"INTEGER", "bigint", "bigint"};
    case Scalar::uuid:
      return {"TEXT", "uuid", "char(36)"};
    case Scalar::json:
      return {"TEXT", "jsonb", "json"};
    case Scalar::bytes:
      return {"BLOB", "bytea", "longblob"};
    case Scalar::enumeration:
      return {"TEXT", "text", "varchar(63)"};
    case Scalar::id:
      break;
  }
  if (id_kind == IdKind::uuid) return {"TEXT", "uuid", "char(36)"};
  return {"INTEGER", "bigint", "bigint"};
}

namespace {

struct LanguageTypes {
  std::string cpp;
  bool is_cheap;
  std::string typescript;
  std::string openapi;
  std::string format;
};

LanguageTypes language_types(const Service& service, const Field& field) {
  switch (field.type) {
    case Scalar::string:
    case Scalar::text:
      return {"std::string", false, "string", "string", ""};
    case Scalar::email:
      return {"std::string", false, "string", "string", "email"};
    case Scalar::url:
      return {"std::string", false, "string", "string", "uri"};
    case Scalar::int32:
      return {"std::int32_t", true, "number", "integer", "int32"};
    case Scalar::int64:
      return {"std::int64_t", true, "number", "integer", "int64"};
    case Scalar::boolean:
      return {"bool", true, "boolean", "boolean", ""};
    case Scalar::float32:
      return {"float", true, "number", "number", "float"};
    case Scalar::float64:
      return {"double", true, "number", "number", "double"};
    case Scalar::decimal:
      return {"kit::Decimal", true, "string", "string", "decimal"};
    case Scalar::date:
      return {"kit::Date", true, "string", "string", "date"};
    case Scalar::time:
      return {"kit::TimeOfDay", true, "string", "string", "time"};
    case Scalar::timestamp:
      return {"kit::Timestamp", true, "string", "string", "date-time"};
    case Scalar::duration:
      return {"std::chrono::microseconds", true, "string", "string", ""};
    case Scalar::uuid:
      return {"kit::Uuid", true, "string", "string", "uuid"};
    case Scalar::json:
      return {"std::string", false, "unknown", "", ""};
    case Scalar::bytes:
      return {"std::string", false, "string", "string", "byte"};
    case Scalar::enumeration: {
      const std::string& name = service.enums[field.enum_index].name;
      return {name, true, name, "string", ""};
    }
    case Scalar::id:
      break;
  }
  const Entity& entity = service.entities[field.id_entity];
  if (entity.id_kind == IdKind::uuid) return {entity.id_type, true, "string", "string", "uuid"};
  return {entity.id_type, true, "number", "integer", "int64"};
}

}  // namespace

std::string_view scalar_name(Scalar scalar) {
  if (scalar == Scalar::enumeration) return "enum";
  if (scalar == Scalar::id) return "id";
  for (const KnownType& type : known_types) {
    if (type.family == Family::scalar && type.scalar == scalar) return type.name;
  }
  return "";
}

std::vector<std::string_view> type_names() {
  std::vector<std::string_view> names;
  for (const KnownType& type : known_types) names.push_back(type.name);
  return names;
}

/// What to write instead of varchar(20).
std::string sized_string(std::string_view digits) {
  const std::size_t close = digits.find(')');
  const auto size = close == std::string_view::npos || close == 0
                        ? std::nullopt
                        : kit::parse_int(kit::trim(digits.substr(1, close - 1)));
  const long long max = size && *size > 0 && *size <= 1'000'000 ? *size : 40;
  return "write {type: string, max: " + std::to_string(max) + "}";
}

std::optional<TypeSpec> parse_type(Context& context, const Word& type) {
  const std::size_t parenthesis = std::min(type.text.find('('), type.text.size());
  const std::string name(kit::trim(std::string_view(type.text).substr(0, parenthesis)));
  const std::string_view digits = std::string_view(type.text).substr(parenthesis);
  const auto found = std::ranges::find(known_types, name, &KnownType::name);
  TypeSpec spec;
  if (found != known_types.end()) {
    spec.family = found->family;
    spec.scalar = found->scalar;
    if (found->family == Family::money && digits.empty()) {
      spec.precision = default_money_precision;
      spec.scale = default_money_scale;
    } else if (found->takes_digits) {
      if (!read_digits(context, type, kit::trim(digits), spec)) return std::nullopt;
    } else if (!digits.empty()) {
      context.diagnostics.error(type,
                                "the type " + in_quotes(name) + " takes nothing in parentheses",
                                name == "string" ? sized_string(digits) : "");
      return std::nullopt;
    }
    return spec;
  }
  const auto known_enum = context.enum_by_name.find(name);
  if (known_enum != context.enum_by_name.end() && digits.empty()) {
    spec.scalar = Scalar::enumeration;
    spec.enum_index = known_enum->second;
    return spec;
  }
  const bool is_sized_text = !digits.empty() && kit::to_lower(name).ends_with("char");
  context.diagnostics.error(type, "unknown type " + in_quotes(type.text),
                            is_sized_text ? sized_string(digits) : suggest_type(context, name));
  return std::nullopt;
}

void set_type_names(const Service& service, Field& field) {
  const bool is_id = field.type == Scalar::id;
  field.sql =
      sql_types(field, is_id ? service.entities[field.id_entity].id_kind : IdKind::sequence);
  LanguageTypes names = language_types(service, field);
  field.cpp_type = field.is_array ? "std::vector<" + names.cpp + ">" : names.cpp;
  field.cpp_member = field.optional ? "std::optional<" + field.cpp_type + ">" : field.cpp_type;
  field.cpp_is_cheap = names.is_cheap && !field.is_array;
  field.ts_type = field.is_array ? names.typescript + "[]" : names.typescript;
  field.openapi_type = names.openapi;
  field.openapi_format = names.format;
}

bool is_ordered(const Field& field) {
  return !field.is_array && field.type != Scalar::json && field.type != Scalar::bytes;
}

bool can_filter(const Field& field) {
  return (is_ordered(field) || field.is_array) && !field.secret;
}

bool can_sort(const Field& field) {
  return is_ordered(field) && !field.secret;
}

Operators operators_of(const Field& field) {
  Operators operators{"eq", "ne"};
  if (field.is_array) {
    operators = {"has"};
    if (field.optional) operators.emplace_back("is_null");
    return operators;
  }
  switch (field.type) {
    case Scalar::boolean:
      operators = {"eq"};
      break;
    case Scalar::string:
    case Scalar::text:
    case Scalar::email:
    case Scalar::url:
      operators.insert(operators.end(), {"in", "contains", "like"});
      break;
    case Scalar::enumeration:
    case Scalar::uuid:
      operators.emplace_back("in");
      break;
    default:
      operators.insert(operators.end(), {"gt", "gte", "lt", "lte", "in"});
      break;
  }
  if (field.optional) operators.emplace_back("is_null");
  return operators;
}

}  // namespace kitgen::model
