// SPDX-License-Identifier: Apache-2.0
#include "kitgen/evolve/snapshot.hpp"

#include <algorithm>
#include <map>

#include "kit/json/writer.hpp"
#include "kitgen/evolve/conversion.hpp"
#include "kitgen/evolve/snapshot_reader.hpp"

namespace kitgen::evolve {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  kit::json::Writer writer(out);
  writer.string(text);
  return out;
}

/// {"a": 1, "b": true} in one line.
class Line {
 public:
  void raw(std::string_view key, const std::string& value) {
    text_ += (text_.empty() ? "" : ", ") + quoted(key) + ": " + value;
  }
  void text(std::string_view key, const std::string& value) {
    if (!value.empty()) raw(key, quoted(value));
  }
  void number(std::string_view key, std::int64_t value) {
    if (value != 0) raw(key, std::to_string(value));
  }
  void flag(std::string_view key, bool value) {
    if (value) raw(key, "true");
  }
  void texts(std::string_view key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    std::string list;
    for (const std::string& value : values) list += (list.empty() ? "" : ", ") + quoted(value);
    raw(key, "[" + list + "]");
  }
  std::string done() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

std::string line_of(const Column& column) {
  Line line;
  line.raw("type", quoted(snapshot_type_name(column.type)));
  line.flag("array", column.is_array);
  line.flag("uuid", column.is_uuid);
  line.number("precision", column.precision);
  line.number("scale", column.scale);
  line.flag("optional", column.nullable);
  line.number("key", column.key);
  line.flag("sequence", column.is_sequence);
  line.text("default", column.default_sql);
  line.text("min", column.low);
  line.text("max", column.high);
  if (column.min_length) line.raw("min_length", std::to_string(*column.min_length));
  if (column.max_length) line.raw("max_length", std::to_string(*column.max_length));
  line.texts("values", column.values);
  return line.done();
}

std::string line_of(const ForeignKey& key) {
  Line line;
  line.text("column", key.column);
  line.text("target", key.target);
  line.raw("on_delete", quoted(model::sql_name(key.on_delete)));
  line.flag("deferred", key.deferred);
  return line.done();
}

std::string line_of(const Index& index) {
  Line line;
  line.texts("columns", index.columns);
  line.flag("unique", index.unique);
  line.text("where", index.where_sql);
  return line.done();
}

template <class T>
void write_section(std::string& out, std::string_view key, const std::vector<T>& things) {
  std::map<std::string, std::string> lines;
  for (const T& thing : things) lines[thing.name] = line_of(thing);
  out += ",\n      " + quoted(key) + ": {";
  bool first = true;
  for (const auto& [name, line] : lines) {
    out += (first ? "\n        " : ",\n        ") + quoted(name) + ": " + line;
    first = false;
  }
  out += first ? "}" : "\n      }";
}

}  // namespace

std::string_view snapshot_type_name(model::Scalar type) {
  return snapshot_type_names[static_cast<std::size_t>(type)];
}

std::string Snapshot::to_text() const {
  std::string out = "{\n  \"version\": 1,\n  \"migration\": " + std::to_string(migration);
  std::map<std::string, const Table*> tables;
  for (const Table& table : catalogue.tables) tables[table.name] = &table;
  out += ",\n  \"tables\": {";
  bool first = true;
  for (const auto& [name, table] : tables) {
    out += (first ? "\n    " : ",\n    ") + quoted(name) +
           ": {\n      \"entity\": " + quoted(table->entity);
    first = false;
    if (table->is_pivot()) out += ",\n      \"relation\": " + quoted(table->relation);
    write_section(out, "columns", table->columns);
    write_section(out, "foreign_keys", table->foreign_keys);
    write_section(out, "indexes", table->indexes);
    out += "\n    }";
  }
  out += first ? "}" : "\n  }";
  out += ",\n  \"system\": [";
  first = true;
  for (const std::string& name : catalogue.system) {
    out += (first ? "\n    " : ",\n    ") + quoted(name);
    first = false;
  }
  out += first ? "]" : "\n  ]";
  return out + "\n}\n";
}

std::string snapshot_path(std::string_view dialect) {
  return ".kit/schema." + (dialect.empty() ? "" : std::string(dialect) + ".") + "json";
}

bool is_snapshot(std::string_view path) {
  return path.starts_with(".kit/schema.") && path.ends_with(".json");
}

kit::Result<Snapshot> Snapshot::parse(std::string_view text, const std::string& path) {
  return SnapshotReader().read(text, path);
}

}  // namespace kitgen::evolve
