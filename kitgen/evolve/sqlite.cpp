// SPDX-License-Identifier: Apache-2.0
#include "kitgen/evolve/sqlite.hpp"

#include <algorithm>
#include <set>

#include "kitgen/evolve/changes.hpp"
#include "kitgen/evolve/sqlite_text.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::evolve {
namespace {

using sqlite::ident;

/// Whether ADD COLUMN can do it: SQLite fills the rows with the default, so there must be one.
bool can_be_added(const TableChange& change, const Column& column) {
  const ForeignKey* key = change.after.key_of(column.name);
  if (key != nullptr) return column.nullable && column.default_sql.empty();
  return column.key == 0 && (column.nullable || !column.default_sql.empty());
}

bool same_keys(const TableChange& change) {
  std::vector<ForeignKey> before;
  std::vector<ForeignKey> after;
  for (const ColumnChange& column : change.columns) {
    if (!column.before || !column.after) continue;
    const ForeignKey* was = change.before.key_of(column.before->name);
    const ForeignKey* is = change.after.key_of(column.after->name);
    if (was != nullptr) before.push_back(*was);
    if (is != nullptr) after.push_back(*is);
  }
  return before == after;
}

/// Whether the table has to be written anew for all but its drops.
bool needs_rebuild(const TableChange& change) {
  if (!same_keys(change)) return true;
  return std::ranges::any_of(change.columns, [&](const ColumnChange& column) {
    if (!column.after) return false;
    if (!column.before) return !can_be_added(change, *column.after);
    if (column.is_replaced || !column.values.empty()) return true;
    if (column.before->key != column.after->key) return true;
    // Some conversions only look whether every value may stay as it is.
    if (sqlite::converted(*column.before, *column.after, column.conversion).value !=
        ident(column.before->name))
      return true;
    return sqlite::definition(change.before, *column.before) !=
           sqlite::definition(change.after, *column.after);
  });
}

/// Whether DROP COLUMN can do all drops of a table that was not written anew.
bool can_be_dropped(const TableChange& change) {
  return std::ranges::none_of(change.columns, [&](const ColumnChange& column) {
    if (column.after) return false;
    return column.before->key > 0 || change.before.key_of(column.before->name) != nullptr;
  });
}

std::vector<Index> kept_indexes(const TableChange& change) {
  std::vector<Index> kept;
  for (const Index& index : change.after.indexes) {
    if (std::ranges::find(change.before.indexes, index) != change.before.indexes.end())
      kept.push_back(index);
  }
  return kept;
}

/// Whether rows get other values in a column of the index.
bool has_new_values(const TableChange& change, const Index& index) {
  return std::ranges::any_of(change.columns, [&](const ColumnChange& column) {
    if (!column.after ||
        std::ranges::find(index.columns, column.after->name) == index.columns.end())
      return false;
    return !column.before || column.conversion != Conversion::same || column.is_replaced ||
           column.fill.source != Fill::Source::null;
  });
}

/// Whether rows may stand in the way of a unique index that was not there before.
bool needs_check(const TableChange& change, const Index& index) {
  if (!index.unique) return false;
  const bool is_empty = std::ranges::any_of(change.columns, [&](const ColumnChange& column) {
    return column.after && !column.before && column.fill.source == Fill::Source::null &&
           std::ranges::find(index.columns, column.after->name) != index.columns.end();
  });
  if (is_empty) return false;
  if (has_new_values(change, index)) return true;
  return std::ranges::none_of(change.before.indexes, [&](const Index& other) {
    return other.unique && other.columns == index.columns &&
           (other.where_sql.empty() || other.where_sql == index.where_sql);
  });
}

/// Writes a table anew. Foreign keys are off meanwhile and checked at the end, so that neither the
/// tables that refer to this one nor its own references notice.
std::string rebuild(const TableChange& change, bool with_dropped) {
  const std::string& name = change.after.name;
  const std::string draft = "kit_new_" + name;
  Table made = change.after;
  std::string names;
  std::string values;
  const auto add = [&](const std::string& column, const std::string& value) {
    names += (names.empty() ? "" : ", ") + ident(column);
    values += (values.empty() ? "  " : ",\n  ") + value;
  };
  for (const ColumnChange& column : change.columns) {
    if (column.after) {
      // Behind the change itself, only the drops are left to do.
      add(column.after->name, with_dropped ? sqlite::value_of(column, change.before, change.after)
                                           : ident(column.after->name));
    } else if (with_dropped) {
      Column carried = *column.before;
      carried.nullable = true;
      carried.key = 0;
      carried.is_sequence = false;
      carried.default_sql.clear();
      made.columns.push_back(carried);
      add(carried.name, ident(carried.name));
    }
  }
  std::string text = sqlite::create_table(made, draft);
  text += "INSERT INTO " + ident(draft) + " (" + names + ") SELECT\n" + values + "\n  FROM " +
          ident(name) + ";\n";
  const bool has_sequence = std::ranges::any_of(made.columns, &Column::is_sequence);
  if (has_sequence) {
    // Ids of deleted rows are never given out again.
    text += "DELETE FROM sqlite_sequence WHERE name = " + model::sql_literal(draft) + ";\n";
    text += "INSERT INTO sqlite_sequence (name, seq)\n  SELECT " + model::sql_literal(draft) +
            ", seq FROM sqlite_sequence WHERE name = " + model::sql_literal(name) + ";\n";
  }
  text += "DROP TABLE " + ident(name) + ";\n";
  return text + "ALTER TABLE " + ident(draft) + " RENAME TO " + ident(name) + ";\n";
}

std::string add_columns(const TableChange& change) {
  std::string text;
  const std::string table = ident(change.after.name);
  for (const ColumnChange& column : change.columns) {
    if (column.before || !column.after) continue;
    const Column& made = *column.after;
    text += "ALTER TABLE " + table + " ADD COLUMN " + ident(made.name) + " " +
            sqlite::definition(change.after, made);
    const ForeignKey* key = change.after.key_of(made.name);
    if (key != nullptr) text += sqlite::inline_reference(*key);
    text += ";\n";
    const std::string value = sqlite::value_of(column, change.before, change.after);
    const std::string present = made.default_sql.empty() ? "NULL" : made.default_sql;
    if (value != present)
      text += "UPDATE " + table + " SET " + ident(made.name) + " = " + value + ";\n";
  }
  return text;
}

std::string sql(const RenameTable& step) {
  return "\nALTER TABLE " + ident(step.from) + " RENAME TO " + ident(step.to) + ";\n";
}

std::string sql(const RenameColumn& step) {
  return "\nALTER TABLE " + ident(step.table) + " RENAME COLUMN " + ident(step.from) + " TO " +
         ident(step.to) + ";\n";
}

std::string sql(const CreateTable& step) {
  const Table& table = step.table;
  std::string text = "\n" + sqlite::comment(table.hints.doc);
  text += sqlite::create_table(table, table.name);
  for (const Index& index : table.indexes) text += sqlite::create_index(table.name, index);
  return text;
}

std::string sql(const FillTable& step) {
  const Table& table = step.table;
  // Values of their own count the rows of the table that wants them.
  Table counted = table;
  counted.name = step.wanted_by;
  counted.columns.clear();
  std::string names;
  std::string values;
  for (const Column& column : table.columns) {
    if (column.is_sequence || !column.default_sql.empty()) continue;
    if (column.nullable && column.key == 0) continue;
    names += (names.empty() ? "" : ", ") + ident(column.name);
    Fill fill = made_up(table, column);
    fill.distinct = step.one_each && (fill.distinct || column.key > 0);
    values += (values.empty() ? "" : ", ") + sqlite::fill_of(fill, column, counted, table);
  }
  const std::string name = ident(table.name);
  const std::string owner = ident(step.wanted_by);
  const std::string start = "\n-- Rows of " + step.wanted_by + " must refer to one.\nINSERT INTO " +
                            name + " (" + names + ")\n  SELECT " + values + "\n  ";
  const std::string is_empty = "NOT EXISTS (SELECT 1 FROM " + name + ");\n";
  if (step.one_each) {
    // Of what is made up as many as are missing, numbered behind those that others wanted.
    const std::string there = step.is_new ? "(SELECT count(*) FROM " + name + ")" : "0";
    const std::string from = "FROM (SELECT row_number() OVER (ORDER BY rowid) + " + there +
                             " AS rowid FROM " + owner + ") AS " + owner + "\n  ";
    if (!step.is_new) return start + from + "WHERE " + is_empty;
    return start + from + "LIMIT max(0, (SELECT count(*) FROM " + owner + ") - " + there + ");\n";
  }
  return start + "WHERE EXISTS (SELECT 1 FROM " + owner + ") AND " + is_empty;
}

std::string sql(const ChangeTable& step) {
  const TableChange& change = step.change;
  const std::vector<Index> kept = kept_indexes(change);
  const bool anew = needs_rebuild(change);
  std::string text = "\n" + sqlite::checks_of(change);
  for (const Index& index : change.before.indexes) {
    const bool stays = std::ranges::find(kept, index) != kept.end();
    if (!stays) text += "DROP INDEX " + ident(index.name) + ";\n";
  }
  text += anew ? rebuild(change, true) : add_columns(change);
  for (const Index& index : change.after.indexes) {
    const bool stays = std::ranges::find(kept, index) != kept.end();
    if (stays && !anew) continue;
    if (needs_check(change, index)) text += sqlite::unique_check(change.after, index);
    text += sqlite::create_index(change.after.name, index);
  }
  return text == "\n" ? "" : text;
}

std::string sql(const BeforeDrops&) {
  return "\n-- Statements of your own that still need what is dropped below have their place "
         "here.\n";
}

std::string sql(const DropColumns& step) {
  const TableChange& change = step.change;
  const std::string table = ident(change.after.name);
  std::string text = "\n";
  if (!needs_rebuild(change) && !can_be_dropped(change)) {
    text += rebuild(change, false);
    for (const Index& index : change.after.indexes)
      text += sqlite::create_index(change.after.name, index);
    return text;
  }
  for (const ColumnChange& column : change.columns) {
    if (column.after) continue;
    // Nobody misses the count of changes of a row, so up need not ask.
    if (column.before->name == "version") text += "-- kit:allow drop-column\n";
    text += "ALTER TABLE " + table + " DROP COLUMN " + ident(column.before->name) + ";\n";
  }
  return text;
}

std::string sql(const DropTable& step) {
  return "DROP TABLE " + ident(step.table.name) + ";\n";
}

std::string sql(const CreateSystemTable& step) {
  const SystemTable* table = find_system_table(step.form);
  return table == nullptr ? "" : "\n" + std::string(table->sqlite);
}

std::string sql(const ChangeSystemTable& step) {
  const SystemChange* change = change_of_system(step.from, step.to);
  return "\n" + std::string(change->after == step.to ? change->up.sqlite : change->down.sqlite);
}

std::string sql(const DropSystemTable& step) {
  return "DROP TABLE " + ident(name_of_form(step.form)) + ";\n";
}

std::string statements(const std::vector<Step>& steps) {
  std::string text;
  bool drops = false;
  for (const Step& step : steps) {
    std::string more = std::visit([](const auto& action) { return sql(action); }, step.action);
    // Tables that go stand together.
    const bool is_drop = more.starts_with("DROP TABLE");
    if (is_drop && !drops) text += "\n";
    drops = is_drop;
    text += more;
  }
  return text;
}

std::string first_lines(std::string_view origin) {
  return "-- Generated by kitgen from " + model::cpp_comment(origin) +
         ". History: once it ran somewhere, it stays as it is.\n";
}

std::string marked(std::string_view mark, const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines)
    text += "-- " + std::string(mark) + model::cpp_comment(line) + "\n";
  return text;
}

