// SPDX-License-Identifier: Apache-2.0
#include "kitgen/evolve/catalogue.hpp"

#include <algorithm>

#include "kit/base/sha256.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::evolve {
namespace {

using model::Entity;
using model::Field;
using model::Scalar;
using model::Service;

std::string index_name(const std::string& table, const std::string& column) {
  return limited_name("ix_" + table + "_" + column);
}

const std::vector<Field>& fields_of(const Service& service, const model::Table& table) {
  const Entity& entity = service.entities[table.entity];
  return table.is_pivot() ? entity.relations[table.relation].pivot->fields : entity.fields;
}

Backfill backfill_of(const Field& field) {
  if (field.backfill && !field.backfill->field.empty()) {
    return {Backfill::Source::field, field.backfill->field};
  }
  const std::optional<model::Literal>& value =
      field.backfill ? field.backfill->value : field.default_value;
  if (!value) return {};
  if (value->is_now) return {Backfill::Source::now, ""};
  return {Backfill::Source::literal, value->sql};
}

Hints hints_of(const Service& service, const Field& field) {
  Hints hints;
  hints.renamed_from = field.renamed_from;
  hints.backfill = backfill_of(field);
  hints.doc = field.doc;
  hints.line = field.line;
  hints.position = field.position;
  hints.file = field.place_file;
  if (!field.is_enum()) return hints;
  for (const model::EnumValue& value : service.enums[field.enum_index].values) {
    if (!value.renamed_from.empty())
      hints.renamed_values.emplace_back(value.renamed_from, value.name);
  }
  return hints;
}

Column column_of(const Service& service, const Field& field, const model::Column& stored) {
  Column column;
  column.name = field.name;
  column.type = field.type;
  column.is_array = field.is_array;
  column.precision = field.precision;
  column.scale = field.scale;
  column.nullable = field.optional;
  column.is_sequence = stored.is_sequence;
  column.default_sql = stored.default_sql;
  if (field.min) column.low = field.min->sql;
  if (field.max) column.high = field.max->sql;
  column.min_length = field.min_length;
  column.max_length = field.max_length;
  if (field.type == Scalar::id) {
    column.is_uuid = service.entities[field.id_entity].id_kind == model::IdKind::uuid;
  }
  if (field.is_enum()) {
    for (const auto& value : service.enums[field.enum_index].values) {
      column.values.push_back(value.name);
    }
  }
  column.hints = hints_of(service, field);
  if (field.origin == model::Origin::version) {
    column.hints.backfill = {Backfill::Source::literal, stored.default_sql};
  }
  return column;
}

/// Whether looking rows up by `column` is already quick.
bool has_index_on(const Table& table, const std::string& column) {
  const auto key = std::ranges::find(table.columns, 1, &Column::key);
  if (key != table.columns.end() && key->name == column) return true;
  return std::ranges::any_of(table.indexes, [&](const Index& index) {
    return index.where_sql.empty() && !index.columns.empty() && index.columns.front() == column;
  });
}

void add_indexes(const Service& service, const model::Table& stored, Table& table) {
  const Entity& entity = service.entities[stored.entity];
  for (const model::Index& each : stored.indexes) {
    Index index{each.name, each.columns, each.unique, each.where_sql};
    // What was deleted does not stand in the way of its successor.
    if (!stored.is_pivot() && entity.soft_delete && index.unique) {
      index.where_sql +=
          (index.where_sql.empty() ? "" : " AND ") + std::string("deleted_at IS NULL");
    }
    table.indexes.push_back(std::move(index));
  }
  std::vector<std::string> wanted;
  for (const ForeignKey& key : table.foreign_keys) wanted.push_back(key.column);
  if (!stored.is_pivot()) {
    wanted.insert(wanted.end(), entity.list.sort.begin(), entity.list.sort.end());
  }
  for (const std::string& column : wanted) {
    if (has_index_on(table, column)) continue;
    // An index of the schema over some rows only may be called so already.
    std::string name = index_name(table.name, column);
    if (std::ranges::find(table.indexes, name, &Index::name) != table.indexes.end())
      name = index_name(table.name, column + "_all");
    table.indexes.push_back({std::move(name), {column}, false, ""});
  }
}

Table table_of(const Service& service, const model::Table& stored) {
  const Entity& entity = service.entities[stored.entity];
  Table table;
  table.name = stored.name;
  table.entity = entity.name;
  table.hints.line = entity.line;
  table.hints.position = entity.position;
  table.hints.file = entity.file;
  table.hints.renamed_from = entity.renamed_from;
  table.hints.doc = entity.doc;
  if (stored.is_pivot()) {
    const model::Relation& relation = entity.relations[stored.relation];
    table.relation = relation.name;
    table.hints = {relation.renamed_from, {}, {}, relation.doc, relation.line, relation.position,
                   relation.place_file};
  }
  int keys = 0;
  for (const model::Column& each : stored.columns) {
    const auto& fields = fields_of(service, stored);
    const auto field = std::ranges::find(fields, each.name, &Field::name);
    Column column = column_of(service, *field, each);
    if (each.is_primary_key) column.key = ++keys;
    if (column.hints.line == 0) {  // no word of its own
      column.hints.line = table.hints.line;
      column.hints.position = table.hints.position;
      column.hints.file = table.hints.file;
    }
    table.columns.push_back(std::move(column));
  }
  for (const model::ForeignKey& key : stored.foreign_keys) {
    table.foreign_keys.push_back(
        {key.name, key.column, key.target_table, key.on_delete, stored.defers(key)});
  }
  add_indexes(service, stored, table);
  return table;
}

template <class T>
std::vector<T> by_name(std::vector<T> things) {
  std::ranges::sort(things, {}, &T::name);
  return things;
}

Table sorted(Table table) {
  table.columns = by_name(std::move(table.columns));
  table.foreign_keys = by_name(std::move(table.foreign_keys));
  table.indexes = by_name(std::move(table.indexes));
  return table;
}

}  // namespace

