// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kitgen/evolve/mysql_text.hpp"
#include "kitgen/evolve/sqlite_text.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::evolve::mysql {
namespace {

using sqlite::ident;

/// The characters of each text that an index has room for: 3072 bytes, four of them a character.
std::uint32_t room_for_texts(const Table& table, const Index& index) {
  constexpr std::uint32_t room = 3072;
  constexpr std::uint32_t of_others = 256;  // an enum; a uuid has 36
  std::uint32_t texts = 0;
  for (const std::string& name : index.columns) {
    const Column* column = table.find(name);
    if (column != nullptr && dialect().type_of(*column).find("char(36)") == std::string::npos &&
        column->max_length)
      ++texts;
  }
  const auto others = static_cast<std::uint32_t>(index.columns.size()) - texts;
  return texts == 0 ? room : (room - others * of_others) / 4 / texts;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

}  // namespace

std::string Dialect::type_of(const Column& column) const {
  model::Field field;
  field.type = column.type;
  field.is_array = column.is_array;
  field.precision = column.precision;
  field.scale = column.scale;
  field.max_length = column.max_length;
  const auto kind = column.is_uuid ? model::IdKind::uuid : model::IdKind::sequence;
  const std::string type = model::sql_types(field, kind).mysql;
  return type == "char(36)" ? "char(36) CHARACTER SET ascii COLLATE ascii_bin" : type;
}

std::string Dialect::in_condition(const Column& column) const {
  // What a generated column reads of a CHAR must not depend on PAD_CHAR_TO_FULL_LENGTH.
  const std::string name = ident(column.name);
  return type_of(column).starts_with("char(") ? "rtrim(" + name + ")" : name;
}

std::string default_of(const Column& column, const std::string& literal) {
  if (literal.empty()) return "";
  const std::string type = dialect().type_of(column);
  const bool is_long = type == "longtext" || type == "json" || type == "longblob";
  return " DEFAULT " + (is_long ? "(" + literal + ")" : literal);
}

std::string definition(const Column& column) {
  std::string text = dialect().type_of(column);
  text += column.nullable && column.key == 0 ? " NULL" : " NOT NULL";
  if (column.is_sequence) text += " AUTO_INCREMENT";
  return text + default_of(column, dialect().literal(column, column.default_sql));
}

std::string check_name(const std::string& table, const std::string& column) {
  return limited_name("ck_" + table + "_" + column);
}

std::string check_of(const std::string& table, const Column& column) {
  const std::string rule = server::rule_of(dialect(), column, ident(column.name));
  if (rule.empty()) return "";
  return "CONSTRAINT " + ident(check_name(table, column.name)) + " CHECK (" + rule + ")";
}

std::string index_column_name(const Index& index) {
  return index.unique && !index.where_sql.empty() ? limited_name("kit_in_" + index.name) : "";
}

std::string index_column(const Table& table, const Index& index) {
  const std::string name = index_column_name(index);
  if (name.empty()) return "";
  return ident(name) + " tinyint GENERATED ALWAYS AS (CASE WHEN " +
         server::condition(dialect(), table, index.where_sql) + " THEN 1 END) VIRTUAL INVISIBLE";
}

std::string index_definition(const Table& table, const Index& index) {
  std::string names;
  const std::uint32_t room = room_for_texts(table, index);
  for (const std::string& name : index.columns) {
    const Column* column = table.find(name);
    const bool is_long = column != nullptr && column->max_length.value_or(0) > room;
    names += (names.empty() ? "" : ", ") + ident(name);
    // A unique one needs the whole text: MariaDB keeps a hash of it then.
    if (is_long && !index.unique) names += "(" + std::to_string(room) + ")";
  }
  const std::string only = index_column_name(index);
  if (!only.empty()) names += ", " + ident(only);
  return (index.unique ? "UNIQUE INDEX " : "INDEX ") + ident(index.name) + " (" + names + ")";
}

std::string create_table(const Table& table, const std::vector<ForeignKey>& keys) {
  std::size_t width = 0;
  for (const Column& column : table.columns) width = std::max(width, ident(column.name).size());
  std::vector<std::string> lines;
  for (const Column& column : table.columns)
    lines.push_back(padded(ident(column.name), width) + " " + definition(column));
  for (const Index& index : table.indexes) {
    const std::string only = index_column(table, index);
    if (!only.empty()) lines.push_back(only);
  }
  lines.push_back("PRIMARY KEY (" + sqlite::idents(server::key_columns(table)) + ")");
  for (const Index& index : table.indexes) lines.push_back(index_definition(table, index));
  for (const Column& column : table.columns) {
    const std::string check = check_of(table.name, column);
    if (!check.empty()) lines.push_back(check);
  }
  for (const ForeignKey& key : table.foreign_keys) {
    if (std::ranges::find(keys, key) != keys.end())
      lines.push_back(server::foreign_key(key, false));
  }
  std::string text = "CREATE TABLE " + ident(table.name) + " (\n";
  for (std::size_t i = 0; i < lines.size(); ++i)
    text += "  " + lines[i] + (i + 1 < lines.size() ? ",\n" : "\n");
  return text + ") ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n";
}

std::string Alteration::sql(const std::string& table) const {
  return clauses_.empty() ? "" : "ALTER TABLE " + ident(table) + clauses_ + ";\n";
}

}  // namespace kitgen::evolve::mysql