/// A change that SQLite stores alike still is a step of the history, the same in all dialects.
std::string or_nothing(std::string text) {
  return text.find(';') != std::string::npos ? text
                                             : text + "\n-- SQLite stores both alike.\nSELECT 1;\n";
}

}  // namespace

std::string sqlite_up(const Plan& plan, std::string_view origin) {
  std::string text = first_lines(origin);
  if (plan.is_first) {
    text +=
        "-- Decimals are whole numbers of their last digit, timestamps microseconds since 1970 "
        "UTC, dates days since\n-- 1970, times and durations microseconds.\n";
  } else {
    text += marked("", plan.summary) + marked("destructive: ", plan.destructive) +
            marked("irreversible data: ", plan.irreversible);
  }
  return text + or_nothing(statements(plan.up));
}

std::string sqlite_down(const Plan& plan, std::string_view origin) {
  std::string text = first_lines(origin);
  if (!plan.is_first) text += marked("irreversible data: ", plan.irreversible);
  return text + or_nothing(statements(plan.down));
}

StepCost sqlite_cost(const Step& step) {
  const auto count = [](const std::string& table) {
    return "SELECT count(*) FROM " + ident(table);
  };
  if (const auto* change = std::get_if<ChangeTable>(&step.action)) {
    const std::string& table = change->change.before.name;
    if (needs_rebuild(change->change)) return {"writes " + table + " anew", count(table)};
    return {"reads " + table, count(table)};
  }
  if (const auto* drop = std::get_if<DropColumns>(&step.action)) {
    const std::string& table = drop->change.before.name;
    return {"writes " + table + " anew", count(table)};
  }
  if (const auto* drop = std::get_if<DropTable>(&step.action))
    return {"removes " + drop->table.name, count(drop->table.name)};
  return {"nothing of note", ""};
}

}  // namespace kitgen::evolve
