// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kitgen/evolve/plan.hpp"

/// Pieces of SQLite's SQL. Inner header of kitgen/evolve.
namespace kitgen::evolve::sqlite {

std::string ident(const std::string& name);  ///< Quoted only where it must be.
std::string idents(const std::vector<std::string>& names);

/// The rule that the database itself holds `value` to, as the last line behind the service's own
/// checks: "length(phone) <= 24"; "" for none.
std::string rule_of(const Column& column, const std::string& value);
/// The same for people: "of at most 24 characters".
std::string rule_text(const Column& column);

/// Everything behind the name: "TEXT NOT NULL CHECK (length(phone) <= 24)".
std::string definition(const Table& table, const Column& column);
/// "CONSTRAINT ... REFERENCES ..." behind a column that is added.
std::string inline_reference(const ForeignKey& key);
/// CREATE TABLE, under another name when `name` is not the table's own.
std::string create_table(const Table& table, const std::string& name);
std::string create_index(const std::string& table, const Index& index);
std::string comment(const std::string& text);

/// A value with what is wrong with the rows for which there is none.
struct Converted {
  std::string value;
  std::string bad;   ///< A condition; "" for none.
  std::string what;  ///< "is no whole number"
};
Converted converted(const Column& from, const Column& to, Conversion conversion);

/// The value of a column in a row of `table`, as it was before, whose rows may have had none.
std::string value_of(const ColumnChange& change, const Table& table, const Table& after);
/// The value that a row without one gets.
std::string fill_of(const Fill& fill, const Column& column, const Table& table, const Table& after);

/// The SELECTs that stop a migration when rows of before do not fit, in front of the change.
std::string checks_of(const TableChange& change);
/// The same for a unique index, when the values are in place.
std::string unique_check(const Table& table, const Index& index);

}  // namespace kitgen::evolve::sqlite
