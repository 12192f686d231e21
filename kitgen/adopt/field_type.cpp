// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "kit/base/text.hpp"
#include "kitgen/adopt/detail/proposal.hpp"
#include "kitgen/model/load.hpp"

namespace kitgen::adopt {
namespace {

constexpr long long longest_string = 16'383;  // as kitgen/model has it
constexpr long long longest_text = 1'000'000;
constexpr int most_digits = 18;

void set_decimal(const ColumnType& type, Item& item) {
  int precision = type.precision;
  int scale = type.scale;
  if (precision == 0) {
    item.set("type", "decimal(18,6)");
    item.notes.push_back(shown(type.declared) +
                         " has any number of digits; decimal(18,6) is a guess");
    return;
  }
  // Behind the point digits may have to go, before it never one: the value would not fit.
  const int whole = std::max(precision - scale, 0);
  precision = std::max({precision, scale, whole});
  scale = std::max(scale, 0);
  if (whole > most_digits || (whole == 0 && scale > most_digits)) {
    constexpr int sign_zero_and_point = 3;
    item.set("type", "string");
    item.set("max",
             std::to_string(std::min<long long>(precision + sign_zero_and_point, longest_string)));
    item.notes.push_back(shown(type.declared) + " has more digits than the " +
                         std::to_string(most_digits) +
                         " of a decimal here; a string carries them, without arithmetic");
    return;
  }
  if (precision > most_digits) {
    precision = most_digits;
    scale = std::min(scale, most_digits - whole);
    item.notes.push_back(shown(type.declared) + " has more digits than the " +
                         std::to_string(most_digits) +
                         " of a decimal here; those before the point "
                         "are kept, and " +
                         std::to_string(scale) + " behind it");
  } else {
    precision = std::max(whole + scale, 1);
  }
  item.set("type", "decimal(" + std::to_string(precision) + "," + std::to_string(scale) + ")");
}

void set_string(const ColumnType& type, bool is_key, Item& item) {
  const bool is_long = type.kind == Kind::text || !type.length || *type.length > longest_string;
  if (!is_long) {
    item.set("type", "string");
    item.set("max", std::to_string(std::max(*type.length, 1LL)));
  } else if (is_key) {
    item.set("type", "string");
    item.set("max", "255");
    item.notes.push_back(shown(type.declared.empty() ? "the column" : type.declared) +
                         " has no length; what is unique needs one, and 255 is a guess");
  } else {
    item.set("type", "text");
    if (type.length && *type.length < longest_text) item.set("max", std::to_string(*type.length));
  }
}

void set_enum(const Proposal& proposal, const ColumnType& type, Item& item) {
  if (!type.enum_name.empty()) {
    const auto found = std::ranges::find_if(
        proposal.enums, [&](const EnumItem& each) { return each.type->name == type.enum_name; });
    if (found != proposal.enums.end()) {
      item.set("type", found->name);
      return;
    }
  }
  set_enum_values(type.values, item);
}

std::string_view plain_type(Kind kind) {
  switch (kind) {
    case Kind::boolean:
      return "bool";
    case Kind::int32:
      return "int32";
    case Kind::int64:
      return "int64";
    case Kind::float32:
      return "float";
    case Kind::float64:
      return "double";
    case Kind::date:
      return "date";
    case Kind::time:
      return "time";
    case Kind::timestamp:
      return "timestamp";
    case Kind::duration:
      return "duration";
    case Kind::uuid:
      return "uuid";
    case Kind::json:
      return "json";
    default:
      return "";
  }
}

void set_scalar(const Proposal& proposal, const ColumnType& type, bool is_key, Item& item) {
  switch (type.kind) {
    case Kind::decimal:
      return set_decimal(type, item);
    case Kind::string:
    case Kind::text:
      return set_string(type, is_key, item);
    case Kind::enumeration:
      return set_enum(proposal, type, item);
    case Kind::bytes:
      item.set("type", "bytes");
      if (type.length && *type.length >= 1 && *type.length < longest_text)
        item.set("max", std::to_string(*type.length));
      return;
    case Kind::unknown:
      item.left_out = true;
      return;
    default:
      item.set("type", std::string(plain_type(type.kind)));
  }
  if (type.is_unsigned) item.set("min", "0");
}

/// The value of an enumeration under its name in the schema.
std::string enum_value(const Proposal& proposal, const Column& column, const std::string& value) {
  for (const EnumItem& each : proposal.enums) {
    if (each.type->name != column.type.enum_name) continue;
    for (const auto& [theirs, ours] : each.values) {
      if (theirs == value) return ours;
    }
  }
  for (const auto& [theirs, ours] : enum_values(column.type.values)) {
    if (theirs == value) return ours;
  }
  return value;
}

std::string default_text(const Proposal& proposal, const Column& column, const Default& value) {
  if (column.type.kind == Kind::enumeration) return enum_value(proposal, column, value.value);
  if (column.type.kind == Kind::boolean) {
    static constexpr std::array<std::string_view, 5> yes{"1", "t", "true", "y", "yes"};
    const std::string lower = kit::to_lower(value.value);
    return std::ranges::find(yes, lower) != yes.end() ? "true" : "false";
  }
  const bool is_time = column.type.kind == Kind::timestamp;
  if (is_time && value.value.size() == 19 && value.value[10] == ' ') {
    std::string text = value.value;
    text[10] = 'T';
    return text + "Z";
  }
  return value.value;
}

}  // namespace

void set_enum_values(const std::vector<std::string>& values, Item& item) {
  std::string list;
  bool renamed = false;
  for (const auto& [theirs, ours] : enum_values(values)) {
    list += (list.empty() ? "" : ", ") + yaml_value(ours);
    renamed = renamed || theirs != ours;
  }
  item.set("type", "enum");
  item.drop("max");
  item.set("values", "[" + list + "]");
  if (renamed) item.notes.push_back("the values in the database are " + listed(values));
}

void set_type(const Proposal& proposal, const Column& column, bool is_key, Item& item) {
  const ColumnType& type = column.type;
  item.source = type.declared;
  if (!type.note.empty()) item.notes.push_back(type.note);
  if (!type.is_array) {
    set_scalar(proposal, type, is_key, item);
    return;
  }
  Item element;
  set_scalar(proposal, type, false, element);
  const std::string* name = element.find("type");
  std::string carried_type;
  if (name != nullptr && *name != "enum" && *name != "json") carried_type = "[" + *name + "]";
  const bool carried = !carried_type.empty();
  item.set("type", carried ? carried_type : "json");
  if (!carried) item.notes.push_back(shown(type.declared) + " is an array; it is any JSON here");
}

void set_default(const Proposal& proposal, const Column& column, Item& item) {
  if (!column.default_sql || column.counts_up || item.left_out) return;
  const Default value = default_of(*column.default_sql);
  const std::string* type = item.find("type");
  const auto say = [&](const std::string& why) {
    item.notes.push_back("default " + shown(*column.default_sql) + " is not carried" + why);
  };
  switch (value.kind) {
    case Default::Kind::null:
      return;
    case Default::Kind::now:
      if (type != nullptr && (*type == "timestamp" || *type == "date")) {
        item.set("default", "now");
        return;
      }
      return say("");
    case Default::Kind::other:
      return say("");
    default:
      break;
  }
  if (type != nullptr && (*type == "json" || *type == "bytes" || type->starts_with('[')))
    return say(": the type '" + *type + "' takes none");
  const std::string text = default_text(proposal, column, value);
  item.set("default", column.type.kind == Kind::boolean ? text : yaml_value(text));
}

}  // namespace kitgen::adopt
