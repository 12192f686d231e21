// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kit/base/decimal.hpp"
#include "kit/base/text.hpp"
#include "kitgen/evolve/sqlite_text.hpp"
#include "kitgen/model/naming.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::evolve::sqlite {
namespace {

using model::Scalar;

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string type_of(const Column& column) {
  model::Field field;
  field.type = column.type;
  field.is_array = column.is_array;
  return model::sql_types(field, column.is_uuid ? model::IdKind::uuid : model::IdKind::sequence)
      .sqlite;
}

std::string length_rule(const Column& column, const std::string& value) {
  const std::string length = "length(" + value + ")";
  if (column.min_length && column.max_length) {
    const std::string low = std::to_string(*column.min_length);
    const std::string high = std::to_string(*column.max_length);
    return low == high ? length + " = " + low : length + " BETWEEN " + low + " AND " + high;
  }
  if (column.min_length) return length + " >= " + std::to_string(*column.min_length);
  if (column.max_length) return length + " <= " + std::to_string(*column.max_length);
  return "";
}

std::string value_list(const Column& column) {
  std::string list;
  for (const std::string& value : column.values) {
    list += (list.empty() ? "" : ", ") + model::sql_literal(value);
  }
  return list;
}

/// "12.50" of 1250 in a decimal of two digits behind the point.
std::string shown(const Column& column, const std::string& literal) {
  const auto number = kit::parse_int(literal);
  if (column.type != Scalar::decimal || !number) return literal;
  return kit::Decimal(*number, column.scale).to_string();
}

bool is_text(const Column& column) {
  return column.type == Scalar::string || column.type == Scalar::text ||
         column.type == Scalar::email || column.type == Scalar::url;
}

std::string reference(const ForeignKey& key, const std::string& gap) {
  const std::string text = "REFERENCES " + ident(key.target) + " (id)" + gap + "ON DELETE " +
                           std::string(model::sql_name(key.on_delete));
  return key.deferred ? text + " DEFERRABLE INITIALLY DEFERRED" : text;
}

}  // namespace

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

std::string rule_of(const Column& column, const std::string& value) {
  // No json_valid(): SQLite 3.40 calls it unsafe in a schema it does not trust, and kit trusts
  // none.
  if (column.is_array || column.type == Scalar::json || column.type == Scalar::id) return "";
  if (is_text(column) || column.type == Scalar::bytes) return length_rule(column, value);
  if (column.type == Scalar::boolean) return value + " IN (0, 1)";
  if (column.type == Scalar::uuid) return "length(" + value + ") = 36";
  if (column.type == Scalar::enumeration) return value + " IN (" + value_list(column) + ")";
  const auto [low, high] = bounds_of(column);
  if (!low.empty() && !high.empty()) return value + " BETWEEN " + low + " AND " + high;
  if (!low.empty()) return value + " >= " + low;
  if (!high.empty()) return value + " <= " + high;
  return "";
}

std::string rule_text(const Column& column) {
  if (column.type == Scalar::boolean) return "true or false";
  if (column.type == Scalar::uuid) return "a uuid";
  if (column.type == Scalar::enumeration) {
    std::string list;
    for (const std::string& value : column.values) list += (list.empty() ? "" : ", ") + value;
    return "one of " + list;
  }
  if (is_text(column) || column.type == Scalar::bytes) {
    const std::string unit = column.type == Scalar::bytes ? " bytes" : " characters";
    if (column.min_length && column.max_length) {
      return "of " + std::to_string(*column.min_length) + " to " +
             std::to_string(*column.max_length) + unit;
    }
    return column.min_length ? "of at least " + std::to_string(*column.min_length) + unit
                             : "of at most " + std::to_string(column.max_length.value_or(0)) + unit;
  }
  const auto [low, high] = bounds_of(column);
  if (low.empty()) return "at most " + shown(column, high);
  if (high.empty()) return "at least " + shown(column, low);
  return "from " + shown(column, low) + " to " + shown(column, high);
}

std::string definition(const Table& table, const Column& column) {
  std::string text = type_of(column);
  if (column.is_sequence) return text + " PRIMARY KEY AUTOINCREMENT";
  if (!column.nullable) text += " NOT NULL";
  if (column.key > 0 && !table.is_pivot()) text += " PRIMARY KEY";
  if (!column.default_sql.empty()) text += " DEFAULT " + column.default_sql;
  const std::string rule = rule_of(column, ident(column.name));
  return rule.empty() ? text : text + " CHECK (" + rule + ")";
}

std::string inline_reference(const ForeignKey& key) {
  return " CONSTRAINT " + ident(key.name) + " " + reference(key, " ");
}

std::string create_table(const Table& table, const std::string& name) {
  std::size_t width = 0;
  for (const Column& column : table.columns) width = std::max(width, ident(column.name).size());
  std::vector<std::string> lines;
  for (const Column& column : table.columns) {
    lines.push_back("  " + padded(ident(column.name), width) + " " + definition(table, column));
  }
  if (table.is_pivot()) {
    std::vector<const Column*> keys;
    for (const Column& column : table.columns) {
      if (column.key > 0) keys.push_back(&column);
    }
    std::ranges::sort(keys, {}, &Column::key);
    std::vector<std::string> names;
    for (const Column* key : keys) names.push_back(key->name);
    lines.push_back("  PRIMARY KEY (" + idents(names) + ")");
  }
  for (const ForeignKey& key : table.foreign_keys) {
    lines.push_back("  CONSTRAINT " + ident(key.name) + " FOREIGN KEY (" + ident(key.column) +
                    ") " + reference(key, "\n    "));
  }
  std::string text = "CREATE TABLE " + ident(name) + " (\n";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    text += lines[i] + (i + 1 < lines.size() ? ",\n" : "\n");
  }
  return text + (table.is_pivot() ? ") STRICT, WITHOUT ROWID;\n" : ") STRICT;\n");
}

std::string create_index(const std::string& table, const Index& index) {
  std::string line = index.unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ";
  line += ident(index.name) + " ON " + ident(table) + " (" + idents(index.columns) + ")";
  if (!index.where_sql.empty()) line += " WHERE " + index.where_sql;
  return line + ";\n";
}

}  // namespace kitgen::evolve::sqlite
