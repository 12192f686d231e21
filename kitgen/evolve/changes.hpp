// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kitgen/evolve/plan.hpp"

/// Parts of the planner. Inner header of kitgen/evolve.
namespace kitgen::evolve {

/// Which way a migration goes: on the way back what the schema says about new things counts no
/// more, and what is missing is made up.
enum class Way : std::uint8_t { up, down };

/// A table of before under the names of after.
Table renamed(const Table& table, const TableMatch& match, const Difference& difference);

/// What becomes of each column of a table; what can not be done goes to `problems`.
TableChange change_of(const Table& before, const Table& after, const TableMatch& match, Way way,
                      std::vector<Problem>& problems);

/// Whether anything but drops of columns is to be done.
bool changes_anything(const TableChange& change);

/// Whether values that keep the rules of `before` may break those of `after`.
bool is_narrowed(const Column& before, const Column& after,
                 const std::vector<std::pair<std::string, std::string>>& values);

/// Whether a unique index holds the column.
bool is_unique(const Table& table, const std::string& column);

/// The value of a required column that nobody gave: the default, a reference to some row, or one
/// made up within the column's rules.
Fill made_up(const Table& table, const Column& column);

/// The other columns of the one unique index that holds `column`, as far as `before` has them; none
/// when there are several such indexes.
std::vector<std::string> partners(const Table& after, const Table& before,
                                  const std::string& column);
/// Whether what was deleted softly may share its target with others.
bool spares_deleted(const Table& after, const Table& before, const std::string& column);

/// "rename_phone_in_customers", from what the steps do.
std::string name_of(const std::vector<Step>& steps);

/// The lines for people of `plan`: what is done, what is lost, what does not come back.
void describe(Plan& plan);

}  // namespace kitgen::evolve
