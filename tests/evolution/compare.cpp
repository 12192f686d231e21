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

/// Whether two rows say the same where the index wants each to be alone.
bool breaks(const Unique& unique, const std::vector<std::map<std::string, Value>>& rows) {
  std::map<std::string, int> seen;
  for (const auto& row : rows) {
    const auto is_given = [&](const std::string& column) {
      const auto value = row.find(column);
      return value != row.end() && !is_null(value->second);
    };
    if (unique.live_only && is_given("deleted_at")) continue;
    if (!std::ranges::all_of(unique.columns, is_given)) continue;
    if (!std::ranges::all_of(unique.not_null, is_given)) continue;
    std::string key;
    for (const std::string& column : unique.columns) key += to_text(row.at(column)) + "\n";
    if (++seen[key] > 1) return true;
  }
  return false;
}

/// JSON without the blanks between its words.
std::string bare(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return to_text(value);
  std::string kept;
  bool is_text = false;
  for (std::size_t i = 0; i < text->size(); ++i) {
    const char c = (*text)[i];
    if (c == '"') is_text = !is_text;
    if (is_text && c == '\\') kept += (*text)[i++];
    if (is_text || std::string_view(" \t\n").find(c) == std::string_view::npos) kept += (*text)[i];
  }
  return kept;
}

Value there_and_back(const Field& there, const Field& back, const Value& value) {
  const auto between = convert(there, back, value);
  return between ? convert(back, there, *between).value_or(value) : value;
}

bool is_recent(const Value& value) {
  const auto* time = std::get_if<std::int64_t>(&value);
  return time != nullptr && *time > 0;
}

/// Follows the rows on their way back, as far as that is foreseen.
class Undo {
 public:
  Undo(const Schema& a, const Schema& b) : a_(a), b_(b) {}

  const std::string& refusal() const { return refusal_; }

  void follow(const Table& table, const Table& then, const Rows& rows, const Rows& now) {
    const auto is = by_key(then, now);
    std::vector<std::map<std::string, Value>> undone;
    for (const auto& [key, row] : by_key(table, rows)) {
      const auto other = is.find(key);
      if (other != is.end()) undone.push_back(undone_row(table, then, *row, *other->second));
    }
    for (const Unique& unique : table.uniques) {
      if (breaks(unique, undone))
        refusal_ = table.name + "." + unique.columns[0] + " is not unique";
    }
  }

 private:
  /// Nothing where the column was gone.
  std::map<std::string, Value> undone_row(const Table& table, const Table& then, const Row& was,
                                          const Row& now) {
    std::map<std::string, Value> row;
    for (const Column& column : table.columns) {
      const Column* other = then.by_identity(column.identity);
      if (other == nullptr) continue;
      const Value& value = was.at(column.name);
      const bool is_filled = is_null(value) && !other->field.optional;
      row[column.name] = is_filled ? back(table, *other, column, now.at(other->name)) : value;
    }
    return row;
  }

  Value back(const Table& table, const Column& other, const Column& column, const Value& value) {
    const Value named = renamed_value(b_, other.field, a_, column.field, value);
    const auto made = convert(other.field, column.field, named);
    if (made && is_allowed(a_, column.field, *made)) return *made;
    if (can_convert(other.field, column.field))
      refusal_ = table.name + "." + column.name + " does not take " + to_text(value);
    return {};
  }

  const Schema& a_;
  const Schema& b_;
  std::string refusal_;
};

}  // namespace

std::string undo_refusal(const Schema& a, const Database& before, const Schema& b,
                         const Database& between, const Rows& rows, const Rows& now) {
  Undo undo(a, b);
  for (const Table& table : before.tables) {
    const Table* then = between.by_identity(table.identity);
    if (then != nullptr && !table.is_pivot) undo.follow(table, *then, rows, now);
  }
  return undo.refusal();
}

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
        const bool is_json = column.field.is_array || column.field.type == Type::json;
        if (database.rewrites_json && is_json && bare(wanted) == bare(value)) continue;
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
  kept.rewrites_json = before.rewrites_json;
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
        // A text that was a decimal has all digits then; the migration says so.
        const Field& then_field = then->by_identity(column.identity)->field;
        if (then_field.type == Type::decimal && is_text(column.field.type))
          row[column.name] = there_and_back(column.field, then_field, row[column.name]);
      }
    }
  }
  return compare(kept, wanted, found);
}

}  // namespace evolution