std::string limited_name(const std::string& name) {
  if (name.size() <= model::max_name_length) return name;
  const std::string digest = kit::sha256_hex(name).substr(0, 8);
  return name.substr(0, model::max_name_length - 9) + "_" + digest;
}

Bounds bounds_of(const Column& column) {
  Bounds bounds;
  if (column.type == Scalar::int32) {
    bounds = {"-2147483648", "2147483647"};
  } else if (column.type == Scalar::decimal) {
    const std::string nines(static_cast<std::size_t>(column.precision), '9');
    bounds = {"-" + nines, nines};
  }
  if (!column.low.empty()) bounds.low = column.low;
  if (!column.high.empty()) bounds.high = column.high;
  return bounds;
}

const Column* Table::find(std::string_view column) const {
  const auto found = std::ranges::find(columns, column, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

const ForeignKey* Table::key_of(std::string_view column) const {
  const auto found = std::ranges::find(foreign_keys, column, &ForeignKey::column);
  return found == foreign_keys.end() ? nullptr : &*found;
}

const Table* Catalogue::find(std::string_view table) const {
  const auto found = std::ranges::find(tables, table, &Table::name);
  return found == tables.end() ? nullptr : &*found;
}

bool Catalogue::same_storage(const Catalogue& other) const {
  if (tables.size() != other.tables.size() || system != other.system) return false;
  return std::ranges::all_of(tables, [&](const Table& table) {
    const Table* twin = other.find(table.name);
    return twin != nullptr && sorted(table) == sorted(*twin);
  });
}

Catalogue catalogue_of(const Service& service) {
  Catalogue catalogue;
  for (const model::Table& table : service.tables) {
    catalogue.tables.push_back(table_of(service, table));
  }
  for (const SystemTable& table : system_tables()) {
    if (table.is_wanted(service)) catalogue.system.emplace_back(table.name);
  }
  std::ranges::sort(catalogue.system);
  return catalogue;
}

}  // namespace kitgen::evolve
