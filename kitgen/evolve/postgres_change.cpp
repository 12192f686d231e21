// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kitgen/evolve/changes.hpp"
#include "kitgen/evolve/postgres_text.hpp"
#include "kitgen/evolve/sqlite_text.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::evolve::postgres {
namespace {

using sqlite::ident;

bool is_constant(const Fill& fill) {
  return fill.source == Fill::Source::literal || fill.source == Fill::Source::now;
}

/// Whether each row needs a number of its own for the value.
bool is_numbered(const ColumnChange& change) {
  const auto source = change.fill.source;
  return change.fill.distinct && (source == Fill::Source::filler || source == Fill::Source::row);
}

bool is_later(const ColumnChange& change) {
  return change.fill.source == Fill::Source::row || is_numbered(change);
}

/// The clauses of one ALTER TABLE: the table is read at most once for all of them.
class Alteration {
 public:
  void add(const std::string& clause) {
    clauses_ += (clauses_.empty() ? "\n  " : ",\n  ") + clause;
  }
  std::string sql(const std::string& table) const {
    return clauses_.empty() ? "" : "ALTER TABLE " + ident(table) + clauses_ + ";\n";
  }

 private:
  std::string clauses_;
};

/// The SQL of a table that stays, in an order in which every statement finds what it needs:
/// checks, drops, new columns, values, types, rules, indexes.
class Change {
 public:
  explicit Change(const TableChange& change) : change_(change), table_(change.after.name) {
    for (const ColumnChange& column : change.columns) {
      if (is_converted(column) && column.fill.source == Fill::Source::field) converts_all_ = true;
    }
  }

  std::string sql() {
    std::string text = server::checks_of(dialect(), change_);
    text += rename_constraints();
    text += drop_indexes();
    text += drop_rules();
    text += add_columns();
    text += fill();
    text += convert();
    text += fill_later();
    text += set_rules();
    text += add_indexes();
    return text;
  }

 private:
  static bool is_converted(const ColumnChange& change) {
    return server::is_converted(dialect(), change);
  }

  /// Same rule, same column: the constraint stays.
  static bool keeps_check(const ColumnChange& column) {
    return !is_converted(column) && !server::renames_values(column) &&
           check_of(*column.before) == check_of(*column.after);
  }

  static bool keeps_default(const ColumnChange& column) {
    return !is_converted(column) && column.before->default_sql == column.after->default_sql;
  }

  /// The index of after that is the same but for its name; nullptr when it has to go.
  const Index* twin_of(const Index& before) const {
    const auto text = [](const Table& table, Index index) {
      index.name = "x";
      return create_index(table, index, false);
    };
    const bool reads_values = !before.where_sql.empty();
    if (reads_values && std::ranges::any_of(change_.columns, is_converted)) return nullptr;
    // Counted before it is built again: the index itself would not name the table's rows.
    if (before.unique && server::has_new_values(change_, before)) return nullptr;
    return server::twin_of(before, change_, [&](const Index& after) {
      return text(change_.before, before) == text(change_.after, after);
    });
  }

  const ForeignKey* twin_of(const ForeignKey& before) const {
    const auto twin = std::ranges::find_if(change_.after.foreign_keys, [&](ForeignKey after) {
      after.name = before.name;
      return after == before;
    });
    return twin == change_.after.foreign_keys.end() ? nullptr : &*twin;
  }

  std::string rename_constraints() const {
    std::string text;
    for (const ForeignKey& key : change_.before.foreign_keys) {
      const ForeignKey* twin = twin_of(key);
      if (twin == nullptr || twin->name == key.name) continue;
      text += "ALTER TABLE " + ident(table_) + " RENAME CONSTRAINT " + ident(key.name) + " TO " +
              ident(twin->name) + ";\n";
    }
    return text;
  }

  std::string drop_indexes() const {
    std::string drops;
    std::string renames;
    for (const Index& index : change_.before.indexes) {
      const Index* twin = twin_of(index);
      if (twin == nullptr) {
        drops += "DROP INDEX " + ident(index.name) + ";\n";
      } else if (twin->name != index.name) {
        renames += "ALTER INDEX " + ident(index.name) + " RENAME TO " + ident(twin->name) + ";\n";
      }
    }
    return drops + renames;
  }

