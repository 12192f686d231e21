// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// A schema as this test thinks of it: everything has a number of its own that stays when it is
/// renamed, so that the test knows what became of what without asking kitgen.
namespace evolution {

struct Bytes {
  std::string bytes;
  bool operator==(const Bytes&) const = default;
};
/// As SQLite keeps it.
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Bytes>;

inline bool is_null(const Value& value) {
  return std::holds_alternative<std::monostate>(value);
}
std::string to_text(const Value& value);

enum class Type : std::uint8_t {
  string,
  text,
  email,
  url,
  int32,
  int64,
  boolean,
  float32,
  float64,
  decimal,
  date,
  time,
  timestamp,
  duration,
  uuid,
  json,
  bytes,
  enumeration,
  file,
  image,
  geo,  ///< Two columns.
  id,   ///< Of a row, and what refers to one. Never of a declared field.
};

struct Field {
  int uid = 0;
  std::string name;
  Type type = Type::string;
  bool is_array = false;
  bool is_uuid = false;  ///< Of an id.
  int precision = 0;
  int scale = 0;
  bool is_money = false;            ///< A decimal with another column, its currency.
  std::string currency;             ///< Its default; "" for none.
  std::optional<std::int64_t> low;  ///< Length of texts and bytes, else the value, unscaled.
  std::optional<std::int64_t> high;
  bool optional = false;
  bool unique = false;
  std::optional<Value> default_value;
  std::optional<Value> backfill;
  int backfill_from = 0;  ///< uid of a field
  std::string backfill_name;
  int enumeration = 0;  ///< uid of an enum
  std::string renamed_from;
};

enum class OnDelete : std::uint8_t { restrict_delete, cascade, set_null };

struct Reference {
  Field field;  ///< Of type id; its name without "_id".
  int target = 0;
  OnDelete on_delete = OnDelete::restrict_delete;
  bool has_one = false;  ///< The target says so too; only of a unique one.
};

struct Links {  // many_to_many
  int uid = 0;
  std::string name;
  int target = 0;
  std::vector<Field> fields;
  std::string renamed_from;
};

struct Index {
  int uid = 0;
  std::vector<int> fields;
  bool unique = false;
  int where = 0;  ///< uid of a field that is not null in the rows it holds; 0: all rows
};

struct Entity {
  int uid = 0;
  std::string name;
  bool is_uuid = false;
  std::vector<Field> fields;
  std::vector<Reference> references;
  std::vector<Links> links;
  std::vector<Index> indexes;
  std::vector<int> sort;  ///< uids of fields
  bool soft_delete = false;
  bool version = false;
  bool has_event = false;
  std::string renamed_from;

  Field* find(int field);
  const Field* find(int field) const;
};

struct EnumValue {
  int uid = 0;
  std::string name;
  std::string renamed_from;
};
struct Enum {
  int uid = 0;
  std::string name;
  std::vector<EnumValue> values;
};

struct Schema {
  std::vector<Enum> enums;
  std::vector<Entity> entities;

  Entity* find(int entity);
  const Entity* find(int entity) const;
  const Enum& enum_of(const Field& field) const;
};

std::string to_yaml(const Schema& schema);

/// Whether the schema language lets it have a default.
bool can_have_default(const Field& field);
bool is_text(Type type);

}  // namespace evolution
