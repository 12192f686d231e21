// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kitgen/model/model.hpp"

/// How the storage of a service changes with its schema: catalogue (what there is to store) ->
/// difference (what became of what) -> plan (steps without a dialect) -> SQL.
namespace kitgen::evolve {

/// How rows that were there before a column get its value.
struct Backfill {
  enum class Source : std::uint8_t {
    none,
    literal,  ///< `text` is an SQL literal.
    now,      ///< The time of the migration.
    field,    ///< `text` is the name of another column of the same row, as it was before.
  };
  Source source = Source::none;
  std::string text;
};

/// What the schema says about a change, and where: no part of the storage. Two hints are always
/// equal, so that catalogues compare by what they store.
struct Hints {
  std::string renamed_from;
  std::vector<std::pair<std::string, std::string>> renamed_values;  ///< Former name, name.
  Backfill backfill;
  std::string doc;
  int line = 0;  ///< 0: unknown (a snapshot's).
  int position = 0;
  std::string file;  ///< The included file of that line; "": the schema.
  friend bool operator==(const Hints&, const Hints&) { return true; }
};

/// Everything the definition of a column depends on.
struct Column {
  std::string name;
  model::Scalar type = model::Scalar::string;
  bool is_array = false;
  bool is_uuid = false;  ///< Of an id: of the kind uuid.
  int precision = 0;     ///< Of a decimal.
  int scale = 0;
  bool nullable = false;
  int key = 0;  ///< Its place in the primary key, from 1; 0: no part of it.
  bool is_sequence = false;
  std::string default_sql;  ///< "" for none
  std::string low;          ///< Bounds from the schema as SQL literals; "" for none.
  std::string high;
  std::optional<std::uint32_t> min_length;
  std::optional<std::uint32_t> max_length;
  std::vector<std::string> values;  ///< Of an enum, in order.
  Hints hints;
  bool operator==(const Column&) const = default;
};

/// The smallest and largest value of a number, from the schema or else from its type, as SQL
/// literals; "" for none.
struct Bounds {
  std::string low;
  std::string high;
};
Bounds bounds_of(const Column& column);

struct ForeignKey {
  std::string name;
  std::string column;
  std::string target;  ///< A table; its column is always "id".
  model::OnDelete on_delete = model::OnDelete::restrict_delete;
  bool deferred = false;  ///< Checked when the transaction ends.
  bool operator==(const ForeignKey&) const = default;
};

struct Index {
  std::string name;
  std::vector<std::string> columns;
  bool unique = false;
  std::string where_sql;  ///< "" for none
  bool operator==(const Index&) const = default;
};

struct Table {
  std::string name;
  std::string entity;    ///< "Customer"; of a pivot: the entity that declares it.
  std::string relation;  ///< Of a pivot: "tags"; else "".
  std::vector<Column> columns;
  std::vector<ForeignKey> foreign_keys;
  std::vector<Index>
      indexes;  ///< Those of the schema, then those that make deletes and lists quick.
  Hints hints;
  bool operator==(const Table&) const = default;

  bool is_pivot() const { return !relation.empty(); }
  const Column* find(std::string_view column) const;
  const ForeignKey* key_of(std::string_view column) const;
};

/// One text for each dialect.
struct SystemSql {
  std::string_view sqlite, postgres, mysql;
};

/// A table that the library needs, under some condition. Another one is one row more in
/// `system_tables`. One whose columns have changed is two rows: its name with "_v2" behind it is
/// the second form, and `system_changes` says how one becomes the other.
struct SystemTable {
  std::string_view name;
  bool (*is_wanted)(const model::Service&);
  std::string_view what_is_lost;  ///< When it is dropped.
  std::string_view sqlite;        ///< Its statements.
  std::string_view postgres;
  std::string_view mysql;
};
const std::vector<SystemTable>& system_tables();
/// Null when there is none.
const SystemTable* find_system_table(std::string_view form);
/// "kit_outbox" of "kit_outbox_v2".
std::string name_of_form(std::string_view form);

/// From one form of a table to the next, and back.
struct SystemChange {
  std::string_view before, after;
  SystemSql up, down;
  std::string_view what_is_lost;  ///< On the way back.
};
const std::vector<SystemChange>& system_changes();
/// That between two forms, in either direction; null when they are not of one table.
const SystemChange* change_of_system(std::string_view before, std::string_view after);

/// The storage of a service without a dialect.
struct Catalogue {
  std::vector<Table> tables;        ///< In an order in which they can be created.
  std::vector<std::string> system;  ///< Forms of `system_tables`, sorted.

  const Table* find(std::string_view table) const;
  /// Whether both store the same; the order of tables, columns, keys and indexes does not count.
  bool same_storage(const Catalogue& other) const;
};

/// A name that every database takes whole: PostgreSQL cuts longer ones off silently, so that two
/// could become one. A digest keeps them apart.
std::string limited_name(const std::string& name);

/// What a service stores. To the schema's own indexes come those without which deleting a parent or
/// a sorted page would read the whole table: one per foreign key and per sort field that leads none
/// yet.
Catalogue catalogue_of(const model::Service& service);

}  // namespace kitgen::evolve
