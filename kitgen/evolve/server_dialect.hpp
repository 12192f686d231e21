// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kit/base/function.hpp"
#include "kit/base/time.hpp"
#include "kitgen/evolve/plan.hpp"

/// What the SQL of PostgreSQL and of MySQL have in common. Inner header of kitgen/evolve.
namespace kitgen::evolve::server {

/// A value with what is wrong with the rows for which there is none.
struct Converted {
  std::string value;        ///< In a type wide enough for every row that is not bad.
  std::string bad;          ///< A condition; "" for none.
  std::string what;         ///< "is no whole number"
  std::string column = {};  ///< Where it comes from.
  /// The value, and NULL for the rows that are bad: for conditions.
  std::string or_null() const;
};

/// What the servers write in different ways.
class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual std::string type_of(const Column& column) const = 0;
  /// A literal of the catalogue (SQLite's form) as a value of the column; "" stays "".
  std::string literal(const Column& column, const std::string& sql) const;
  virtual std::string timestamp(kit::Timestamp value) const = 0;
  virtual Converted converted(const Column& from, const Column& to,
                              Conversion conversion) const = 0;
  virtual std::string now(const Column& column) const = 0;
  /// The column in the condition of an index.
  virtual std::string in_condition(const Column& column) const;
  /// An array as its JSON text, and back.
  virtual std::string array_text(const std::string& value) const { return value; }
  virtual std::string array_of(const std::string& text) const { return text; }
  /// A value that the column takes. `row`: "" or a whole number of its own for each row.
  virtual std::string filler(const Column& column, const std::string& row) const = 0;
};

/// Whether a column that is kept has to be converted, or the server keeps its values as they are.
bool is_converted(const Dialect& dialect, const ColumnChange& change);

/// The rule that the database holds `value` to, as far as its type does not; "" for none.
std::string rule_of(const Dialect& dialect, const Column& column, const std::string& value);
/// "ck_phone"; a check is named by its column, which names the field in errors.
std::string check_name(const std::string& column);
/// "pk_customers".
std::string key_name(const std::string& table);
/// The columns of the primary key, in order.
std::vector<std::string> key_columns(const Table& table);
/// A condition of an index with literals of the server.
std::string condition(const Dialect& dialect, const Table& table, const std::string& where_sql);

/// "CONSTRAINT ... FOREIGN KEY ..."
std::string foreign_key(const ForeignKey& key, bool can_be_deferred);

/// The value of a row without one; not of `Fill::Source::row`. `row`: a number of its own.
std::string fill_of(const Dialect& dialect, const Fill& fill, const Column& column,
                    const std::string& row);
/// Whether values of an enum get other names, inside of arrays too.
bool renames_values(const ColumnChange& change);
/// The rows that hold one of them, by the column's new name.
std::string renamed_rows(const Dialect& dialect, const ColumnChange& change);
/// The value of a kept column in a row as it was before, converted and with new names of an enum,
/// but without its fill.
Converted kept_value(const Dialect& dialect, const ColumnChange& change);

/// The SELECTs in front of a change that stop it when rows do not fit. What refers to some row
/// (`Fill::Source::row`) is checked behind it: `missing_check`.
std::string checks_of(const Dialect& dialect, const TableChange& change);
std::string missing_check(const Table& table, const std::string& column);
std::string unique_check(const Dialect& dialect, const Table& table, const Index& index);

/// The same before values are in place.
std::string unique_check_ahead(const Dialect& dialect, const TableChange& change,
                               const Index& index);
/// Whether rows of before may stand in the way of a unique index.
bool may_be_broken(const TableChange& change, const Index& index);

/// The index of after that becomes of `before`, perhaps by another name: the one of its name if
/// that is the same, else one that no other is by name; nullptr for none.
const Index* twin_of(const Index& before, const TableChange& change,
                     kit::FunctionRef<bool(const Index&)> is_same);

/// Whether rows get other values in a column of the index.
bool has_new_values(const TableChange& change, const Index& index);

/// A text that the column takes, as `Dialect::filler`. `digits`: `row` as a text.
std::string text_filler(const Column& column, const std::string& row, const std::string& digits);
/// Rows for a table that is empty while others must refer to it.
std::string fill_table(const Dialect& dialect, const FillTable& step);
/// "(SELECT id FROM customers ORDER BY id LIMIT 1)"
std::string some_row(const std::string& target);
/// The number of a row among those that must not share a target.
std::string place_of(const std::vector<std::string>& partners, bool spares_deleted);

/// The keys of a table that is created, as far as their targets are there already.
struct KeysOfCreated {
  std::vector<ForeignKey> now;
  /// Tables, and their keys that can be added when the table at work is there.
  std::vector<std::pair<std::string, ForeignKey>> later;
};
/// `at`: the place of a CreateTable among the steps.
KeysOfCreated keys_of_created(const std::vector<Step>& steps, std::size_t at);

std::string first_lines(std::string_view origin);
/// What a plan does and loses, for the top of its file.
std::string told(const Plan& plan, bool is_up);

}  // namespace kitgen::evolve::server
