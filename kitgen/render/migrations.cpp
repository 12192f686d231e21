// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/migrations.hpp"

#include <algorithm>
#include <optional>
#include <ranges>

#include "kitgen/model/naming.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::render {
namespace {

using model::Column;
using model::Field;
using model::ForeignKey;
using model::Index;
using model::Scalar;
using model::Service;
using model::Table;

std::string ident(const std::string& name) {
  return model::reserved_in(name) ? model::sql_ident(name) : name;
}

std::string idents(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + ident(name);
  return list;
}

std::string comment(const std::string& text) {
  std::string block;
  for (const std::string& line : model::comment_lines(text, 96)) {
    block += line.empty() ? "--\n" : "-- " + line + "\n";
  }
  return block;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

/// The smallest and largest value of a column, from the schema or else from its type; "" for none.
struct Bounds {
  std::string low;
  std::string high;
};

Bounds bounds_of(const Field& field) {
  Bounds bounds;
  if (field.type == Scalar::int32) {
    bounds = {"-2147483648", "2147483647"};
  } else if (field.type == Scalar::decimal) {
    const std::string nines(static_cast<std::size_t>(field.precision), '9');
    bounds = {"-" + nines, nines};
  }
  if (field.min) bounds.low = field.min->sql;
  if (field.max) bounds.high = field.max->sql;
  return bounds;
}

std::string length_check(const std::string& name, const Field& field) {
  const std::string length = "length(" + name + ")";
  if (field.min_length && field.max_length) {
    const std::string low = std::to_string(*field.min_length);
    const std::string high = std::to_string(*field.max_length);
    return low == high ? length + " = " + low : length + " BETWEEN " + low + " AND " + high;
  }
  if (field.min_length) return length + " >= " + std::to_string(*field.min_length);
  if (field.max_length) return length + " <= " + std::to_string(*field.max_length);
  return "";
}

std::string enum_check(const std::string& name, const model::Enum& type) {
  std::string list;
  for (const auto& value : type.values) {
    list += (list.empty() ? "" : ", ") + model::sql_literal(value.name);
  }
  return name + " IN (" + list + ")";
}

/// What the database itself refuses, as far as that is cheap: the last line behind the service's
/// own checks, for hand-written SQL.
std::string check_of(const Service& service, const Column& column, const Field& field) {
  const std::string name = ident(column.name);
  // No json_valid(): SQLite 3.40 calls it unsafe in a schema it does not trust, and kit trusts
  // none.
  if (field.is_array || field.type == Scalar::json) return "";
  switch (field.type) {
    case Scalar::string:
    case Scalar::text:
    case Scalar::email:
    case Scalar::url:
    case Scalar::bytes:
      return length_check(name, field);
    case Scalar::boolean:
      return name + " IN (0, 1)";
    case Scalar::uuid:
      return "length(" + name + ") = 36";
    case Scalar::enumeration:
      return enum_check(name, service.enums[field.enum_index]);
    case Scalar::id:
      return "";
    default:
      break;
  }
  const Bounds bounds = bounds_of(field);
  if (!bounds.low.empty() && !bounds.high.empty()) {
    return name + " BETWEEN " + bounds.low + " AND " + bounds.high;
  }
  if (!bounds.low.empty()) return name + " >= " + bounds.low;
  if (!bounds.high.empty()) return name + " <= " + bounds.high;
  return "";
}

std::string column_line(const Service& service, const Table& table, const Column& column,
                        const Field* field, std::size_t width) {
  std::string line = "  " + padded(ident(column.name), width) + " " + column.sql.sqlite;
  if (column.is_sequence) return line + " PRIMARY KEY AUTOINCREMENT";
  if (!column.nullable) line += " NOT NULL";
  if (column.is_primary_key && !table.is_pivot()) line += " PRIMARY KEY";
  if (!column.default_sql.empty()) line += " DEFAULT " + column.default_sql;
  if (field != nullptr) {
    const std::string check = check_of(service, column, *field);
    if (!check.empty()) line += " CHECK (" + check + ")";
  }
  return line;
}

std::string foreign_key_line(const Table& table, const ForeignKey& key) {
  std::string line = "  CONSTRAINT " + ident(key.name) + " FOREIGN KEY (" + ident(key.column) +
                     ") REFERENCES " + ident(key.target_table) + " (" + ident(key.target_column) +
                     ")\n    ON DELETE " + std::string(model::sql_name(key.on_delete));
  return table.defers(key) ? line + " DEFERRABLE INITIALLY DEFERRED" : line;
}

std::string up(const Service& service, const CreateTable& step) {
  const Table& table = *step.table;
  std::size_t width = 0;
  for (const Column& column : table.columns) width = std::max(width, ident(column.name).size());
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    lines.push_back(column_line(service, table, table.columns[i], step.fields[i], width));
  }
  if (table.is_pivot()) {
    std::vector<std::string> key;
    for (const Column& column : table.columns) {
      if (column.is_primary_key) key.push_back(column.name);
    }
    lines.push_back("  PRIMARY KEY (" + idents(key) + ")");
  }
  for (const ForeignKey& key : table.foreign_keys) lines.push_back(foreign_key_line(table, key));

  const model::Entity& entity = service.entities[table.entity];
  std::string text = "\n";
  text += table.is_pivot() ? comment(entity.relations[table.relation].doc) : comment(entity.doc);
  text += "CREATE TABLE " + ident(table.name) + " (\n";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    text += lines[i] + (i + 1 < lines.size() ? ",\n" : "\n");
  }
  return text + (table.is_pivot() ? ") STRICT, WITHOUT ROWID;\n" : ") STRICT;\n");
}

