// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kitgen/evolve/changes.hpp"
#include "kitgen/evolve/server_dialect.hpp"
#include "kitgen/evolve/sqlite_text.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::evolve::server {
namespace {

using model::Scalar;
using sqlite::ident;

bool is_text(const Column& column) {
  return column.type == Scalar::string || column.type == Scalar::text ||
         column.type == Scalar::email || column.type == Scalar::url;
}

std::string between(const std::string& value, const std::string& low, const std::string& high) {
  if (low.empty() && high.empty()) return "";
  if (low.empty()) return value + " <= " + high;
  if (high.empty()) return value + " >= " + low;
  return low == high ? value + " = " + low : value + " BETWEEN " + low + " AND " + high;
}

std::string length_rule(const Column& column, const std::string& length) {
  return between(length, column.min_length ? std::to_string(*column.min_length) : "",
                 column.max_length ? std::to_string(*column.max_length) : "");
}

std::string value_list(const Column& column) {
  std::string list;
  for (const std::string& value : column.values)
    list += (list.empty() ? "" : ", ") + model::sql_literal(value);
  return list;
}

/// Behind a message: where to begin to look. Nothing for links, which have no id.
std::string first_row(const Table& table) {
  const Column* id = table.find("id");
  if (table.is_pivot() || id == nullptr) return "";
  // PostgreSQL knows no smallest uuid.
  const std::string_view least = id->is_uuid ? "min(CAST(id AS char(36)))" : "min(id)";
  return " || ' (first: id ' || " + std::string(least) + " || ')'";
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
  if (change.fill.source == Fill::Source::field) return change.fill.field->nullable;
  return change.fill.source == Fill::Source::null;
}

bool refers_anew(const TableChange& change, const ColumnChange& column) {
  const ForeignKey* key = change.after.key_of(column.after->name);
  if (key == nullptr || column.fill.source == Fill::Source::row) return false;
  const bool is_filled =
      column.fill.source == Fill::Source::literal || column.fill.source == Fill::Source::field;
  if (is_filled || !column.before) return is_filled;
  const ForeignKey* before = change.before.key_of(column.before->name);
  return before == nullptr || before->target != key->target;
}

/// The value of a row after the change, NULL where there is none yet.
std::string value_for_checks(const Dialect& dialect, const ColumnChange& change) {
  std::string fill = "NULL";
  if (change.fill.source == Fill::Source::field) {
    fill = dialect.converted(*change.fill.field, *change.after, change.fill.conversion).or_null();
  } else if (change.fill.source != Fill::Source::null && change.fill.source != Fill::Source::row) {
    fill = fill_of(dialect, change.fill, *change.after, "1");
  }
  if (!change.before || change.is_replaced) return fill;
  const std::string value = kept_value(dialect, change).or_null();
  return fill == "NULL" ? value : "coalesce(" + value + ", " + fill + ")";
}

/// The limits of the schema, and those of the type where values of another one come in.
std::string rule_for_checks(const Dialect& dialect, const ColumnChange& change,
                            const std::string& value) {
  const Column& after = *change.after;
  const bool is_number = after.type == Scalar::int32 || after.type == Scalar::decimal;
  if (!is_number || after.is_array) return rule_of(dialect, after, value);
  const Bounds bounds = bounds_of(after);
  return between(value, dialect.literal(after, bounds.low), dialect.literal(after, bounds.high));
}

}  // namespace

std::string Dialect::in_condition(const Column& column) const {
  return ident(column.name);
}

std::string Converted::or_null() const {
  return bad.empty() ? value : "CASE WHEN " + bad + " THEN NULL ELSE " + value + " END";
}

bool is_converted(const Dialect& dialect, const ColumnChange& change) {
  if (!change.before || !change.after) return false;
  return change.is_replaced || change.conversion != Conversion::same ||
         dialect.type_of(*change.before) != dialect.type_of(*change.after);
}

std::string rule_of(const Dialect& dialect, const Column& column, const std::string& value) {
  if (column.is_array || column.type == Scalar::json || column.type == Scalar::id) return "";
  if (is_text(column)) return length_rule(column, "char_length(" + value + ")");
  if (column.type == Scalar::bytes) return length_rule(column, "octet_length(" + value + ")");
  if (column.type == Scalar::enumeration) return value + " IN (" + value_list(column) + ")";
  return between(value, dialect.literal(column, column.low), dialect.literal(column, column.high));
}

std::string check_name(const std::string& column) {
  return limited_name("ck_" + column);
}

std::string key_name(const std::string& table) {
  return limited_name("pk_" + table);
}

