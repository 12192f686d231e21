// SPDX-License-Identifier: Apache-2.0
#include "kitgen/evolve/snapshot_reader.hpp"

#include <algorithm>

#include "kit/base/text.hpp"
#include "kitgen/model/naming.hpp"
#include "kitgen/schema/diagnostics.hpp"

namespace kitgen::evolve {
namespace {

using schema::in_quotes;

constexpr std::size_t max_tables = 4'096;
constexpr std::int64_t max_number = 9'999;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The end of a quoted text that starts at `at`, a doubled quote being part of it; npos: it has
/// none.
std::size_t end_of_quoted(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] != quote) continue;
    if (i + 1 < text.size() && text[i + 1] == quote) {
      ++i;
    } else {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

bool take(std::string_view& text, std::string_view part) {
  if (!text.starts_with(part)) return false;
  text.remove_prefix(part.size());
  return true;
}

bool take_name(std::string_view& text) {
  if (text.starts_with('"')) {
    const std::size_t end = end_of_quoted(text, 0);
    if (end == std::string_view::npos || !model::is_identifier(text.substr(1, end - 2)))
      return false;
    text.remove_prefix(end);
    return true;
  }
  const std::size_t end = std::min(text.find(' '), text.size());
  if (!model::is_identifier(text.substr(0, end))) return false;
  text.remove_prefix(end);
  return true;
}

bool take_literal(std::string_view& text) {
  std::size_t end =
      text.starts_with('\'') ? end_of_quoted(text, 0) : std::min(text.find(' '), text.size());
  if (end == std::string_view::npos || !is_sql_literal(text.substr(0, end))) return false;
  text.remove_prefix(end);
  return true;
}

}  // namespace

bool is_sql_literal(std::string_view text) {
  if (text.starts_with('\'')) {
    return end_of_quoted(text, 0) == text.size() &&
           std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
  }
  const bool has_digit = std::ranges::any_of(text, is_digit);
  const bool is_plain = std::ranges::all_of(
      text, [](char c) { return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e'; });
  return has_digit && is_plain && kit::parse_double(text).has_value();
}

bool is_index_condition(std::string_view text) {
  do {
    if (!take_name(text)) return false;
    if (take(text, " = ")) {
      if (!take_literal(text)) return false;
    } else if (!take(text, " IS NOT NULL") && !take(text, " IS NULL")) {
      return false;
    }
  } while (take(text, " AND "));
  return text.empty();
}

void SnapshotReader::fail(const std::string& why) {
  if (problem_.empty()) problem_ = why;
}

const SnapshotReader::Value::Object& SnapshotReader::members(
    const Value& value, const std::string& where, std::initializer_list<std::string_view> known) {
  static const Value::Object none;
  const Value::Object* object = value.object();
  if (object == nullptr) {
    fail(where + " is no object");
    return none;
  }
  for (const auto& member : *object) {
    if (known.size() > 0 && std::ranges::find(known, member.name) == known.end())
      fail(where + " has the unknown key " + in_quotes(member.name));
  }
  return *object;
}

std::string SnapshotReader::text(const Value& object, std::string_view key,
                                 const std::string& where) {
  const Value* value = object.find(key);
  if (value == nullptr) return "";
  if (value->string() == nullptr) fail(where + ": " + in_quotes(key) + " is no text");
  return value->string() == nullptr ? "" : *value->string();
}

bool SnapshotReader::is_name(const std::string& text, const std::string& where) {
  if (model::is_identifier(text)) return true;
  fail(where + ": " + in_quotes(text) + " is no name");
  return false;
}

std::string SnapshotReader::name(const Value& object, std::string_view key,
                                 const std::string& where) {
  std::string value = text(object, key, where);
  if (value.empty()) fail(where + " has no " + in_quotes(key));
  is_name(value, where);
  return value;
}

bool SnapshotReader::flag(const Value& object, std::string_view key, const std::string& where) {
  const Value* value = object.find(key);
  if (value == nullptr) return false;
  if (value->boolean() == nullptr)
    fail(where + ": " + in_quotes(key) + " is neither true nor false");
  return value->boolean() != nullptr && *value->boolean();
}

std::int64_t SnapshotReader::number(const Value& object, std::string_view key,
                                    const std::string& where, std::int64_t max) {
  const Value* value = object.find(key);
  if (value == nullptr) return 0;
  const std::int64_t* number = value->int64();
  if (number != nullptr && *number >= 0 && *number <= max) return *number;
  fail(where + ": " + in_quotes(key) + " is no whole number from 0 to " + std::to_string(max));
  return 0;
}

std::vector<std::string> SnapshotReader::names(const Value& object, std::string_view key,
                                               const std::string& where) {
  std::vector<std::string> result;
  const Value* value = object.find(key);
  if (value == nullptr) return result;
  if (value->array() == nullptr) {
    fail(where + ": " + in_quotes(key) + " is no list");
    return result;
  }
  for (const Value& each : *value->array()) {
    if (each.string() == nullptr) {
      fail(where + ": " + in_quotes(key) + " holds something that is no text");
    } else if (is_name(*each.string(), where)) {
      result.push_back(*each.string());
    }
  }
  return result;
}

std::string SnapshotReader::literal(const Value& object, std::string_view key,
                                    const std::string& where) {
  std::string value = text(object, key, where);
  if (!value.empty() && !is_sql_literal(value))
    fail(where + ": " + in_quotes(key) + " is no literal of SQL: " + in_quotes(value));
  return value;
}

Column SnapshotReader::column(const std::string& name, const Value& value,
                              const std::string& where) {
  members(value, where,
          {"type", "array", "uuid", "precision", "scale", "optional", "key", "sequence", "default",
           "min", "max", "min_length", "max_length", "values"});
  Column column;
  column.name = name;
  const std::string type = text(value, "type", where);
  const auto known = std::ranges::find(snapshot_type_names, type);
  if (known == snapshot_type_names.end()) {
    fail(where + " has the unknown type " + in_quotes(type));
  } else {
    column.type = static_cast<model::Scalar>(known - snapshot_type_names.begin());
  }
  column.is_array = flag(value, "array", where);
  column.is_uuid = flag(value, "uuid", where);
  column.precision = static_cast<int>(number(value, "precision", where, 18));
  column.scale = static_cast<int>(number(value, "scale", where, 18));
  column.nullable = flag(value, "optional", where);
  column.key = static_cast<int>(number(value, "key", where, 2));
  column.is_sequence = flag(value, "sequence", where);
  column.default_sql = literal(value, "default", where);
  column.low = literal(value, "min", where);
  column.high = literal(value, "max", where);
  constexpr std::int64_t longest = 4'294'967'295;
  for (const auto& [key, length] :
       {std::pair{"min_length", &column.min_length}, std::pair{"max_length", &column.max_length}}) {
    if (value.find(key) != nullptr)
      *length = static_cast<std::uint32_t>(number(value, key, where, longest));
  }
  column.values = names(value, "values", where);
  const bool is_decimal = column.type == model::Scalar::decimal;
  if (is_decimal && (column.precision < 1 || column.scale > column.precision))
    fail(where + " is a decimal of impossible digits");
  if ((column.type == model::Scalar::enumeration) == column.values.empty())
    fail(where + ": an enum, and nothing else, has values");
  return column;
}

ForeignKey SnapshotReader::foreign_key(const std::string& name, const Value& value,
                                       const std::string& where) {
  members(value, where, {"column", "target", "on_delete", "deferred"});
  ForeignKey key;
  key.name = name;
  key.column = this->name(value, "column", where);
  key.target = this->name(value, "target", where);
  key.deferred = flag(value, "deferred", where);
  const std::string action = text(value, "on_delete", where);
  for (const auto known :
       {model::OnDelete::restrict_delete, model::OnDelete::cascade, model::OnDelete::set_null}) {
    if (model::sql_name(known) != action) continue;
    key.on_delete = known;
    return key;
  }
  fail(where + " has the unknown on_delete " + in_quotes(action));
  return key;
}

Index SnapshotReader::index(const std::string& name, const Value& value, const std::string& where) {
  members(value, where, {"columns", "unique", "where"});
  Index index;
  index.name = name;
  index.columns = names(value, "columns", where);
  index.unique = flag(value, "unique", where);
  index.where_sql = text(value, "where", where);
  if (index.columns.empty()) fail(where + " has no columns");
  if (!index.where_sql.empty() && !is_index_condition(index.where_sql))
    fail(where + ": " + in_quotes(index.where_sql) + " is no condition of an index");
  return index;
}

Table SnapshotReader::table(const std::string& name, const Value& value) {
  const std::string where = "table " + in_quotes(name);
  members(value, where, {"entity", "relation", "columns", "foreign_keys", "indexes"});
  Table table;
  table.name = name;
  is_name(name, "tables");
  table.entity = this->name(value, "entity", where);
  if (value.find("relation") != nullptr) table.relation = this->name(value, "relation", where);
  const auto each = [&](std::string_view key, auto read) {
    for (const auto& member : members(value[key], where + ", " + std::string(key), {})) {
      const std::string here = where + ", " + in_quotes(member.name);
      if (is_name(member.name, where)) read(member, here);
    }
  };
  each("columns", [&](const auto& member, const std::string& here) {
    table.columns.push_back(column(member.name, member.value, here));
  });
  each("foreign_keys", [&](const auto& member, const std::string& here) {
    table.foreign_keys.push_back(foreign_key(member.name, member.value, here));
  });
  each("indexes", [&](const auto& member, const std::string& here) {
    table.indexes.push_back(index(member.name, member.value, here));
  });
  // The key first, as people write tables.
  std::ranges::sort(table.columns, {}, [](const Column& column) {
    return std::pair(column.key == 0 ? 3 : column.key, column.name);
  });
  check_columns(table);
  return table;
}

void SnapshotReader::check_columns(const Table& table) {
  const std::string where = "table " + in_quotes(table.name);
  const auto keys =
      std::ranges::count_if(table.columns, [](const Column& column) { return column.key > 0; });
  const bool is_fit = !table.columns.empty() && table.columns.front().key == 1 &&
                      keys == (table.is_pivot() ? 2 : 1) &&
                      (!table.is_pivot() || table.columns[1].key == 2);
  if (!is_fit) fail(where + " has no fitting primary key");
  for (const Index& index : table.indexes) {
    for (const std::string& column : index.columns) {
      if (table.find(column) == nullptr)
        fail(where + ": index " + in_quotes(index.name) + " names the unknown column " +
             in_quotes(column));
    }
  }
  for (const ForeignKey& key : table.foreign_keys) {
    if (table.find(key.column) == nullptr)
      fail(where + ": foreign key " + in_quotes(key.name) + " names the unknown column " +
           in_quotes(key.column));
  }
}

void SnapshotReader::check_references(const Catalogue& catalogue) {
  for (const Table& table : catalogue.tables) {
    for (const ForeignKey& key : table.foreign_keys) {
      if (catalogue.find(key.target) == nullptr)
        fail("table " + in_quotes(table.name) + " refers to the unknown table " +
             in_quotes(key.target));
    }
  }
}

kit::Result<Snapshot> SnapshotReader::read(std::string_view text, const std::string& path) {
  Snapshot snapshot;
  const auto broken = [&path](const std::string& why) {
    return kit::Error(kit::Code::data_loss,
                      path + ": " + why +
                          "; take the file from version control (after a merge: the union of both "
                          "sides)");
  };
  if (text.size() > max_snapshot_bytes) return broken("larger than 8 MiB");
  auto document = Value::parse(text);
  if (!document) return broken(document.error().message());
  members(*document, "the snapshot", {"version", "migration", "tables", "system"});
  if (number(*document, "version", "the snapshot", 1) != 1)
    fail("this version of kitgen reads snapshots of version 1");
  snapshot.migration = static_cast<int>(number(*document, "migration", "the snapshot", max_number));
  const Value::Object& tables = members((*document)["tables"], "tables", {});
  if (tables.size() > max_tables) fail("more than 4096 tables");
  for (const auto& member : tables) {
    if (!ok()) break;
    snapshot.catalogue.tables.push_back(table(member.name, member.value));
  }
  snapshot.catalogue.system = names(*document, "system", "system");
  for (const std::string& name : snapshot.catalogue.system) {
    if (find_system_table(name) == nullptr)
      fail("system names the unknown table " + in_quotes(name));
  }
  std::ranges::sort(snapshot.catalogue.system);
  if (ok()) check_references(snapshot.catalogue);
  if (!ok()) return broken(problem_);
  return snapshot;
}

}  // namespace kitgen::evolve
