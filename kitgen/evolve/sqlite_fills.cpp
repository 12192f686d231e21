// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kit/base/text.hpp"
#include "kitgen/evolve/changes.hpp"
#include "kitgen/evolve/sqlite_text.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::evolve::sqlite {
namespace {

using model::Scalar;

constexpr std::uint32_t room_for_addresses = 48;
constexpr std::uint32_t short_text = 16;

std::string now(const Column& column) {
  return column.type == Scalar::date ? "unixepoch() / 86400" : "unixepoch() * 1000000";
}

/// A number within the bounds: nought where it may be, else the bound that is nearest to it. `row`:
/// "" or a number of its own for each row.
std::string number_filler(const Column& column, const std::string& row) {
  const auto [low, high] = bounds_of(column);
  const bool is_positive = !low.empty() && kit::parse_double(low).value_or(0) > 0;
  const bool is_negative = !high.empty() && kit::parse_double(high).value_or(0) < 0;
  if (row.empty()) return is_positive ? low : is_negative ? high : "0";
  if (is_negative) return high + " - " + row;
  return is_positive ? low + " + " + row : row;
}

std::string text_filler(const Column& column, const std::string& row) {
  const bool has_room = column.max_length.value_or(room_for_addresses) >= room_for_addresses &&
                        column.min_length.value_or(0) <= short_text;
  const std::string mark = row.empty() ? "" : " || " + row;
  if (column.type == Scalar::email && has_room)
    return "'unknown'" + mark + " || '@example.invalid'";
  if (column.type == Scalar::url && has_room) return "'https://example.invalid/'" + mark;
  const std::uint32_t length = column.min_length.value_or(0);
  if (!row.empty()) return "printf('%0" + std::to_string(std::max(length, 1U)) + "d', " + row + ")";
  if (length > short_text) return "printf('%." + std::to_string(length) + "c', 'X')";
  return "'" + std::string(length, 'X') + "'";
}

std::string filler(const Column& column, const std::string& row) {
  if (column.is_array) return "'[]'";
  switch (column.type) {
    case Scalar::string:
    case Scalar::text:
    case Scalar::email:
    case Scalar::url:
      return text_filler(column, row);
    case Scalar::uuid:
      return "'00000000-0000-7000-8000-' || printf('%012x', " + (row.empty() ? "1" : row) + ")";
    case Scalar::id:
      if (!column.is_uuid) return row.empty() ? "1" : row;
      return "'00000000-0000-7000-8000-' || printf('%012x', " + (row.empty() ? "1" : row) + ")";
    case Scalar::json:
      return "'{}'";
    case Scalar::bytes:
      return "zeroblob(" + std::to_string(column.min_length.value_or(0)) + ")";
    case Scalar::enumeration:
      return model::sql_literal(column.values.front());
    case Scalar::boolean:
      return "0";
    default:
      return number_filler(column, row);
  }
}

/// Some row of the target; for a unique reference another one for each row that has the same
/// partners.
std::string row_filler(const std::string& target, const Table& table, bool distinct,
                       const std::vector<std::string>& others, bool spares_deleted) {
  if (!distinct || table.is_pivot()) return "(SELECT min(id) FROM " + ident(target) + ")";
  const std::string name = ident(table.name);
  std::string groups = idents(others);
  if (spares_deleted) groups += groups.empty() ? "deleted_at IS NULL" : ", deleted_at IS NULL";
  if (!groups.empty()) groups = "PARTITION BY " + groups + " ";
  std::string place = "row_number() OVER (" + groups + "ORDER BY rowid)";
  if (spares_deleted) place = "CASE WHEN deleted_at IS NULL THEN " + place + " ELSE 1 END";
  const std::string places =
      "(SELECT id, row_number() OVER (ORDER BY id) AS place FROM " + ident(target) + ") AS target";
  if (table.columns.empty()) {  // rows that are made up have numbers as rowids
    return "(SELECT target.id FROM " + places + "\n    WHERE target.place = " + name + ".rowid)";
  }
  // Both sides are numbered once, and found by an index that SQLite makes for the statement.
  return "(SELECT target.id\n    FROM " + places + "\n    JOIN (SELECT rowid AS own, " + place +
         " AS place FROM " + name +
         ") AS wanted\n      ON wanted.place = target.place\n    WHERE wanted.own = " + name +
         ".rowid)";
}

/// Behind a message: where to begin to look. Nothing for links, which have no id.
std::string first_row(const Table& table) {
  return table.is_pivot() ? "" : " || ' (first: id ' || min(id) || ')'";
}

std::string check(const Table& table, const std::string& message, const std::string& condition) {
  return "SELECT /* kit:check */ count(*) || " + model::sql_literal(" row(s) of " + message) +
         first_row(table) + "\n  FROM " + ident(table.name) + " WHERE " + condition +
         "\n  HAVING count(*) > 0;\n";
}

/// Whether a value that the changed column needs may be missing.
bool may_be_null(const ColumnChange& change) {
  if (change.after->nullable) return false;
  const bool has_gaps = !change.before || change.is_replaced || change.before->nullable;
  if (!has_gaps) return false;
  switch (change.fill.source) {
    case Fill::Source::null:
    case Fill::Source::row:
      return true;
    case Fill::Source::field:
      return change.fill.field->nullable;
    default:
      return false;
  }
}

/// Whether the conversion lets only values pass that keep the rule.
bool is_implied(const ColumnChange& change) {
  const Column& after = *change.after;
  if (!change.before || !after.low.empty() || !after.high.empty()) return false;
  if (change.conversion == Conversion::text_to_decimal) return true;
  return change.conversion == Conversion::scale && after.scale > change.before->scale;
}

bool refers_anew(const TableChange& change, const ColumnChange& column) {
  const ForeignKey* key = change.after.key_of(column.after->name);
  if (key == nullptr) return false;
  const bool is_filled =
      column.fill.source == Fill::Source::literal || column.fill.source == Fill::Source::field;
  if (is_filled || !column.before) return is_filled;
  const ForeignKey* before = change.before.key_of(column.before->name);
  return before == nullptr || before->target != key->target;
}

}  // namespace