std::vector<std::string> key_columns(const Table& table) {
  std::vector<const Column*> keys;
  for (const Column& column : table.columns) {
    if (column.key > 0) keys.push_back(&column);
  }
  std::ranges::sort(keys, {}, &Column::key);
  std::vector<std::string> names;
  for (const Column* key : keys) names.push_back(key->name);
  return names;
}

std::string condition(const Dialect& dialect, const Table& table, const std::string& where_sql) {
  // "name" IS [NOT] NULL and "name" = literal, joined by AND; deleted_at IS NULL behind them.
  std::string text;
  for (std::size_t at = 0; at < where_sql.size();) {
    if (where_sql[at] != '"') {
      text += where_sql[at++];
      continue;
    }
    const std::size_t end = where_sql.find('"', at + 1);
    const std::string name = where_sql.substr(at + 1, end - at - 1);
    const Column* column = table.find(name);
    text += column == nullptr ? ident(name) : dialect.in_condition(*column);
    at = end + 1;
    if (!where_sql.substr(at).starts_with(" = ")) continue;
    at += 3;
    std::size_t stop = where_sql.find(" AND ", at);
    if (where_sql[at] == '\'') {
      stop = at + 1;
      while (stop < where_sql.size() &&
             (where_sql[stop] != '\'' ||
              (stop + 1 < where_sql.size() && where_sql[stop + 1] == '\'' && ++stop != 0)))
        ++stop;
      ++stop;
    }
    const std::string value = where_sql.substr(at, stop == std::string::npos ? stop : stop - at);
    text += " = " + (column == nullptr ? value : dialect.literal(*column, value));
    at = stop == std::string::npos ? where_sql.size() : stop;
  }
  return text;
}

std::string foreign_key(const ForeignKey& key, bool can_be_deferred) {
  std::string text = "CONSTRAINT " + ident(key.name) + " FOREIGN KEY (" + ident(key.column) +
                     ") REFERENCES " + ident(key.target) + " (id) ON DELETE " +
                     std::string(model::sql_name(key.on_delete));
  return key.deferred && can_be_deferred ? text + " DEFERRABLE INITIALLY DEFERRED" : text;
}

std::string fill_of(const Dialect& dialect, const Fill& fill, const Column& column,
                    const std::string& row) {
  switch (fill.source) {
    case Fill::Source::null:
    case Fill::Source::row:
      return "NULL";
    case Fill::Source::literal:
      return dialect.literal(column, fill.literal);
    case Fill::Source::now:
      return dialect.now(column);
    case Fill::Source::field:
      return dialect.converted(*fill.field, column, fill.conversion).value;
    case Fill::Source::filler:
      break;
  }
  return dialect.filler(column, fill.distinct ? row : "");
}

bool renames_values(const ColumnChange& change) {
  return !change.values.empty() && change.before->is_array == change.after->is_array;
}

std::string renamed_rows(const Dialect& dialect, const ColumnChange& change) {
  const std::string name = ident(change.after->name);
  std::string rows;
  for (const auto& [former, now] : change.values) {
    if (change.before->is_array) {
      rows += (rows.empty() ? "" : " OR ") + std::string("position(") +
              model::sql_literal('"' + former + '"') + " IN " + dialect.array_text(name) + ") > 0";
    } else {
      rows += (rows.empty() ? "" : ", ") + model::sql_literal(former);
    }
  }
  return change.before->is_array ? rows : name + " IN (" + rows + ")";
}

Converted kept_value(const Dialect& dialect, const ColumnChange& change) {
  Converted made = dialect.converted(*change.before, *change.after, change.conversion);
  made.column = change.before->name;
  if (!renames_values(change)) return made;
  if (change.before->is_array) {
    // Each value is a quoted name as it is, and no new name is one of the former ones.
    std::string text = dialect.array_text(made.value);
    for (const auto& [former, name] : change.values) {
      text = "replace(" + text + ", " + model::sql_literal('"' + former + '"') + ", " +
             model::sql_literal('"' + name + '"') + ")";
    }
    made.value = dialect.array_of(text);
    return made;
  }
  std::string cases = "CASE " + made.value;
  for (const auto& [former, name] : change.values)
    cases += " WHEN " + model::sql_literal(former) + " THEN " + model::sql_literal(name);
  made.value = cases + " ELSE " + made.value + " END";
  return made;
}