  std::string drop_rules() const {
    Alteration alteration;
    for (const ForeignKey& key : change_.before.foreign_keys) {
      const bool stays = twin_of(key) != nullptr || change_.after.find(key.column) == nullptr;
      if (!stays) alteration.add("DROP CONSTRAINT " + ident(key.name));
    }
    if (server::key_columns(change_.before) != server::key_columns(change_.after))
      alteration.add("DROP CONSTRAINT " + ident(server::key_name(table_)));
    for (const ColumnChange& column : change_.columns) {
      if (!column.before || !column.after) continue;
      const std::string alter = "ALTER COLUMN " + ident(column.after->name) + " ";
      if (!check_of(*column.before).empty() && !keeps_check(column))
        alteration.add("DROP CONSTRAINT " + ident(server::check_name(column.before->name)));
      if (!column.before->default_sql.empty() && !keeps_default(column))
        alteration.add(alter + "DROP DEFAULT");
      const bool may_be_empty = column.after->nullable || column.is_replaced;
      if (!column.before->nullable && may_be_empty) alteration.add(alter + "DROP NOT NULL");
    }
    return alteration.sql(table_);
  }

  /// What is the same for all rows costs nothing: PostgreSQL keeps it once, beside the table.
  std::string add_columns() const {
    Alteration alteration;
    for (const ColumnChange& column : change_.columns) {
      if (column.before || !column.after) continue;
      const Column& made = *column.after;
      std::string text = "ADD COLUMN " + ident(made.name) + " " + dialect().type_of(made);
      if (is_constant(column.fill)) {
        if (!made.nullable) text += " NOT NULL";
        text += " DEFAULT " + server::fill_of(dialect(), column.fill, made, "");
      }
      alteration.add(text);
    }
    return alteration.sql(table_);
  }

  /// Values that come from the row as it was, for all columns in one pass.
  std::string fill() const {
    std::string sets;
    std::string rows;
    bool is_for_all = false;
    for (const ColumnChange& column : change_.columns) {
      if (!column.after || is_converted(column) || (column.before && converts_all_)) continue;
      const std::string name = ident(column.after->name);
      std::string where;
      std::string value = value_in_place(column, where);
      if (value.empty()) continue;
      sets += (sets.empty() ? "" : ",\n  ") + name + " = " + value;
      if (where.empty()) is_for_all = true;
      rows += (rows.empty() ? "" : " OR ") + where;
    }
    if (sets.empty()) return "";
    return "UPDATE " + ident(table_) + " SET\n  " + sets + (is_for_all ? "" : "\n  WHERE " + rows) +
           ";\n";
  }

  /// "" for none. `where`: the rows that get it; "" for all.
  static std::string value_in_place(const ColumnChange& column, std::string& where) {
    const std::string name = ident(column.after->name);
    const bool is_filled = column.fill.source != Fill::Source::null && !is_later(column);
    if (!column.before) {
      if (!is_filled || is_constant(column.fill)) return "";
      return filled(column);
    }
    std::string value = server::kept_value(dialect(), column).value;
    if (server::renames_values(column)) where = server::renamed_rows(dialect(), column);
    if (is_filled) {
      value = "coalesce(" + value + ", " + filled(column) + ")";
      where += (where.empty() ? "" : " OR ") + name + " IS NULL";
    }
    return where.empty() ? "" : value;
  }

  static std::string filled(const ColumnChange& column) {
    if (column.fill.source != Fill::Source::field)
      return server::fill_of(dialect(), column.fill, *column.after, "");
    server::Converted made =
        dialect().converted(*column.fill.field, *column.after, column.fill.conversion);
    made.column = column.fill.field->name;
    return as_column(made, *column.after);
  }

  /// Every USING reads the row as it was.
  std::string convert() const {
    Alteration alteration;
    for (const ColumnChange& column : change_.columns) {
      if (!column.before || !column.after) continue;
      std::string where;
      const bool in_place = !is_converted(column) && !value_in_place(column, where).empty();
      if (!is_converted(column) && !(converts_all_ && in_place)) continue;
      const std::string type = dialect().type_of(*column.after);
      std::string value = "NULL";
      if (!column.is_replaced)
        value = as_column(server::kept_value(dialect(), column), *column.after);
      if (column.fill.source != Fill::Source::null && !is_later(column)) {
        value =
            column.is_replaced ? filled(column) : "coalesce(" + value + ", " + filled(column) + ")";
      }
      alteration.add("ALTER COLUMN " + ident(column.after->name) + " TYPE " + type + " USING " +
                     value);
    }
    return alteration.sql(table_);
  }

  /// References to some row, and values that have to differ.
  std::string fill_later() const {
    std::string text;
    for (const ColumnChange& column : change_.columns) {
      if (!column.after || !is_later(column)) continue;
      const std::string name = ident(column.after->name);
      const bool for_all = !column.before || column.is_replaced;
      const std::string gap = for_all ? "" : table_name() + "." + name + " IS NULL";
      const ForeignKey* key = change_.after.key_of(column.after->name);
      const bool is_row = column.fill.source == Fill::Source::row;
      if (!is_numbered(column) || change_.after.is_pivot()) {
        const std::string value = is_row
                                      ? server::some_row(key->target)
                                      : server::fill_of(dialect(), column.fill, *column.after, "");
        text += "UPDATE " + table_name() + " SET " + name + " = " + value +
                (gap.empty() ? "" : " WHERE " + gap) + ";\n";
      } else {
        text += numbered(column, gap);
      }
      if (is_row && !column.after->nullable)
        text += server::missing_check(change_.after, column.after->name);
    }
    return text;
  }

