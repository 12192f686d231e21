// SPDX-License-Identifier: Apache-2.0
#include "tests/evolution/schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "kit/base/decimal.hpp"
#include "kit/base/time.hpp"

namespace evolution {
namespace {

constexpr std::array<std::string_view, 22> type_names{
    "string", "text",    "email", "url",   "int32",     "int64",    "bool", "float",
    "double", "decimal", "date",  "time",  "timestamp", "duration", "uuid", "json",
    "bytes",  "enum",    "file",  "image", "geo",       "id"};

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

std::string shortest(double value) {
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

/// As the schema language writes a value of this type.
std::string literal(const Field& field, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return quoted(*text);
  if (const auto* real = std::get_if<double>(&value)) return shortest(*real);
  const std::int64_t number = std::get<std::int64_t>(value);
  const std::chrono::microseconds time{number};
  switch (field.type) {
    case Type::boolean:
      return number != 0 ? "true" : "false";
    case Type::decimal:
      return quoted(kit::Decimal(number, field.scale).to_string());
    case Type::date:
      return quoted(kit::Date{std::chrono::sys_days{std::chrono::days{number}}}.to_string());
    case Type::time:
      return quoted(kit::TimeOfDay{time}.to_string());
    case Type::timestamp:
      return quoted(kit::Timestamp{time}.to_string());
    case Type::duration:
      return quoted(kit::format_duration(time));
    default:
      return std::to_string(number);
  }
}

std::string bound(const Field& field, std::int64_t value) {
  if (field.type == Type::decimal) return quoted(kit::Decimal(value, field.scale).to_string());
  return std::to_string(value);
}

std::string changes(const Field& field) {
  std::string text;
  if (field.optional) text += ", optional: true";
  if (field.backfill) text += ", backfill: " + literal(field, *field.backfill);
  if (!field.backfill_name.empty()) text += ", backfill: {field: " + field.backfill_name + "}";
  if (!field.renamed_from.empty()) text += ", renamed_from: " + field.renamed_from;
  return text;
}

std::string field_text(const Schema& schema, const Field& field) {
  std::string type(type_names[static_cast<std::size_t>(field.type)]);
  if (field.type == Type::enumeration) type = schema.enum_of(field).name;
  if (field.type == Type::decimal) {
    if (field.is_money) type = "money";
    type += "(" + std::to_string(field.precision) + "," + std::to_string(field.scale) + ")";
  }
  if (field.is_array) type = "[" + type + "]";
  std::string text = "{type: " + type;
  if (field.low) text += ", min: " + bound(field, *field.low);
  if (field.high) text += ", max: " + bound(field, *field.high);
  if (!field.currency.empty()) text += ", currency: " + field.currency;
  if (field.unique) text += ", unique: true";
  if (field.default_value) text += ", default: " + literal(field, *field.default_value);
  return text + changes(field) + "}";
}

std::string_view action_name(OnDelete action) {
  return action == OnDelete::cascade    ? "cascade"
         : action == OnDelete::set_null ? "set_null"
                                        : "restrict";
}

/// The name of a field or of the column of a reference.
std::string column_name(const Entity& entity, int uid) {
  for (const Reference& reference : entity.references) {
    if (reference.field.uid == uid) return reference.field.name;
  }
  return entity.find(uid)->name;
}

std::string index_text(const Entity& entity, const Index& index) {
  std::string names;
  for (const int field : index.fields)
    names += (names.empty() ? "" : ", ") + column_name(entity, field);
  std::string text = "{fields: [" + names + "]";
  if (index.unique) text += ", unique: true";
  if (index.where != 0) text += ", where: \"" + column_name(entity, index.where) + " is not null\"";
  return text + "}";
}

void write_relations(const Schema& schema, const Entity& entity, std::string& text) {
  if (!entity.references.empty()) text += "    belongs_to:\n";
  for (const Reference& each : entity.references) {
    text += "      " + each.field.name + ": {entity: " + schema.find(each.target)->name +
            ", on_delete: " + std::string(action_name(each.on_delete)) +
            (each.field.unique ? ", unique: true" : "") + changes(each.field) + "}\n";
  }
  std::string ones;
  for (const Entity& owner : schema.entities) {
    for (const Reference& each : owner.references) {
      if (!each.has_one || !each.field.unique || each.target != entity.uid) continue;
      ones += "      one_" + each.field.name + ": {entity: " + owner.name +
              ", by: " + each.field.name + "}\n";
    }
  }
  if (!ones.empty()) text += "    has_one:\n" + ones;
  if (!entity.links.empty()) text += "    many_to_many:\n";
  for (const Links& each : entity.links) {
    text += "      " + each.name + ": {entity: " + schema.find(each.target)->name;
    if (!each.renamed_from.empty()) text += ", renamed_from: " + each.renamed_from;
    std::string fields;
    for (const Field& field : each.fields)
      fields += (fields.empty() ? "" : ", ") + field.name + ": " + field_text(schema, field);
    if (!fields.empty()) text += ", fields: {" + fields + "}";
    text += "}\n";
  }
}

void write_options(const Entity& entity, std::string& text) {
  if (!entity.indexes.empty()) {
    text += "    indexes:\n";
    for (const Index& index : entity.indexes) text += "      - " + index_text(entity, index) + "\n";
  }
  if (entity.soft_delete || entity.version) {
    text += std::string("    keep: {soft_delete: ") + (entity.soft_delete ? "true" : "false") +
            ", version: " + (entity.version ? "true" : "false") + "}\n";
  }
  std::string sort;
  for (const int field : entity.sort)
    sort += (sort.empty() ? "" : ", ") + column_name(entity, field);
  if (!sort.empty()) text += "    list: {sort: [" + sort + "]}\n";
  if (entity.has_event)
    text += "    events:\n      " + entity.name + "Changed: {changed: " + entity.name + ".id}\n";
}

}  // namespace

std::string to_text(const Value& value) {
  if (is_null(value)) return "NULL";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* real = std::get_if<double>(&value)) return "real " + shortest(*real);
  if (const auto* text = std::get_if<std::string>(&value)) return "'" + *text + "'";
  std::string hex = "x";
  for (const char c : std::get<Bytes>(value).bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    hex += digits[static_cast<unsigned char>(c) / 16];
    hex += digits[static_cast<unsigned char>(c) % 16];
  }
  return hex;
}

const Field* Entity::find(int field) const {
  const auto found = std::ranges::find(fields, field, &Field::uid);
  return found == fields.end() ? nullptr : &*found;
}
Field* Entity::find(int field) {
  const auto found = std::ranges::find(fields, field, &Field::uid);
  return found == fields.end() ? nullptr : &*found;
}
const Entity* Schema::find(int entity) const {
  const auto found = std::ranges::find(entities, entity, &Entity::uid);
  return found == entities.end() ? nullptr : &*found;
}
Entity* Schema::find(int entity) {
  const auto found = std::ranges::find(entities, entity, &Entity::uid);
  return found == entities.end() ? nullptr : &*found;
}
const Enum& Schema::enum_of(const Field& field) const {
  return *std::ranges::find(enums, field.enumeration, &Enum::uid);
}

bool is_text(Type type) {
  return type == Type::string || type == Type::text || type == Type::email || type == Type::url ||
         type == Type::file || type == Type::image;
}

bool can_have_default(const Field& field) {
  return !field.is_array && field.type != Type::json && field.type != Type::bytes &&
         field.type != Type::uuid && field.type != Type::id && field.type != Type::geo;
}

std::string to_yaml(const Schema& schema) {
  std::string text = "kit: 1\nservice: shop\n";
  if (!schema.enums.empty()) text += "enums:\n";
  for (const Enum& each : schema.enums) {
    std::string values;
    for (const EnumValue& value : each.values) {
      values += (values.empty() ? "" : ", ");
      values += value.renamed_from.empty()
                    ? value.name
                    : "{name: " + value.name + ", renamed_from: " + value.renamed_from + "}";
    }
    text += "  " + each.name + ": [" + values + "]\n";
  }
  text += "entities:\n";
  for (const Entity& entity : schema.entities) {
    text += "  " + entity.name + ":\n";
    if (!entity.renamed_from.empty()) text += "    renamed_from: " + entity.renamed_from + "\n";
    if (entity.is_uuid) text += "    id: uuid\n";
    text += "    fields:\n";
    for (const Field& field : entity.fields)
      text += "      " + field.name + ": " + field_text(schema, field) + "\n";
    write_relations(schema, entity, text);
    write_options(entity, text);
  }
  return text;
}

}  // namespace evolution
