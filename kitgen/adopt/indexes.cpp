// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "kitgen/adopt/detail/lookup.hpp"
#include "kitgen/adopt/detail/proposal.hpp"

namespace kitgen::adopt {
namespace {

using Test = Condition::Test;

constexpr std::size_t most_listed = 8;
constexpr long long longest_sort_key = 255;  // as kitgen/model has it

bool has_text(const std::string* text, std::string_view wanted) {
  return text != nullptr && *text == wanted;
}

/// The condition of a partial index in the words of a schema, or nothing.
std::optional<std::string> where_text(Entity& entity, const std::string& sql) {
  const auto conditions = conditions_of(sql);
  if (!conditions) return std::nullopt;
  std::string text;
  for (const Condition& condition : *conditions) {
    const std::string* name = find_name(entity, condition.column);
    const Item* field = find_field(entity, condition.column);
    if (name == nullptr || condition.of_length) return std::nullopt;
    text += (text.empty() ? "" : " and ") + *name;
    if (condition.test == Test::is_null || condition.test == Test::not_null) {
      text += condition.test == Test::is_null ? " is null" : " is not null";
      continue;
    }
    if (condition.test != Test::one_of || condition.values.size() != 1 || field == nullptr)
      return std::nullopt;
    std::string value = condition.values.front();
    const auto type =
        std::ranges::find(field->keys, "type", &std::pair<std::string, std::string>::first);
    if (type->second == "bool" && (value == "0" || value == "1"))
      value = value == "1" ? "true" : "false";
    if (value.find_first_of("'\n\r") != std::string::npos) return std::nullopt;
    text += condition.values_are_text ? " = '" + value + "'" : " = " + value;
  }
  return text;
}

/// The usual name of an index does not say its condition, and must differ from that of the same
/// columns without one.
std::string partial_name(const Entity& entity, bool unique,
                         const std::vector<std::string>& columns) {
  std::string name = (unique ? "ux_" : "ix_") + entity.plural;
  for (const std::string& column : columns) name += "_" + column;
  constexpr std::size_t room = 52;
  name.resize(std::min(name.size(), room));
  while (name.ends_with('_')) name.pop_back();
  const auto others = std::ranges::count_if(entity.indexes, [](const Item& item) {
    return std::ranges::any_of(item.keys, [](const auto& key) { return key.first == "where"; });
  });
  return name + "_where" + (others > 0 ? "_" + std::to_string(others + 1) : "");
}

void add_index(Entity& entity, const Index& index, std::string source) {
  Item item;
  std::string fields;
  std::vector<std::string> names;
  item.source = std::move(source);
  bool carried = index.note.empty();
  for (const std::string& column : index.columns) {
    const std::string* name = find_name(entity, column);
    if (name == nullptr) {
      carried = false;
      continue;
    }
    if (std::ranges::find(names, *name) != names.end()) continue;
    names.push_back(*name);
    fields += (fields.empty() ? "" : ", ") + *name;
  }
  item.set("fields", "[" + fields + "]");
  if (index.unique) item.set("unique", "true");
  if (!index.where.empty()) {
    const std::optional<std::string> where = where_text(entity, index.where);
    if (where) {
      item.set("where", yaml_value(*where));
      item.set("name", partial_name(entity, index.unique, names));
    }
    carried = carried && where.has_value();
  }
  if (!carried || names.empty()) {
    item.left_out = true;
    item.notes.push_back(
        !index.note.empty()
            ? index.note
            : "a part of it has no counterpart in a schema" +
                  (index.where.empty() ? std::string() : ": " + shown(index.where)));
  }
  const bool is_double = std::ranges::any_of(entity.indexes, [&](const Item& other) {
    return !other.left_out && !item.left_out && other.keys == item.keys;
  });
  if (is_double) {
    item.left_out = true;
    item.notes.emplace_back("another one is the same");
  }
  if (!index.loss.empty()) item.notes.push_back("not carried: " + index.loss);
  entity.indexes.push_back(std::move(item));
}

/// Whether the schema has the index without being told: a unique field, a foreign key, the id.
bool is_implied(Entity& entity, const Index& index) {
  if (index.columns.size() != 1 || !index.where.empty() || !index.note.empty()) return false;
  const std::string* name = find_name(entity, index.columns.front());
  if (name == nullptr) return false;
  if (*name == "id") return true;
  const Item* field = find_field(entity, index.columns.front());
  if (field != nullptr)
    return std::ranges::any_of(field->keys, [](const auto& key) { return key.first == "unique"; });
  const bool is_relation = std::ranges::any_of(
      entity.belongs_to, [&](const Item& item) { return item.name + "_id" == *name; });
  return is_relation;
}

bool is_sortable(const Item& field) {
  const auto find = [&](std::string_view key) -> const std::string* {
    const auto found =
        std::ranges::find(field.keys, key, &std::pair<std::string, std::string>::first);
    return found == field.keys.end() ? nullptr : &found->second;
  };
  const std::string* type = find("type");
  static constexpr std::array<std::string_view, 6> ordered{"date",  "timestamp", "int32",
                                                           "int64", "double",    "time"};
  if (type == nullptr) return false;
  if (*type == "string") {
    const std::string* max = find("max");
    return max == nullptr || (max->size() <= 3 && std::stoll(*max) <= longest_sort_key);
  }
  return type->starts_with("decimal") || std::ranges::find(ordered, *type) != ordered.end();
}

}  // namespace

void add_indexes(Entity& entity) {
  const Table& table = *entity.table;
  if (table.primary_key.size() > 1) {
    Index key;
    key.columns = table.primary_key;
    key.unique = true;
    add_index(entity, key, "primary key");
  }
  for (const Index& index : table.indexes) {
    if (is_implied(entity, index)) {
      Item* field = find_field(entity, index.columns.front());
      if (field != nullptr && !index.loss.empty())
        field->notes.push_back("index " + shown(index.name) + ": not carried: " + index.loss);
      continue;
    }
    const bool is_key = index.unique && index.columns == table.primary_key;
    if (!is_key) add_index(entity, index, "index " + shown(index.name));
  }
}

void add_lists(Entity& entity) {
  const auto add = [](std::vector<std::string>& list, const std::string& name) {
    if (list.size() < most_listed && std::ranges::find(list, name) == list.end())
      list.push_back(name);
  };
  for (const Item& item : entity.belongs_to) add(entity.filter, item.name + "_id");
  for (Item& item : entity.fields) {
    if (item.left_out || item.find("secret") != nullptr) continue;
    const std::string* type = item.find("type");
    const bool is_text = has_text(type, "string") || has_text(type, "text");
    const bool is_indexed = std::ranges::any_of(entity.table->indexes, [&](const Index& index) {
      const std::string* name =
          index.columns.empty() ? nullptr : find_name(entity, index.columns.front());
      return name != nullptr && *name == item.name;
    });
    const bool is_json =
        has_text(type, "json") || has_text(type, "bytes") || type->starts_with('[');
    if (is_json) continue;
    const bool is_enum = type->front() >= 'A' && type->front() <= 'Z';
    if (is_indexed || has_text(type, "bool") || item.find("values") != nullptr || is_enum)
      add(entity.filter, item.name);
    if (is_sortable(item)) add(entity.sort, item.name);
    if (is_text && entity.search.size() < 4) add(entity.search, item.name);
  }
}

}  // namespace kitgen::adopt
