// SPDX-License-Identifier: Apache-2.0
#include "tests/evolution/model.hpp"

#include <algorithm>
#include <set>

#include "tests/evolution/values.hpp"

namespace evolution {
namespace {

Column automatic(const std::string& name, Type type, bool optional = false) {
  Column column;
  column.name = column.identity = name;
  column.field.name = name;
  column.field.type = type;
  column.field.optional = optional;
  return column;
}

Column of_field(const Field& field) {
  Column column;
  column.name = field.name;
  column.identity = "field " + std::to_string(field.uid);
  column.field = field;
  return column;
}

/// The columns that a declared field has.
std::vector<Column> columns_of(const Field& field) {
  std::vector<Column> columns(1, of_field(field));
  const auto add = [&](const std::string& what, Field part) {
    Column column = of_field(field);
    column.name += "_" + what;
    column.identity += " " + what;
    part.name = column.name;
    part.optional = field.optional;
    column.field = std::move(part);
    columns.push_back(std::move(column));
  };
  if (field.is_money) {
    Field currency;
    currency.low = currency.high = 3;
    if (!field.currency.empty()) currency.default_value = Value(field.currency);
    add("currency", currency);
  }
  if (field.type == Type::geo) {
    columns.clear();
    Field angle;
    angle.type = Type::float64;
    for (const auto& [what, limit] : {std::pair("latitude", 90), std::pair("longitude", 180)}) {
      angle.high = limit;
      angle.low = -limit;
      add(what, angle);
    }
  }
  return columns;
}

Column of_id(const Schema& schema, int target, const std::string& name,
             const std::string& identity) {
  Column column = automatic(name, Type::id);
  column.identity = identity;
  column.field.is_uuid = schema.find(target)->is_uuid;
  return column;
}

class Describer {
 public:
  Describer(const Schema& schema, const kitgen::model::Service& service)
      : schema_(schema), service_(service) {}

  Database describe() {
    Database database;
    for (const Entity& entity : schema_.entities) {
      database.tables.push_back(entity_table(entity));
      for (const Links& links : entity.links) database.tables.push_back(pivot(entity, links));
    }
    return database;
  }

 private:
  std::string table_of(int entity) const {
    return service_.find_entity(schema_.find(entity)->name)->table;
  }

  Table entity_table(const Entity& entity) const {
    Table table;
    table.name = table_of(entity.uid);
    table.identity = "entity " + std::to_string(entity.uid);
    table.is_sequence = !entity.is_uuid;
    table.columns.push_back(of_id(schema_, entity.uid, "id", "id"));
    for (const Field& field : entity.fields) {
      for (Column& column : columns_of(field)) table.columns.push_back(std::move(column));
    }
    for (const Reference& each : entity.references) {
      Column column = of_field(each.field);
      column.name += "_id";
      column.field.is_uuid = schema_.find(each.target)->is_uuid;
      column.target = table_of(each.target);
      table.columns.push_back(std::move(column));
    }
    for (const char* name : {"created_at", "updated_at"})
      table.columns.push_back(automatic(name, Type::timestamp));
    if (entity.version) {
      Column version = automatic("version", Type::int64);
      version.field.default_value = Value(std::int64_t{1});
      table.columns.push_back(std::move(version));
    }
    if (entity.soft_delete) table.columns.push_back(automatic("deleted_at", Type::timestamp, true));
    for (const Field& field : entity.fields) {
      if (field.unique) table.uniques.push_back({{field.name}, {}, entity.soft_delete});
    }
    for (const Reference& each : entity.references) {
      if (each.field.unique)
        table.uniques.push_back({{each.field.name + "_id"}, {}, entity.soft_delete});
    }
    for (const Index& index : entity.indexes) {
      if (!index.unique) continue;
      Unique unique;
      unique.live_only = entity.soft_delete;
      for (const Column& column : table.columns) {
        const auto is = [&](int field) {
          return column.identity == "field " + std::to_string(field);
        };
        if (std::ranges::any_of(index.fields, is)) unique.columns.push_back(column.name);
        if (index.where != 0 && is(index.where)) unique.not_null.push_back(column.name);
      }
      table.uniques.push_back(std::move(unique));
    }
    return table;
  }

