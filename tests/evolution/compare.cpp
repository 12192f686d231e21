// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/evolution/model.hpp"
#include "tests/evolution/values.hpp"

namespace evolution {
namespace {

/// A row's place among others: its id, or both sides of a pivot.
std::string key_of(const Table& table, const Row& row) {
  std::string key = to_text(row.at(table.columns[0].name));
  if (table.is_pivot) key += " " + to_text(row.at(table.columns[1].name));
  return key;
}

std::map<std::string, const Row*> by_key(const Table& table, const Rows& rows) {
  std::map<std::string, const Row*> sorted;
  const auto found = rows.find(table.name);
  if (found == rows.end()) return sorted;
  for (const Row& row : found->second) sorted[key_of(table, row)] = &row;
  return sorted;
}

bool is_recent(const Value& value) {
  const auto* time = std::get_if<std::int64_t>(&value);
  return time != nullptr && *time > 0;
}

}  // namespace

std::string compare(const Database& database, const Rows& expected, const Rows& found) {
  std::string text;
  for (const Table& table : database.tables) {
    const auto should = by_key(table, expected);
    const auto is = by_key(table, found);
    if (should.size() != is.size()) {
      text += table.name + ": " + std::to_string(should.size()) + " rows expected, " +
              std::to_string(is.size()) + " found\n";
    }
    for (const auto& [key, row] : should) {
      const auto other = is.find(key);
      if (other == is.end()) {
        text += table.name + ": row " + key + " is missing\n";
        continue;
      }
      for (const Column& column : table.columns) {
        const Value& wanted = row->at(column.name);
        const Value& value = other->second->at(column.name);
        if (wanted == any_time ? is_recent(value) : is_same(wanted, value)) continue;
        text += table.name + ": row " + key + ", " + column.name + ": " + to_text(wanted) +
                " expected, " + to_text(value) + " found\n";
      }
    }
  }
  return text;
}

std::string compare_undone(const Database& before, const Database& between, const Rows& expected,
                           const Rows& found) {
  Database kept;
  for (const Table& table : before.tables) {
    const Table* then = between.by_identity(table.identity);
    if (then == nullptr) continue;
    Table same = table;
    std::erase_if(same.columns, [&](const Column& column) {
      return then->by_identity(column.identity) == nullptr;
    });
    kept.tables.push_back(std::move(same));
  }
  Rows wanted = expected;
  for (Table& table : kept.tables) {
    const Table* then = between.by_identity(table.identity);
    const auto is = by_key(table, found);
    for (Row& row : wanted[table.name]) {
      const auto other = is.find(key_of(table, row));
      for (const Column& column : table.columns) {
        // What was null and had to get a value keeps it.
        const bool was_filled = is_null(row.at(column.name)) && other != is.end() &&
                                !then->by_identity(column.identity)->field.optional;
        if (was_filled) row[column.name] = other->second->at(column.name);
      }
    }
  }
  return compare(kept, wanted, found);
}

}  // namespace evolution
