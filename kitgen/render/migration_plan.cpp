// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/migration_plan.hpp"

#include <algorithm>

#include "kit/base/sha256.hpp"

namespace kitgen::render {
namespace {

using model::Column;
using model::Entity;
using model::Field;
using model::Index;
using model::Service;
using model::Table;

/// PostgreSQL cuts longer names off silently, so that two could become one.
constexpr std::size_t max_identifier = 63;

std::string index_name(const Table& table, const std::string& column) {
  std::string name = "ix_" + table.name + "_" + column;
  if (name.size() <= max_identifier) return name;
  const std::string digest = kit::sha256_hex(name).substr(0, 8);
  return name.substr(0, max_identifier - 9) + "_" + digest;
}

const std::vector<Field>& fields_of(const Service& service, const Table& table) {
  const Entity& entity = service.entities[table.entity];
  return table.is_pivot() ? entity.relations[table.relation].pivot->fields : entity.fields;
}

const Field* field_of(const Service& service, const Table& table, const Column& column) {
  const auto& fields = fields_of(service, table);
  const auto found = std::ranges::find(fields, column.name, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

/// Whether looking rows up by `column` is already quick.
bool has_index_on(const Table& table, const std::vector<Index>& indexes,
                  const std::string& column) {
  const auto key = std::ranges::find_if(table.columns, &Column::is_primary_key);
  if (key != table.columns.end() && key->name == column) return true;
  return std::ranges::any_of(indexes, [&](const Index& index) {
    return index.where_sql.empty() && !index.columns.empty() && index.columns.front() == column;
  });
}

std::vector<Index> indexes_of(const Service& service, const Table& table) {
  std::vector<Index> indexes = table.indexes;
  const bool soft_delete = !table.is_pivot() && service.entities[table.entity].soft_delete;
  for (Index& index : indexes) {
    // What was deleted does not stand in the way of its successor.
    if (!soft_delete || !index.unique) continue;
    index.where_sql += (index.where_sql.empty() ? "" : " AND ") + std::string("deleted_at IS NULL");
  }
  std::vector<std::string> wanted;
  for (const auto& key : table.foreign_keys) wanted.push_back(key.column);
  if (!table.is_pivot()) {
    for (const std::string& field : service.entities[table.entity].list.sort)
      wanted.push_back(field);
  }
  for (const std::string& column : wanted) {
    if (has_index_on(table, indexes, column)) continue;
    Index index;
    index.name = index_name(table, column);
    index.columns = {column};
    indexes.push_back(std::move(index));
  }
  return indexes;
}

}  // namespace

std::string MigrationPlan::file_stem() const {
  std::string digits = std::to_string(number);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  return digits + "_" + name;
}

MigrationPlan plan_first_migration(const Service& service) {
  MigrationPlan plan;
  plan.name = "create_" + service.name;
  plan.origin = service.schema_file;
  plan.service = &service;
  for (const Table& table : service.tables) {
    CreateTable create{&table, {}};
    for (const Column& column : table.columns) {
      create.fields.push_back(field_of(service, table, column));
    }
    plan.steps.emplace_back(std::move(create));
    for (Index& index : indexes_of(service, table)) {
      plan.steps.emplace_back(CreateIndex{&table, std::move(index)});
    }
  }
  const bool has_events = std::ranges::any_of(
      service.entities, [](const Entity& entity) { return !entity.events.empty(); });
  if (has_events) plan.steps.emplace_back(CreateOutbox{});
  if (std::ranges::any_of(service.entities, &Entity::audit)) {
    plan.steps.emplace_back(CreateHistory{});
  }
  return plan;
}

}  // namespace kitgen::render
