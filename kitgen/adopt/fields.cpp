// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "kitgen/adopt/detail/lookup.hpp"
#include "kitgen/adopt/detail/proposal.hpp"

namespace kitgen::adopt {
namespace {

/// Past this many columns a table is no entity a person would edit.
constexpr std::size_t most_columns = 1'000;

bool is_relation_column(const Table& table, const std::string& column) {
  return std::ranges::any_of(table.foreign_keys, [&](const ForeignKey& key) {
    return key.columns.size() == 1 && key.columns.front() == column;
  });
}

/// Columns of a foreign key of several columns that serve nothing else: the relation stands for
/// them.
bool is_covered(const Catalogue& catalogue, const Table& table, const std::string& column) {
  const bool in_key = std::ranges::find(table.primary_key, column) != table.primary_key.end();
  return !in_key && std::ranges::any_of(table.foreign_keys, [&](const ForeignKey& key) {
    return key.columns.size() > 1 && std::ranges::find(key.columns, column) != key.columns.end() &&
           find_table(catalogue, key.table) != nullptr;
  });
}

bool is_unique_alone(const Table& table, const std::string& column) {
  if (table.primary_key == std::vector{column}) return true;
  return std::ranges::any_of(table.indexes, [&](const Index& index) {
    return index.unique && index.where.empty() && index.note.empty() &&
           index.columns == std::vector{column};
  });
}

bool is_in_unique_index(const Table& table, const std::string& column) {
  const auto has = [&](const std::vector<std::string>& columns) {
    return std::ranges::find(columns, column) != columns.end();
  };
  return has(table.primary_key) || std::ranges::any_of(table.indexes, [&](const Index& index) {
           return index.unique && has(index.columns);
         });
}

/// Columns Kit keeps itself, by their names.
bool take_kept(Entity& entity, const Column& column) {
  const std::string name = snake_name(column.name, "");
  const bool is_time = column.type.kind == Kind::timestamp;
  const bool is_whole = column.type.kind == Kind::int32 || column.type.kind == Kind::int64;
  if ((name == "created_at" || name == "updated_at") && is_time) {
    entity.notes.push_back(shown(column.name) + " is kept by every entity");
  } else if (name == "deleted_at" && is_time && column.nullable) {
    entity.soft_delete = true;
  } else if (name == "version" && is_whole && !column.nullable) {
    entity.version = true;
  } else {
    return false;
  }
  entity.names[column.name] = name;
  return true;
}

std::string type_of(const Item& item) {
  const auto found =
      std::ranges::find(item.keys, "type", &std::pair<std::string, std::string>::first);
  return found == item.keys.end() ? "" : found->second;
}

/// What must not be shown unless somebody decides so.
bool is_secret(const std::string& name) {
  static constexpr std::array<std::string_view, 7> parts{
      "password", "passwd", "secret", "api_key", "private_key", "password_hash", "access_token"};
  return std::ranges::any_of(parts, [&](std::string_view part) {
    return name == part || name.ends_with("_" + std::string(part));
  });
}

void add_field(Proposal& proposal, Entity& entity, const Column& column, std::size_t number) {
  Item item;
  const std::string wanted = snake_name(column.name, "column_" + std::to_string(number));
  item.name = unused_name(wanted, entity.members);
  if (item.name != column.name) item.notes.push_back("column '" + shown(column.name) + "'");
  set_type(proposal, column, is_in_unique_index(*entity.table, column.name), item);
  if (column.is_generated) {
    item.left_out = true;
    item.notes.push_back("a generated column" +
                         (column.generated.empty() ? "" : ": " + shown(column.generated)));
  } else if (item.left_out) {
    item.notes.push_back("no type of a schema is like it");
  } else {
    entity.names[column.name] = item.name;
  }
  const std::string type = type_of(item);
  const bool can_be_unique = type != "json" && type != "bytes" && type != "text";
  if (!item.left_out && is_unique_alone(*entity.table, column.name)) {
    if (can_be_unique) {
      item.set("unique", "true");
    } else {
      item.notes.emplace_back("unique in the database");
    }
  }
  if (column.nullable) item.set("optional", "true");
  if (entity.table->primary_key == std::vector{column.name}) item.set("immutable", "true");
  set_default(proposal, column, item);
  if (column.counts_up) item.notes.emplace_back("counts up in the database");
  if (column.follows_changes)
    item.notes.emplace_back("set at each change in the database; updated_at is here");
  if (!item.left_out && type_of(item) != "enum" && is_secret(item.name)) {
    item.set("secret", "true");
    item.notes.emplace_back("taken for a secret by its name");
  }
  if (!column.comment.empty()) item.set("doc", yaml_value(column.comment));
  proposal.has_local_times = proposal.has_local_times || column.type.kind == Kind::timestamp;
  entity.fields.push_back(std::move(item));
}

}  // namespace

void add_fields(Proposal& proposal, Entity& entity) {
  const Table& table = *entity.table;
  std::size_t number = 0;
  for (const Column& column : table.columns) {
    ++number;
    if (number > most_columns) {
      entity.notes.push_back("of " + std::to_string(table.columns.size()) +
                             " columns only the first " + std::to_string(most_columns) +
                             " are carried");
      break;
    }
    if (column.name == entity.key_column || take_kept(entity, column)) continue;
    if (is_relation_column(table, column.name) &&
        find_entity(proposal, std::ranges::find_if(table.foreign_keys, [&](const ForeignKey& key) {
                                return key.columns == std::vector{column.name};
                              })->table) != nullptr)
      continue;
    if (is_covered(proposal.catalogue, table, column.name)) continue;
    add_field(proposal, entity, column, number);
  }
}

}  // namespace kitgen::adopt
