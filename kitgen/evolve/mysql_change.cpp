// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kitgen/evolve/changes.hpp"
#include "kitgen/evolve/mysql_text.hpp"
#include "kitgen/evolve/sqlite_text.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::evolve::mysql {
namespace {

using sqlite::ident;

/// A column takes its new values beside the old ones, and then their place.
std::string draft_of(const std::string& column) {
  return limited_name("kit_new_" + column);
}

/// MySQL fills the rows with a literal that is the default meanwhile.
bool is_constant(const Fill& fill) {
  return fill.source == Fill::Source::literal;
}

bool is_numbered(const ColumnChange& change) {
  const auto source = change.fill.source;
  return change.fill.distinct && (source == Fill::Source::filler || source == Fill::Source::row);
}

bool is_later(const ColumnChange& change) {
  return change.fill.source == Fill::Source::row || is_numbered(change);
}

/// Whether MODIFY does not do it. An assignment of UPDATE sees what those before it wrote: a value
/// from another column of the row is worked out beside the old ones as well.
bool is_drafted(const ColumnChange& change) {
  if (!change.before || !change.after) return false;
  const bool stays =
      change.conversion == Conversion::same || change.conversion == Conversion::double_to_float;
  return change.is_replaced || !stays || change.fill.source == Fill::Source::field ||
         (server::renames_values(change) && server::is_converted(dialect(), change));
}

/// The SQL of a table that stays; every statement is one DDL statement or one UPDATE.
class Change {
 public:
  Change(const TableChange& change, const std::vector<std::string>& dropped_keys)
      : change_(change), table_(change.after.name), dropped_keys_(dropped_keys) {}

  std::string sql() {
    return open() + fill() + fill_later() + drop_replaced() + close() + add_keys();
  }

 private:
  const Index* twin_of(const Index& before) const {
    const bool is_touched = std::ranges::any_of(change_.columns, [&](const ColumnChange& column) {
      const bool is_in = column.after && (std::ranges::find(before.columns, column.after->name) !=
                                              before.columns.end() ||
                                          !before.where_sql.empty());
      return is_in && (is_drafted(column) || server::is_converted(dialect(), column));
    });
    if (is_touched || (before.unique && server::has_new_values(change_, before))) return nullptr;
    const auto text = [](const Table& table, Index index) {
      const bool is_named = !index_column_name(index).empty();
      if (!is_named) index.name = "x";  // it can be renamed
      return index_column(table, index) + index_definition(table, index);
    };
    return server::twin_of(before, change_, [&](const Index& after) {
      return text(change_.before, before) == text(change_.after, after);
    });
  }

  bool stays(const Index& after) const {
    return std::ranges::any_of(change_.before.indexes,
                               [&](const Index& before) { return twin_of(before) == &after; });
  }

  bool is_dropped(const ForeignKey& key) const {
    return std::ranges::find(dropped_keys_, key.name) != dropped_keys_.end();
  }

  /// A key stays when nothing of it changes, and neither the index that it stands on.
  bool stays(const ForeignKey& before) const {
    if (is_dropped(before)) return false;
    const auto same = std::ranges::find_if(change_.after.foreign_keys, [&](ForeignKey after) {
      after.deferred = before.deferred;
      return after == before;
    });
    if (same == change_.after.foreign_keys.end()) return false;
    const bool loses_index = std::ranges::any_of(change_.before.indexes, [&](const Index& index) {
      return index.columns.front() == before.column && twin_of(index) == nullptr;
    });
    const auto column = std::ranges::find_if(change_.columns, [&](const ColumnChange& each) {
      return each.after && each.after->name == before.column;
    });
    const bool changes =
        column != change_.columns.end() && column->before &&
        (is_drafted(*column) || definition(*column->before) != definition(*column->after));
    return !loses_index && !changes && !changes_primary_key();
  }

  bool changes_primary_key() const {
    return server::key_columns(change_.before) != server::key_columns(change_.after);
  }

  bool keeps_check(const ColumnChange& column) const {
    return !is_drafted(column) && !server::renames_values(column) &&
           !server::is_converted(dialect(), column) &&
           check_of(table_, *column.before) == check_of(table_, *column.after);
  }