std::string fill_of(const Fill& fill, const Column& column, const Table& table,
                    const Table& after) {
  const std::string row = fill.distinct && !table.is_pivot() ? ident(table.name) + ".rowid" : "";
  switch (fill.source) {
    case Fill::Source::null:
      return "NULL";
    case Fill::Source::literal:
      return fill.literal;
    case Fill::Source::now:
      return now(column);
    case Fill::Source::field:
      return converted(*fill.field, column, fill.conversion).value;
    case Fill::Source::filler:
      return filler(column, row);
    case Fill::Source::row:
      break;
  }
  return row_filler(after.key_of(column.name)->target, table, fill.distinct,
                    partners(after, table, column.name), spares_deleted(after, table, column.name));
}

/// Enum values by their new names, inside of arrays too: there each is a quoted name as it is, and
/// no new name is one of the former ones.
static std::string renamed(const ColumnChange& change, const std::string& value) {
  if (change.before->is_array && change.after->is_array) {
    std::string text = value;
    for (const auto& [former, name] : change.values) {
      text = "replace(" + text + ", " + model::sql_literal('"' + former + '"') + ", " +
             model::sql_literal('"' + name + '"') + ")";
    }
    return text;
  }
  std::string cases = "CASE " + value;
  for (const auto& [former, name] : change.values)
    cases += " WHEN " + model::sql_literal(former) + " THEN " + model::sql_literal(name);
  return cases + " ELSE " + value + " END";
}

std::string value_of(const ColumnChange& change, const Table& table, const Table& after) {
  const auto fill = [&] { return fill_of(change.fill, *change.after, table, after); };
  if (!change.before || change.is_replaced) return fill();
  std::string value = converted(*change.before, *change.after, change.conversion).value;
  if (!change.values.empty()) value = renamed(change, value);
  if (change.fill.source == Fill::Source::null) return value;
  return "coalesce(" + value + ", " + fill() + ")";
}

std::string checks_of(const TableChange& change) {
  std::string text;
  const std::string& table = change.before.name;
  for (const ColumnChange& column : change.columns) {
    if (!column.after) continue;
    const std::string& name = column.after->name;
    const std::string value = value_of(column, change.before, change.after);
    const auto add = [&](const std::string& what, const std::string& condition) {
      text += check(change.before, table + ": " + name + " " + what, condition);
    };
    if (column.before && !column.is_replaced) {
      const Converted made = converted(*column.before, *column.after, column.conversion);
      if (!made.bad.empty()) add(made.what, made.bad);
    }
    if (column.fill.source == Fill::Source::field) {
      const Converted made = converted(*column.fill.field, *column.after, column.fill.conversion);
      if (!made.bad.empty()) {
        const std::string gap =
            column.before ? ident(column.before->name) + " IS NULL AND " : std::string();
        add("would come from " + column.fill.field->name + ", which " + made.what, gap + made.bad);
      }
    }
    if (may_be_null(column)) add("is required and has no value", value + " IS NULL");
    const std::string rule = rule_of(*column.after, value);
    if (column.is_checked && !rule.empty() && !is_implied(column))
      add("is not " + rule_text(*column.after), "NOT (" + rule + ")");
    if (refers_anew(change, column)) {
      const std::string target = change.after.key_of(name)->target;
      add("refers to no row of " + target,
          value + " NOT IN (SELECT id FROM " + ident(target) + ")");
    }
  }
  return text;
}

std::string unique_check(const Table& table, const Index& index) {
  std::string given = index.where_sql;
  std::string names;
  for (const std::string& column : index.columns) {
    given += (given.empty() ? "" : " AND ") + ident(column) + " IS NOT NULL";
    names += (names.empty() ? "" : ", ") + column;
  }
  const std::string message =
      " value(s) of " + table.name + ": " + names + " must be unique and is not";
  return "SELECT /* kit:check */ count(*) || " + model::sql_literal(message) + first_row(table) +
         "\n  FROM (SELECT " + (table.is_pivot() ? "1" : "min(id) AS id") + " FROM " +
         ident(table.name) + " WHERE " + given + " GROUP BY " + idents(index.columns) +
         " HAVING count(*) > 1)\n  HAVING count(*) > 0;\n";
}

}  // namespace kitgen::evolve::sqlite