  Table pivot(const Entity& entity, const Links& links) const {
    const auto* owner = service_.find_entity(entity.name);
    const auto& pivot = *owner->find_relation(links.name)->pivot;
    Table table;
    table.name = pivot.table;
    table.identity = "links " + std::to_string(links.uid);
    table.is_pivot = true;
    table.columns.push_back(of_id(schema_, entity.uid, pivot.left_column, "left"));
    table.columns.push_back(of_id(schema_, links.target, pivot.right_column, "right"));
    table.columns[0].target = table_of(entity.uid);
    table.columns[1].target = table_of(links.target);
    for (const Field& field : links.fields) {
      for (Column& column : columns_of(field)) table.columns.push_back(std::move(column));
    }
    table.uniques.push_back({{pivot.left_column, pivot.right_column}, {}, false});
    for (const Field& field : links.fields) {
      if (field.unique) table.uniques.push_back({{field.name}, {}, false});
    }
    return table;
  }

  const Schema& schema_;
  const kitgen::model::Service& service_;
};

class Follower {
 public:
  Follower(const Schema& a, const Database& from, const Schema& b, const Database& to,
           const Rows& rows)
      : a_(a), from_(from), b_(b), to_(to), rows_(rows) {}

  Outcome follow() {
    for (const Table& table : to_.tables) {
      auto& made = outcome_.rows[table.name];
      const Table* before = from_.by_identity(table.identity);
      const auto rows = before != nullptr ? rows_.find(before->name) : rows_.end();
      if (rows == rows_.end()) continue;
      for (const Row& row : rows->second) made.push_back(row_of(*before, table, row));
    }
    for (const Table& table : to_.tables) {
      check_uniques(table);
      check_references(table);
    }
    return std::move(outcome_);
  }

 private:
  void refuse(const Table& table, const std::string& column, const std::string& why) {
    if (outcome_.refusal.empty()) outcome_.refusal = table.name + "." + column + " " + why;
  }

  Row row_of(const Table& before, const Table& table, const Row& row) {
    Row made;
    for (const Column& column : table.columns) {
      const Column* was = before.by_identity(column.identity);
      Value value;
      if (was != nullptr) value = kept(table, *was, column, row.at(was->name));
      if (was == nullptr || (is_null(value) && !column.field.optional && was->field.optional))
        value = filled(before, table, column, row);
      if (value != any_time && !is_allowed(b_, column.field, value))
        refuse(table, column.name, "does not take " + to_text(value));
      made[column.name] = std::move(value);
    }
    return made;
  }

  Value kept(const Table& table, const Column& was, const Column& column, const Value& value) {
    const Value renamed = renamed_value(a_, was.field, b_, column.field, value);
    auto converted = convert(was.field, column.field, renamed);
    if (converted) return std::move(*converted);
    refuse(table, column.name, "can not become of " + to_text(value));
    return Value();
  }

  Value filled(const Table& before, const Table& table, const Column& column, const Row& row) {
    const Field& field = column.field;
    if (field.backfill_from != 0) {
      const Column* source = before.by_identity("field " + std::to_string(field.backfill_from));
      return kept(table, *source, column, row.at(source->name));
    }
    if (field.backfill) return *field.backfill;
    if (field.default_value) return *field.default_value;
    return Value();
  }

  void check_uniques(const Table& table) {
    for (const Unique& unique : table.uniques) {
      std::set<std::string> seen;
      for (const Row& row : outcome_.rows[table.name]) {
        if (unique.live_only && !is_null(row.at("deleted_at"))) continue;
        std::string key;
        bool counts = std::ranges::none_of(
            unique.not_null, [&](const std::string& column) { return is_null(row.at(column)); });
        for (const std::string& column : unique.columns) {
          counts = counts && !is_null(row.at(column));
          key += to_text(row.at(column)) + "\n";
        }
        if (counts && !seen.insert(key).second) refuse(table, unique.columns[0], "is not unique");
      }
    }
  }