  std::string open() const {
    Alteration keys;
    for (const ForeignKey& key : change_.before.foreign_keys) {
      if (!stays(key) && !is_dropped(key)) keys.add("DROP FOREIGN KEY " + ident(key.name));
    }
    Alteration alteration;
    for (const Index& index : change_.before.indexes) {
      const Index* twin = twin_of(index);
      if (twin == nullptr) {
        alteration.add("DROP INDEX " + ident(index.name));
        const std::string only = index_column_name(index);
        if (!only.empty()) alteration.add("DROP COLUMN " + ident(only));
      } else if (twin->name != index.name) {
        alteration.add("RENAME INDEX " + ident(index.name) + " TO " + ident(twin->name));
      }
    }
    for (const ColumnChange& column : change_.columns) {
      if (!column.after) continue;
      if (!column.before) {
        alteration.add("ADD COLUMN " + added(column));
        continue;
      }
      if (!check_of(table_, *column.before).empty() && !keeps_check(column))
        alteration.add("DROP CONSTRAINT " + ident(check_name(table_, column.before->name)));
      if (is_drafted(column)) {
        alteration.add("ADD COLUMN " + ident(draft_of(column.after->name)) + " " +
                       dialect().type_of(*column.after) + " NULL");
      }
    }
    return keys.sql(table_) + alteration.sql(table_);
  }

  static std::string added(const ColumnChange& column) {
    const Column& made = *column.after;
    const std::string start = ident(made.name) + " " + dialect().type_of(made);
    if (!is_constant(column.fill)) return start + " NULL";
    return start + (made.nullable ? " NULL" : " NOT NULL") +
           default_of(made, server::fill_of(dialect(), column.fill, made, ""));
  }

  std::string fill() const {
    std::string sets;
    std::string rows;
    bool is_for_all = false;
    const auto add = [&](const std::string& name, const std::string& value,
                         const std::string& where) {
      sets += (sets.empty() ? "" : ",\n  ") + ident(name) + " = " + value;
      if (where.empty()) is_for_all = true;
      rows += (rows.empty() || where.empty() ? "" : " OR ") + where;
    };
    for (const ColumnChange& column : change_.columns) {
      if (!column.after) continue;
      const bool is_filled = column.fill.source != Fill::Source::null && !is_later(column);
      if (!column.before) {
        if (is_filled && !is_constant(column.fill)) add(column.after->name, filled(column), "");
      } else if (is_drafted(column)) {
        const std::string value = drafted(column, is_filled);
        if (value != "NULL") add(draft_of(column.after->name), value, "");
      }
    }
    for (const ColumnChange& column : change_.columns) {
      if (!column.before || !column.after || is_drafted(column)) continue;
      std::string where;
      const std::string value = in_place(column, where);
      if (!where.empty()) add(column.after->name, value, where);
    }
    if (sets.empty()) return "";
    return "UPDATE " + ident(table_) + " SET\n  " + sets + (is_for_all ? "" : "\n  WHERE " + rows) +
           ";\n";
  }

  static std::string drafted(const ColumnChange& column, bool is_filled) {
    if (column.is_replaced) return is_filled ? filled(column) : "NULL";
    const std::string value = as_column(server::kept_value(dialect(), column), *column.after);
    return is_filled ? "coalesce(" + value + ", " + filled(column) + ")" : value;
  }

  static std::string in_place(const ColumnChange& column, std::string& where) {
    const std::string name = ident(column.after->name);
    std::string value = server::kept_value(dialect(), column).value;
    if (server::renames_values(column)) where = server::renamed_rows(dialect(), column);
    if (column.fill.source != Fill::Source::null && !is_later(column)) {
      value = "coalesce(" + value + ", " + filled(column) + ")";
      where += (where.empty() ? "" : " OR ") + name + " IS NULL";
    }
    return value;
  }

  static std::string filled(const ColumnChange& column) {
    if (column.fill.source != Fill::Source::field)
      return server::fill_of(dialect(), column.fill, *column.after, "");
    server::Converted made =
        dialect().converted(*column.fill.field, *column.after, column.fill.conversion);
    made.column = column.fill.field->name;
    return as_column(made, *column.after);
  }