std::string checks_of(const Dialect& dialect, const TableChange& change) {
  std::string text;
  const std::string& table = change.before.name;
  for (const ColumnChange& column : change.columns) {
    if (!column.after) continue;
    const std::string& name = column.after->name;
    const std::string value = value_for_checks(dialect, column);
    const auto add = [&](const std::string& what, const std::string& condition) {
      text += check(change.before, table + ": " + name + " " + what, condition);
    };
    if (column.before && !column.is_replaced) {
      const Converted made = kept_value(dialect, column);
      if (!made.bad.empty()) add(made.what, made.bad);
    }
    if (column.fill.source == Fill::Source::field) {
      const Converted made =
          dialect.converted(*column.fill.field, *column.after, column.fill.conversion);
      if (!made.bad.empty()) {
        const std::string gap =
            column.before ? ident(column.before->name) + " IS NULL AND " : std::string();
        add("would come from " + column.fill.field->name + ", which " + made.what,
            gap + "(" + made.bad + ")");
      }
    }
    if (may_be_null(column)) add("is required and has no value", value + " IS NULL");
    const std::string rule = rule_for_checks(dialect, column, value);
    if (column.is_checked && !rule.empty())
      add("is not " + sqlite::rule_text(*column.after), "NOT (" + rule + ")");
    if (refers_anew(change, column)) {
      const std::string target = change.after.key_of(name)->target;
      // Where the target is empty, NULL is in none of it too.
      add("refers to no row of " + target,
          value + " IS NOT NULL AND " + value + " NOT IN (SELECT id FROM " + ident(target) + ")");
    }
  }
  return text;
}

std::string missing_check(const Table& table, const std::string& column) {
  return check(table, table.name + ": " + column + " is required and has no value",
               ident(column) + " IS NULL");
}

std::string unique_check(const Dialect& dialect, const Table& table, const Index& index) {
  std::string given = condition(dialect, table, index.where_sql);
  std::string names;
  for (const std::string& column : index.columns) {
    given += (given.empty() ? "" : " AND ") + ident(column) + " IS NOT NULL";
    names += (names.empty() ? "" : ", ") + column;
  }
  const std::string message =
      " value(s) of " + table.name + ": " + names + " must be unique and is not";
  return "SELECT /* kit:check */ count(*) || " + model::sql_literal(message) +
         "\n  FROM (SELECT 1 FROM " + ident(table.name) + " WHERE " + given + " GROUP BY " +
         sqlite::idents(index.columns) + " HAVING count(*) > 1) AS twice\n  HAVING count(*) > 0;\n";
}

std::string unique_check_ahead(const Dialect& dialect, const TableChange& change,
                               const Index& index) {
  std::string given = condition(dialect, change.after, index.where_sql);
  std::string names;
  for (const std::string& column : index.columns) {
    given += (given.empty() ? "" : " AND ") + ident(column) + " IS NOT NULL";
    names += (names.empty() ? "" : ", ") + column;
  }
  std::string values;
  for (const ColumnChange& column : change.columns) {
    if (!column.after) continue;
    const std::string& name = column.after->name;
    const bool is_read =
        std::ranges::find(index.columns, name) != index.columns.end() ||
        condition(dialect, change.after, index.where_sql).find(ident(name)) != std::string::npos;
    if (is_read) {
      values +=
          (values.empty() ? "" : ", ") + value_for_checks(dialect, column) + " AS " + ident(name);
    }
  }
  const std::string message =
      " value(s) of " + change.before.name + ": " + names + " must be unique and is not";
  return "SELECT /* kit:check */ count(*) || " + model::sql_literal(message) +
         "\n  FROM (SELECT 1 FROM (SELECT " + values + " FROM " + ident(change.before.name) +
         ") AS made\n    WHERE " + given + " GROUP BY " + sqlite::idents(index.columns) +
         " HAVING count(*) > 1) AS twice\n  HAVING count(*) > 0;\n";
}

bool may_be_broken(const TableChange& change, const Index& index) {
  const bool is_made_up = std::ranges::any_of(change.columns, [&](const ColumnChange& column) {
    const bool is_in =
        column.after && std::ranges::find(index.columns, column.after->name) != index.columns.end();
    const bool differs = column.fill.source == Fill::Source::row ||
                         (column.fill.source == Fill::Source::filler && column.fill.distinct);
    return is_in && differs;
  });
  if (is_made_up) return false;
  if (has_new_values(change, index)) return true;
  return std::ranges::none_of(change.before.indexes, [&](const Index& other) {
    return other.unique && other.columns == index.columns &&
           (other.where_sql.empty() || other.where_sql == index.where_sql);
  });
}

bool has_new_values(const TableChange& change, const Index& index) {
  return std::ranges::any_of(change.columns, [&](const ColumnChange& column) {
    const bool is_in =
        column.after && std::ranges::find(index.columns, column.after->name) != index.columns.end();
    return is_in && (!column.before || column.conversion != Conversion::same ||
                     column.is_replaced || column.fill.source != Fill::Source::null);
  });
}

}  // namespace kitgen::evolve::server
