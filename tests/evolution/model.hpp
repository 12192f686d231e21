// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kitgen/model/model.hpp"
#include "tests/evolution/schema.hpp"

/// What has to become of the rows when one schema follows another. Nothing here knows how kitgen
/// does it.
namespace evolution {

/// A column of a table with what the schema says about it.
struct Column {
  std::string name;
  std::string identity;  ///< The same on both sides of a change: "field 12", "created_at".
  Field field;
  std::string target;  ///< Of a reference: the table; "" for none.
};

struct Unique {
  std::vector<std::string> columns;
  std::vector<std::string> not_null;  ///< Columns that are not null in the rows it holds.
  bool live_only = false;             ///< Rows that are not deleted softly.
};

struct Table {
  std::string name;
  std::string identity;  ///< "entity 3", "links 9"
  std::vector<Column> columns;
  std::vector<Unique> uniques;
  bool is_sequence = false;
  bool is_pivot = false;

  const Column* by_identity(const std::string& column) const;
  const Column* by_name(const std::string& column) const;
};

struct Database {
  std::vector<Table> tables;
  bool rewrites_json = false;  ///< It keeps what JSON says, not how it was written.
  const Table* by_identity(const std::string& table) const;
  const Table* by_name(const std::string& table) const;
};

/// The tables of a schema, under the names that the generator gave them.
Database describe(const Schema& schema, const kitgen::model::Service& service);

using Row = std::map<std::string, Value>;
using Rows = std::map<std::string, std::vector<Row>>;  ///< By table.

/// A value that no one can foresee: the time of the migration.
inline const Value any_time = std::string("(the time of the migration)");

/// Why kitgen has to refuse the change whatever the rows are; "" for not at all.
std::string plan_refusal(const Schema& a, const Database& from, const Schema& b,
                         const Database& to);

struct Outcome {
  std::string refusal;  ///< Why the rows stand in the way; "" when they don't.
  Rows rows;
};
/// What the rows become on the way up.
Outcome rows_after(const Schema& a, const Database& from, const Schema& b, const Database& to,
                   const Rows& rows);

/// A renamed value of an enum, by the name it has on the other side.
Value renamed_value(const Schema& a, const Field& from, const Schema& b, const Field& to,
                    const Value& value);

/// Why the way down has to be refused: what was null and got a value does not fit where it was, or
/// is not unique. "" for not at all. `rows` are those of before, `now` those between.
std::string undo_refusal(const Schema& a, const Database& before, const Schema& b,
                         const Database& between, const Rows& rows, const Rows& now);

/// What differs between the rows that should be there and those that are; "" for nothing.
std::string compare(const Database& database, const Rows& expected, const Rows& found);

/// The same on the way down: what was there before and in between must be there again. Values of
/// columns that were gone in between are made up, and so may be whole rows of tables that were.
std::string compare_undone(const Database& before, const Database& between, const Rows& expected,
                           const Rows& found);

}  // namespace evolution