  std::string fill_later() const {
    std::string text;
    for (const ColumnChange& column : change_.columns) {
      if (!column.after || !is_later(column)) continue;
      const std::string name =
          is_drafted(column) ? draft_of(column.after->name) : column.after->name;
      const bool for_all = !column.before || column.is_replaced;
      const std::string gap =
          for_all ? "" : " WHERE " + ident(table_) + "." + ident(name) + " IS NULL";
      const bool is_row = column.fill.source == Fill::Source::row;
      const std::string target =
          is_row ? change_.after.key_of(column.after->name)->target : std::string();
      if (is_numbered(column) && !change_.after.is_pivot()) {
        text += numbered(column, name, target) + gap + ";\n";
      } else {
        const std::string value =
            is_row ? "(SELECT id FROM " + server::some_row(target) + " AS target)"
                   : server::fill_of(dialect(), column.fill, *column.after, "");
        text += "UPDATE " + ident(table_) + " SET " + ident(name) + " = " + value + gap + ";\n";
      }
      if (is_row && !column.after->nullable) text += server::missing_check(change_.after, name);
    }
    return text;
  }

  std::string numbered(const ColumnChange& column, const std::string& name,
                       const std::string& target) const {
    const std::vector<std::string> others =
        target.empty() ? std::vector<std::string>()
                       : partners(change_.after, change_.before, column.after->name);
    const bool spares =
        !target.empty() && spares_deleted(change_.after, change_.before, column.after->name);
    std::string text = "UPDATE " + ident(table_) + "\n  JOIN (SELECT id, " +
                       server::place_of(others, spares) + " AS place FROM " + ident(table_) +
                       ") AS wanted\n    ON wanted.id = " + ident(table_) + ".id\n";
    if (!target.empty()) {
      text += "  JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM " + ident(target) +
              ") AS target\n    ON target.place = wanted.place\n";
    }
    const std::string value =
        target.empty() ? server::fill_of(dialect(), column.fill, *column.after, "wanted.place")
                       : "target.id";
    return text + "  SET " + ident(table_) + "." + ident(name) + " = " + value;
  }

  std::string drop_replaced() const {
    Alteration alteration;
    for (const ColumnChange& column : change_.columns) {
      if (is_drafted(column)) alteration.add("DROP COLUMN " + ident(column.after->name));
    }
    return alteration.sql(table_);
  }

  std::string close() const {
    Alteration alteration;
    for (const ColumnChange& column : change_.columns) {
      if (!column.after) continue;
      const Column& made = *column.after;
      const std::string name = ident(made.name);
      if (is_drafted(column)) {
        alteration.add("CHANGE COLUMN " + ident(draft_of(made.name)) + " " + name + " " +
                       definition(made));
      } else {
        const std::string present =
            column.before ? name + " " + definition(*column.before) : added(column);
        if (present != name + " " + definition(made))
          alteration.add("MODIFY COLUMN " + name + " " + definition(made));
      }
      const std::string check = check_of(table_, made);
      if (!check.empty() && (!column.before || !keeps_check(column)))
        alteration.add("ADD " + check);
    }
    if (changes_primary_key()) {
      alteration.add("DROP PRIMARY KEY");
      alteration.add("ADD PRIMARY KEY (" + sqlite::idents(server::key_columns(change_.after)) +
                     ")");
    }
    for (const Index& index : change_.after.indexes) {
      if (stays(index)) continue;
      const std::string only = index_column(change_.after, index);
      if (!only.empty()) alteration.add("ADD COLUMN " + only);
      alteration.add("ADD " + index_definition(change_.after, index));
    }
    return alteration.sql(table_);
  }

  std::string add_keys() const {
    Alteration alteration;
    for (const ForeignKey& key : change_.after.foreign_keys) {
      const auto was = std::ranges::find(change_.before.foreign_keys, key.name, &ForeignKey::name);
      const bool is_there = was != change_.before.foreign_keys.end() && stays(*was);
      if (!is_there) alteration.add("ADD " + server::foreign_key(key, false));
    }
    return alteration.sql(table_);
  }

  const TableChange& change_;
  const std::string& table_;
  const std::vector<std::string>& dropped_keys_;
};

}  // namespace

std::string change_table(const TableChange& change, const std::vector<std::string>& dropped_keys) {
  return Change(change, dropped_keys).sql();
}

}  // namespace kitgen::evolve::mysql