  std::string numbered(const ColumnChange& column, const std::string& gap) const {
    const bool is_row = column.fill.source == Fill::Source::row;
    const std::vector<std::string> others =
        is_row ? partners(change_.after, change_.before, column.after->name)
               : std::vector<std::string>();
    const bool spares = is_row && spares_deleted(change_.after, change_.before, column.after->name);
    std::string text = "UPDATE " + table_name() + " SET " + ident(column.after->name) + " = ";
    text += is_row ? "target.id"
                   : server::fill_of(dialect(), column.fill, *column.after, "wanted.place");
    text += "\n  FROM (SELECT id, " + server::place_of(others, spares) + " AS place FROM " +
            table_name() + ") AS wanted";
    if (is_row) {
      text += "\n  JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM " +
              ident(change_.after.key_of(column.after->name)->target) +
              ") AS target ON target.place = wanted.place";
    }
    return text + "\n  WHERE wanted.id = " + table_name() + ".id" +
           (gap.empty() ? "" : " AND " + gap) + ";\n";
  }

  std::string set_rules() const {
    Alteration alteration;
    for (const ColumnChange& column : change_.columns) {
      if (!column.after) continue;
      const Column& made = *column.after;
      const bool is_new = !column.before;
      const bool has_value_as_default = is_new && is_constant(column.fill);
      const std::string alter = "ALTER COLUMN " + ident(made.name) + " ";
      const bool was_required =
          is_new ? has_value_as_default : !column.before->nullable && !column.is_replaced;
      if (!made.nullable && !was_required && made.key == 0) alteration.add(alter + "SET NOT NULL");
      const std::string wanted = dialect().literal(made, made.default_sql);
      std::string present;
      if (has_value_as_default) present = server::fill_of(dialect(), column.fill, made, "");
      if (!is_new && keeps_default(column)) present = wanted;
      if (present != wanted)
        alteration.add(alter + (wanted.empty() ? "DROP DEFAULT" : "SET DEFAULT " + wanted));
      const std::string check = check_of(made);
      if (!check.empty() && (is_new || !keeps_check(column))) alteration.add("ADD " + check);
    }
    if (server::key_columns(change_.before) != server::key_columns(change_.after)) {
      alteration.add("ADD CONSTRAINT " + ident(server::key_name(table_)) + " PRIMARY KEY (" +
                     sqlite::idents(server::key_columns(change_.after)) + ")");
    }
    for (const ForeignKey& key : change_.after.foreign_keys) {
      const bool stays =
          std::ranges::any_of(change_.before.foreign_keys,
                              [&](const ForeignKey& before) { return twin_of(before) == &key; });
      if (!stays) alteration.add("ADD " + server::foreign_key(key, true));
    }
    return alteration.sql(table_);
  }

  std::string add_indexes() const {
    std::string text;
    for (const Index& index : change_.after.indexes) {
      const bool stays = std::ranges::any_of(
          change_.before.indexes, [&](const Index& before) { return twin_of(before) == &index; });
      if (stays) continue;
      if (index.unique) text += server::unique_check(dialect(), change_.after, index);
      text += create_index(change_.after, index, false);
    }
    return text;
  }

  std::string table_name() const { return ident(table_); }

  const TableChange& change_;
  const std::string& table_;
  bool converts_all_ = false;  ///< Kept columns get their values by USING, from the row as it was.
};

/// Only indexes, each built beside the writers. One that a broken run left half done is no index.
std::string change_apart(const TableChange& change) {
  std::string text;
  const auto is_in = [](const std::vector<Index>& indexes, const Index& index) {
    return std::ranges::find(indexes, index) != indexes.end();
  };
  const auto drop = [](const Index& index) {
    return "DROP INDEX CONCURRENTLY IF EXISTS " + ident(index.name) + ";\n";
  };
  for (const Index& index : change.before.indexes) {
    if (!is_in(change.after.indexes, index)) text += drop(index);
  }
  for (const Index& index : change.after.indexes) {
    if (is_in(change.before.indexes, index)) continue;
    text += drop(index) + create_index(change.after, index, true);
  }
  return text;
}

}  // namespace

std::string change_table(const TableChange& change, bool is_apart) {
  return is_apart ? change_apart(change) : Change(change).sql();
}

}  // namespace kitgen::evolve::postgres
