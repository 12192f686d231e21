// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kitgen/adopt/catalogue.hpp"
#include "kitgen/adopt/detail/sql_text.hpp"

/// From a catalogue to a schema, step by step. Inner header of kitgen/adopt.
namespace kitgen::adopt {

inline constexpr std::size_t none = static_cast<std::size_t>(-1);

/// One line of the schema: a field, a relation, an index. What is left out stays as a comment.
struct Item {
  std::string name;
  std::vector<std::pair<std::string, std::string>> keys;  ///< Key and its YAML text.
  std::vector<std::string> notes;                         ///< What is not carried.
  std::string source;  ///< Of a left out item: what it was in the database.
  bool left_out = false;
  int attempts = 0;  ///< How often the schema's reader refused it.
  int line = 0;      ///< Where it was written last.

  std::string* find(std::string_view key);
  void set(std::string_view key, std::string text);  ///< Replaces or adds.
  void drop(std::string_view key);
};

struct Entity {
  const Table* table = nullptr;
  std::string name, snake, plural;  ///< plural: as the schema will have it.
  std::string plural_key;           ///< "" when the plural follows from the name.
  std::string doc;
  std::vector<std::string> notes;
  bool has_uuid_id = false;
  bool soft_delete = false;
  bool version = false;
  std::string key_column;                    ///< The single column that became the id; "".
  std::map<std::string, std::string> names;  ///< Column -> field or relation's column; "id".
  std::set<std::string> members;             ///< Names of fields and relations so far.
  std::vector<Item> fields, belongs_to, has_one, has_many, many_to_many, indexes;
  std::vector<std::string> filter, sort, search;
  bool left_out = false;
  int attempts = 0;
  int line = 0;
  int list_line = 0;
};

struct EnumItem {
  const EnumType* type = nullptr;
  std::string name;
  std::vector<std::pair<std::string, std::string>> values;  ///< In the database -> in the schema.
  Item item;
};

struct Proposal {
  const Catalogue& catalogue;
  std::string service;
  std::vector<EnumItem> enums;
  std::vector<Entity> entities;
  std::map<std::string, std::size_t> by_table;  ///< Tables that became entities.
  std::set<std::string> type_names;             ///< In lower case.
  std::set<std::string> joins;                  ///< Tables that became a many_to_many.
  bool has_local_times = false;
  bool has_on_update = false;
};

// names.cpp
/// A snake_case name near to the text: "Order Details" -> order_details; `otherwise` when no letter
/// is left.
std::string snake_name(std::string_view text, std::string_view otherwise);
/// Whether a field may have the name.
bool is_free_name(std::string_view snake);
/// `name`, or with a suffix that makes it usable and new among `taken`, where it is added.
std::string unused_name(std::string name, std::set<std::string>& taken);
/// Values of an enumeration as a schema writes them, each different.
std::vector<std::pair<std::string, std::string>> enum_values(
    const std::vector<std::string>& values);
void name_service(Proposal& proposal, const std::string& wanted);
void name_enums(Proposal& proposal);
void name_entities(Proposal& proposal);

// text.cpp
/// A value of a flow mapping: plain where YAML allows it, otherwise in double quotes.
std::string yaml_value(std::string_view text);
/// One line that is safe in a comment and not endless.
std::string shown(std::string_view text);
/// "a, b and c"
std::string listed(const std::vector<std::string>& words);

// keys.cpp
/// Decides which tables are joins, and what the id of each entity is.
void choose_joins(Proposal& proposal);
void choose_ids(Proposal& proposal);

// fields.cpp
void add_fields(Proposal& proposal, Entity& entity);
// field_type.cpp
/// The keys of a field that follow from the type of its column.
void set_type(const Proposal& proposal, const Column& column, bool is_key, Item& item);
/// Makes an enumeration of the field.
void set_enum_values(const std::vector<std::string>& values, Item& item);
/// The default of a column, as far as the field can have it.
void set_default(const Proposal& proposal, const Column& column, Item& item);
// checks.cpp
/// CHECK constraints that a field's keys can say; the others become notes.
void apply_checks(Entity& entity);
// relations.cpp
void add_relations(Proposal& proposal);
void add_joins(Proposal& proposal);
// indexes.cpp
void add_indexes(Entity& entity);
/// What lists can filter, sort and search by, from indexes and types.
void add_lists(Entity& entity);

// write.cpp
/// The schema's text; notes the line of each item.
std::string write(Proposal& proposal);

}  // namespace kitgen::adopt
