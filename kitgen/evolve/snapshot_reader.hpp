// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "kit/json/value.hpp"
#include "kitgen/evolve/snapshot.hpp"

/// The strict reader of snapshots. Inner header of kitgen/evolve.
namespace kitgen::evolve {

inline constexpr std::array<std::string_view, 19> snapshot_type_names{
    "string", "text",   "email",   "url",  "int32", "int64",     "bool",
    "float",  "double", "decimal", "date", "time",  "timestamp", "duration",
    "uuid",   "json",   "bytes",   "enum", "id"};
std::string_view snapshot_type_name(model::Scalar type);

inline constexpr std::size_t max_snapshot_bytes = 8 * 1024 * 1024;

/// Takes a document apart; the first thing wrong with it ends it.
class SnapshotReader {
 public:
  /// `path`: the file that `text` is of, for messages.
  kit::Result<Snapshot> read(std::string_view text, const std::string& path);

 private:
  using Value = kit::json::Value;

  /// Notes what is wrong, once.
  void fail(const std::string& why);
  bool ok() const { return problem_.empty(); }

  /// The value's members, all of `known` names; empty after a failure.
  const Value::Object& members(const Value& value, const std::string& where,
                               std::initializer_list<std::string_view> known);
  std::string text(const Value& object, std::string_view key, const std::string& where);
  std::string name(const Value& object, std::string_view key, const std::string& where);
  bool flag(const Value& object, std::string_view key, const std::string& where);
  std::int64_t number(const Value& object, std::string_view key, const std::string& where,
                      std::int64_t max);
  std::vector<std::string> names(const Value& object, std::string_view key,
                                 const std::string& where);
  std::string literal(const Value& object, std::string_view key, const std::string& where);
  bool is_name(const std::string& text, const std::string& where);

  Table table(const std::string& name, const Value& value);
  Column column(const std::string& name, const Value& value, const std::string& where);
  ForeignKey foreign_key(const std::string& name, const Value& value, const std::string& where);
  Index index(const std::string& name, const Value& value, const std::string& where);
  void check_columns(const Table& table);
  void check_references(const Catalogue& catalogue);

  std::string problem_;
};

/// A number, a text in single quotes or x'00': what a snapshot may put into SQL.
bool is_sql_literal(std::string_view text);
/// `"name" IS NOT NULL AND "other" = 'x'`: the conditions that the schema's language has.
bool is_index_condition(std::string_view text);

}  // namespace kitgen::evolve