std::string up(const Service&, const CreateIndex& step) {
  const Index& index = step.index;
  std::string line = index.unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ";
  line += ident(index.name) + " ON " + ident(step.table->name) + " (" + idents(index.columns) + ")";
  if (!index.where_sql.empty()) line += " WHERE " + index.where_sql;
  return line + ";\n";
}

std::string up(const Service&, const CreateOutbox&) {
  return "\n-- Events that wait for their publication.\n"
         "CREATE TABLE kit_outbox (\n"
         "  id           INTEGER PRIMARY KEY AUTOINCREMENT,\n"
         "  type         TEXT NOT NULL,\n"
         "  payload      TEXT NOT NULL,\n"
         "  created_at   INTEGER NOT NULL,\n"
         "  published_at INTEGER\n"
         ") STRICT;\n"
         "CREATE INDEX ix_kit_outbox_waiting ON kit_outbox (id) WHERE published_at IS NULL;\n";
}

std::string up(const Service&, const CreateHistory&) {
  return "\n-- Who changed what in audited entities.\n"
         "CREATE TABLE kit_history (\n"
         "  id         INTEGER PRIMARY KEY AUTOINCREMENT,\n"
         "  entity     TEXT NOT NULL,\n"
         "  row_id     TEXT NOT NULL,\n"
         "  version    INTEGER,\n"
         "  at         INTEGER NOT NULL,\n"
         "  who        TEXT,\n"
         "  request_id TEXT,\n"
         "  operation  TEXT NOT NULL,\n"
         "  changes    TEXT NOT NULL\n"
         ") STRICT;\n"
         "CREATE INDEX ix_kit_history_row ON kit_history (entity, row_id, id);\n";
}

std::string down(const CreateTable& step) {
  return "DROP TABLE " + ident(step.table->name) + ";\n";
}
std::string down(const CreateIndex&) {
  return "";
}  // goes with its table
std::string down(const CreateOutbox&) {
  return "DROP TABLE kit_outbox;\n";
}
std::string down(const CreateHistory&) {
  return "DROP TABLE kit_history;\n";
}

std::string first_lines(const MigrationPlan& plan) {
  return "-- Generated by kitgen from " + model::cpp_comment(plan.origin) +
         ". History: once it ran somewhere, it stays as it is.\n";
}

}  // namespace

std::string sqlite_up(const MigrationPlan& plan) {
  std::string text = first_lines(plan);
  text +=
      "-- Decimals are whole numbers of their last digit, timestamps microseconds since 1970 UTC, "
      "dates days since\n-- 1970, times and durations microseconds.\n";
  for (const MigrationStep& step : plan.steps) {
    text += std::visit([&](const auto& each) { return up(*plan.service, each); }, step);
  }
  return text;
}

std::string sqlite_down(const MigrationPlan& plan) {
  std::string text = first_lines(plan) + "\n";
  for (const MigrationStep& step : plan.steps | std::views::reverse) {
    text += std::visit([](const auto& each) { return down(each); }, step);
  }
  return text;
}

kit::Result<std::vector<File>> render_migrations(const model::Service& service,
                                                 const Options& options) {
  std::vector<File> files;
  if (!options.with_orm && !options.all) return files;
  const MigrationPlan plan = plan_first_migration(service);
  const std::string stem = "migrations/" + plan.file_stem();
  files.push_back({stem + ".down.sql", sqlite_down(plan), Ownership::generated, false});
  files.push_back({stem + ".up.sql", sqlite_up(plan), Ownership::generated, false});
  return files;
}

}  // namespace kitgen::render
