// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

/// What a database says of itself, in one form for every kind of database. Readers fill it and
/// decide nothing but what a type means; all text is as hostile as whoever made the database.
namespace kitgen::adopt {

/// What the values of a column are. `unknown`: nothing a schema can carry.
enum class Kind {
  boolean,
  int32,
  int64,
  float32,
  float64,
  decimal,
  string,
  text,
  bytes,
  date,
  time,
  timestamp,
  duration,
  uuid,
  json,
  enumeration,
  unknown
};

struct ColumnType {
  Kind kind = Kind::unknown;
  std::string declared;             ///< As the database writes it: "varchar(45)".
  std::optional<long long> length;  ///< Greatest length, when there is one.
  int precision = 0;                ///< Of decimals; 0: not said.
  int scale = 0;
  bool is_array = false;  ///< `kind` is the element's.
  bool is_unsigned = false;
  std::vector<std::string> values;  ///< Of an enumeration that has no name.
  std::string enum_name;            ///< Catalogue::enums
  std::string note;                 ///< What the nearest type of a schema does not carry.
};

struct Column {
  std::string name;
  ColumnType type;
  bool nullable = true;
  std::optional<std::string> default_sql;  ///< The expression.
  bool counts_up = false;                  ///< AUTO_INCREMENT, serial, identity.
  bool is_generated = false;
  std::string generated;         ///< The expression, where the database tells it.
  bool follows_changes = false;  ///< ON UPDATE CURRENT_TIMESTAMP
  std::string comment;
};

struct ForeignKey {
  std::vector<std::string> columns;
  std::string table;                       ///< What it points to.
  std::vector<std::string> table_columns;  ///< Empty: the primary key.
  std::string on_delete;                   ///< In capitals: "SET NULL"; "NO ACTION" is the usual.
  std::string on_update;
};

struct Index {
  std::string name;
  std::vector<std::string> columns;
  bool unique = false;
  std::string where;  ///< Condition of a partial index.
  std::string note;   ///< Why it cannot be carried: an expression, another kind of index.
  std::string loss;   ///< What of it is left out: a prefix, an order.
};

struct Check {
  std::string name;
  std::string expression;
};

struct Table {
  std::string name;
  std::string comment;
  std::vector<Column> columns;
  std::vector<std::string> primary_key;
  std::vector<ForeignKey> foreign_keys;
  std::vector<Index> indexes;  ///< Without the primary key's.
  std::vector<Check> checks;
  std::vector<std::string> triggers;  ///< Names.
  std::vector<std::string> notes;     ///< Partitions and the like, a sentence each.
};

struct EnumType {
  std::string name;
  std::vector<std::string> values;
  std::string comment;
};

struct Catalogue {
  std::string engine;  ///< "SQLite 3.40.1"
  std::string name;    ///< Of the database, for the service's name.
  std::vector<Table> tables;
  std::vector<EnumType> enums;
  std::vector<std::string> not_carried;  ///< "view customer_list", "function f": beside the tables.
};

}  // namespace kitgen::adopt