  void check_references(const Table& table) {
    for (const Column& column : table.columns) {
      if (column.target.empty()) continue;
      const auto& targets = outcome_.rows[column.target];
      for (const Row& row : outcome_.rows[table.name]) {
        const Value& id = row.at(column.name);
        const bool is_there = is_null(id) || std::ranges::any_of(targets, [&](const Row& target) {
                                return target.at("id") == id;
                              });
        if (!is_there) refuse(table, column.name, "refers to no row");
      }
    }
  }

  const Schema& a_;
  const Database& from_;
  const Schema& b_;
  const Database& to_;
  const Rows& rows_;
  Outcome outcome_;
};

}  // namespace

const Column* Table::by_identity(const std::string& column) const {
  const auto found = std::ranges::find(columns, column, &Column::identity);
  return found == columns.end() ? nullptr : &*found;
}
const Column* Table::by_name(const std::string& column) const {
  const auto found = std::ranges::find(columns, column, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}
const Table* Database::by_identity(const std::string& table) const {
  const auto found = std::ranges::find(tables, table, &Table::identity);
  return found == tables.end() ? nullptr : &*found;
}
const Table* Database::by_name(const std::string& table) const {
  const auto found = std::ranges::find(tables, table, &Table::name);
  return found == tables.end() ? nullptr : &*found;
}

Database describe(const Schema& schema, const kitgen::model::Service& service) {
  return Describer(schema, service).describe();
}

Value renamed_value(const Schema& a, const Field& from, const Schema& b, const Field& to,
                    const Value& value) {
  const bool is_one = from.type == Type::enumeration && to.type == Type::enumeration &&
                      from.enumeration == to.enumeration && from.is_array == to.is_array &&
                      !is_null(value);
  if (!is_one) return value;
  const auto& before = a.enum_of(from).values;
  const auto& after = b.enum_of(to).values;
  const auto renamed = [&](const std::string& name) {
    const auto was = std::ranges::find(before, name, &EnumValue::name);
    if (was == before.end()) return name;
    const auto is = std::ranges::find(after, was->uid, &EnumValue::uid);
    return is == after.end() ? name : is->name;
  };
  const auto& text = std::get<std::string>(value);
  if (!from.is_array) return renamed(text);
  std::string array;
  std::size_t at = 0;
  // Every second piece between quotation marks is a name.
  for (bool is_name = false; at <= text.size(); is_name = !is_name) {
    const std::size_t end = std::min(text.find('"', at), text.size());
    const std::string piece = text.substr(at, end - at);
    array += is_name ? renamed(piece) : piece;
    if (end < text.size()) array += '"';
    at = end + 1;
  }
  return array;
}

std::string plan_refusal(const Schema&, const Database& from, const Schema&, const Database& to) {
  for (const Table& table : to.tables) {
    const Table* before = from.by_identity(table.identity);
    if (before == nullptr) continue;
    for (const Column& column : table.columns) {
      const Column* was = before->by_identity(column.identity);
      const Field& field = column.field;
      const std::string name = table.name + "." + column.name;
      if (was != nullptr && !can_convert(was->field, field)) return name + " keeps no data";
      const bool needs_value = !field.optional && (was == nullptr || was->field.optional);
      const bool has_value = field.default_value || field.backfill || field.backfill_from != 0;
      if (needs_value && !has_value) return name + " has no value for the rows of before";
      if (field.backfill_from == 0 || (was != nullptr && !needs_value)) continue;
      const Column* source = before->by_identity("field " + std::to_string(field.backfill_from));
      if (source == nullptr || !can_convert(source->field, field))
        return name + " takes its value from what can not give it";
    }
  }
  return "";
}

Outcome rows_after(const Schema& a, const Database& from, const Schema& b, const Database& to,
                   const Rows& rows) {
  return Follower(a, from, b, to, rows).follow();
}

}  // namespace evolution
