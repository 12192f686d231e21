// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "kit/base/text.hpp"
#include "kitgen/adopt/detail/lookup.hpp"
#include "kitgen/adopt/detail/proposal.hpp"

namespace kitgen::adopt {
namespace {

bool is_whole(const Column& column) {
  return !column.type.is_array &&
         (column.type.kind == Kind::int32 || column.type.kind == Kind::int64);
}

/// A time the database or its clients note beside a row of a join: not worth an entity.
bool is_bookkeeping(const Column& column) {
  static constexpr std::array<std::string_view, 5> starts{"last_", "create", "update", "modif",
                                                          "insert"};
  const bool is_time = column.type.kind == Kind::timestamp || column.type.kind == Kind::date;
  const std::string name = snake_name(column.name, "");
  const bool says_so =
      std::ranges::any_of(starts, [&](std::string_view start) { return name.starts_with(start); });
  return is_time && (says_so || column.nullable || column.default_sql || column.follows_changes);
}

bool same_columns(std::vector<std::string> a, std::vector<std::string> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  return a == b;
}

bool is_unique_pair(const Table& table, const std::vector<std::string>& pair) {
  if (same_columns(table.primary_key, pair)) return true;
  return std::ranges::any_of(table.indexes, [&](const Index& index) {
    return index.unique && index.where.empty() && index.note.empty() &&
           same_columns(index.columns, pair);
  });
}

bool is_join(const Catalogue& catalogue, const Table& table) {
  if (table.foreign_keys.size() != 2 || !table.checks.empty()) return false;
  std::vector<std::string> pair;
  for (const ForeignKey& key : table.foreign_keys) {
    const Table* target = find_table(catalogue, key.table);
    if (key.columns.size() != 1 || target == nullptr || target == &table) return false;
    pair.push_back(key.columns.front());
  }
  if (pair[0] == pair[1] || !is_unique_pair(table, pair)) return false;
  for (const Column& column : table.columns) {
    if (std::ranges::find(pair, column.name) != pair.end()) {
      if (column.nullable) return false;
      continue;
    }
    const bool is_own_key = table.primary_key == std::vector{column.name} && is_whole(column);
    if (!is_own_key && !is_bookkeeping(column)) return false;
  }
  return std::ranges::none_of(catalogue.tables, [&](const Table& other) {
    return std::ranges::any_of(other.foreign_keys, [&](const ForeignKey& key) {
      return find_table(catalogue, key.table) == &table;
    });
  });
}

bool is_in_foreign_key(const Table& table, const std::string& column) {
  return std::ranges::any_of(table.foreign_keys, [&](const ForeignKey& key) {
    return std::ranges::find(key.columns, column) != key.columns.end();
  });
}

void choose_id(Entity& entity) {
  const Table& table = *entity.table;
  if (table.primary_key.empty()) {
    entity.notes.emplace_back("the table has no primary key; id is new");
    return;
  }
  if (table.primary_key.size() > 1) {
    entity.notes.push_back("the key was " + listed(table.primary_key) +
                           "; id is new, and the old key a unique index");
    return;
  }
  const Column* column = find_column(table, table.primary_key.front());
  const bool is_uuid = column != nullptr && column->type.kind == Kind::uuid;
  if (column == nullptr || (!is_uuid && !is_whole(*column)) ||
      is_in_foreign_key(table, column->name)) {
    entity.notes.push_back("the key was " + shown(table.primary_key.front()) +
                           "; id is new, and the old key unique");
    return;
  }
  entity.key_column = column->name;
  entity.has_uuid_id = is_uuid;
  entity.names[column->name] = "id";
  if (column->name != "id") entity.notes.push_back("id was " + shown(column->name));
}

}  // namespace

const Table* find_table(const Catalogue& catalogue, const std::string& name) {
  const auto exact = std::ranges::find(catalogue.tables, name, &Table::name);
  if (exact != catalogue.tables.end()) return &*exact;
  const std::string lower = kit::to_lower(name);  // SQLite and MySQL may not mind the case
  const auto found = std::ranges::find_if(
      catalogue.tables, [&](const Table& table) { return kit::to_lower(table.name) == lower; });
  return found == catalogue.tables.end() ? nullptr : &*found;
}

const Column* find_column(const Table& table, const std::string& name) {
  const auto exact = std::ranges::find(table.columns, name, &Column::name);
  if (exact != table.columns.end()) return &*exact;
  const std::string lower = kit::to_lower(name);
  const auto found = std::ranges::find_if(
      table.columns, [&](const Column& column) { return kit::to_lower(column.name) == lower; });
  return found == table.columns.end() ? nullptr : &*found;
}

Entity* find_entity(Proposal& proposal, const std::string& table_name) {
  const Table* table = find_table(proposal.catalogue, table_name);
  if (table == nullptr) return nullptr;
  const auto found = proposal.by_table.find(table->name);
  return found == proposal.by_table.end() ? nullptr : &proposal.entities[found->second];
}

Item* find_field(Entity& entity, const std::string& column) {
  const Column* known = find_column(*entity.table, column);
  if (known == nullptr) return nullptr;
  const auto name = entity.names.find(known->name);
  if (name == entity.names.end()) return nullptr;
  const auto found = std::ranges::find(entity.fields, name->second, &Item::name);
  return found == entity.fields.end() ? nullptr : &*found;
}

std::string* find_name(Entity& entity, const std::string& column) {
  const Column* known = find_column(*entity.table, column);
  if (known == nullptr) return nullptr;
  const auto name = entity.names.find(known->name);
  return name == entity.names.end() ? nullptr : &name->second;
}

void choose_joins(Proposal& proposal) {
  for (const Table& table : proposal.catalogue.tables) {
    if (is_join(proposal.catalogue, table)) proposal.joins.insert(table.name);
  }
}

void choose_ids(Proposal& proposal) {
  for (Entity& entity : proposal.entities) choose_id(entity);
}

}  // namespace kitgen::adopt
