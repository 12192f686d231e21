// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kit/base/text.hpp"
#include "kitgen/evolve/changes.hpp"

namespace kitgen::evolve {
namespace {

using model::Scalar;

bool less(const std::string& a, const std::string& b) {
  const auto x = kit::parse_int(a);
  const auto y = kit::parse_int(b);
  if (x && y) return *x < *y;
  return kit::parse_double(a).value_or(0) < kit::parse_double(b).value_or(0);
}

std::string quoted(const Table& table, const Column& column) {
  return "'" + table.name + "." + column.name + "'";
}

/// The columns of one table, one after the other.
class ColumnPlanner {
 public:
  ColumnPlanner(const Table& before, const Table& after, const TableMatch& match, Way way,
                std::vector<Problem>& problems)
      : before_(before), after_(after), match_(match), way_(way), problems_(problems) {}

  TableChange plan() {
    TableChange change{before_, after_, {}};
    for (const Column& column : after_.columns) {
      const auto pair = std::ranges::find(match_.columns, column.name, &ColumnMatch::to);
      change.columns.push_back(pair == match_.columns.end()
                                   ? added(column)
                                   : kept(*before_.find(column.name), column, pair->values));
    }
    for (const Column& column : before_.columns) {
      if (after_.find(column.name) == nullptr) {
        ColumnChange& dropped = change.columns.emplace_back();
        dropped.before = column;
      }
    }
    return change;
  }

 private:
  void problem(const Column& column, std::string message, std::string remedy) {
    problems_.push_back({column.hints.line, column.hints.position,
                         quoted(after_, column) + " " + std::move(message), std::move(remedy),
                         column.hints.file});
  }

  ColumnChange added(const Column& column) {
    ColumnChange change;
    change.after = column;
    change.fill = fill_of(column, "is new and required, but rows that are there already");
    change.is_checked = change.fill.source == Fill::Source::field;
    return change;
  }

  ColumnChange kept(const Column& before, const Column& after,
                    const std::vector<std::pair<std::string, std::string>>& values) {
    ColumnChange change;
    change.before = before;
    change.after = after;
    change.values = values;
    const std::optional<Conversion> conversion = conversion_of(before, after);
    check_target(before, after);
    if (!conversion) {
      if (way_ == Way::down) {  // a value that never was of this type
        change.is_replaced = true;
        change.fill = fill_of(after, "");
        return change;
      }
      tell_type(before, after);
      return change;
    }
    change.conversion = *conversion;
    change.is_checked = *conversion != Conversion::same || is_narrowed(before, after, values);
    if (before.nullable && !after.nullable) {
      change.fill = fill_of(after, "becomes required, but rows that are there already may");
      if (change.fill.source == Fill::Source::field) change.is_checked = true;
    }
    return change;
  }

  void tell_type(const Column& before, const Column& after) {
    if (before.type == Scalar::id && after.type == Scalar::id) {
      const auto kind = [](const Column& column) { return column.is_uuid ? "uuid" : "sequence"; };
      return problem(after,
                     "holds ids that change from " + std::string(kind(before)) + " to " +
                         kind(after) + "; every reference to them, also outside, would break",
                     "keep the kind of the ids; make a new entity where another kind is needed");
    }
    problem(after,
            "changes from " + type_text(before) + " to " + type_text(after) +
                ", and no conversion keeps its data",
            "add a new field with backfill: first, and remove this one in a later change");
  }

  void check_target(const Column& before, const Column& after) {
    const ForeignKey* was = before_.key_of(before.name);
    const ForeignKey* is = after_.key_of(after.name);
    if (was == nullptr || is == nullptr || was->target == is->target || way_ == Way::down) return;
    problem(after,
            "referred to " + was->target + " and now to " + is->target +
                "; the ids of one mean nothing in the other",
            "add a relation of another name, and remove this one in a later change");
  }

  Fill fill_of(const Column& column, const std::string& what) {
    if (way_ == Way::down) {
      if (!column.default_sql.empty())
        return {Fill::Source::literal, column.default_sql, {}, Conversion::same, false};
      return column.nullable ? Fill{} : made_up(after_, column);
    }
    const Backfill& backfill = column.hints.backfill;
    switch (backfill.source) {
      case Backfill::Source::literal:
        if (backfill.text.empty()) break;
        return {Fill::Source::literal, backfill.text, {}, Conversion::same, false};
      case Backfill::Source::now:
        return {Fill::Source::now, "", {}, Conversion::same, false};
      case Backfill::Source::field:
        return field_fill(column, backfill.text);
      case Backfill::Source::none:
        break;
    }
    if (!column.nullable) tell_missing(column, what);
    return {};
  }

  void tell_missing(const Column& column, const std::string& what) {
    const ForeignKey* key = after_.key_of(column.name);
    if (column.name.ends_with("_currency") && column.max_length == 3U && column.min_length == 3U) {
      return problem(column, what + " have no value for it",
                     "give the money field its currency: EUR, for example, or make it optional: "
                     "true");
    }
    problem(column, what + " have no value for it",
            key != nullptr ? "give the relation backfill: an id of " + key->target +
                                 ", or make it optional: true"
                           : "give it a default: or backfill: (a value, or {field: other_field}), "
                             "or make it optional: true");
  }

  /// Of another column of the row: by its name of before, or of after.
  Fill field_fill(const Column& column, const std::string& name) {
    const auto pair = std::ranges::find(match_.columns, name, &ColumnMatch::from);
    const Column* source = before_.find(pair == match_.columns.end() ? name : pair->to);
    if (source == nullptr) source = before_.find(name + "_id");
    if (source == nullptr) {
      problem(column,
              "takes its backfill from '" + name + "', which is no field of " + after_.name +
                  " before this change",
              "name a field that rows have already, or give a value");
      return {};
    }
    const std::optional<Conversion> conversion = conversion_of(*source, column);
    if (!conversion) {
      problem(column,
              "cannot take its backfill from '" + name + "': " + type_text(*source) +
                  " does not become " + type_text(column),
              "name a field of a fitting type, or give a value");
      return {};
    }
    return {Fill::Source::field, "", *source, *conversion, false};
  }

  const Table& before_;
  const Table& after_;
  const TableMatch& match_;
  Way way_;
  std::vector<Problem>& problems_;
};

bool narrows_lengths(const Column& before, const Column& after) {
  const bool was_limited = before.values.empty() && before.type != Scalar::uuid;
  if (after.max_length &&
      !(was_limited && before.max_length && *before.max_length <= *after.max_length))
    return true;
  return after.min_length.value_or(0) > 0 &&
         !(was_limited && before.min_length && *before.min_length >= *after.min_length);
}

bool narrows_bounds(const Column& before, const Column& after) {
  const Bounds was = bounds_of(before);
  const Bounds is = bounds_of(after);
  if (!is.low.empty() && (was.low.empty() || less(was.low, is.low))) return true;
  return !is.high.empty() && (was.high.empty() || less(is.high, was.high));
}

}  // namespace

TableChange change_of(const Table& before, const Table& after, const TableMatch& match, Way way,
                      std::vector<Problem>& problems) {
  return ColumnPlanner(before, after, match, way, problems).plan();
}

bool is_narrowed(const Column& before, const Column& after,
                 const std::vector<std::pair<std::string, std::string>>& values) {
  if (after.is_array || after.type == Scalar::json) return false;
  if (after.type == Scalar::enumeration) {
    if (before.values.empty()) return true;
    return std::ranges::any_of(before.values, [&](const std::string& value) {
      const auto renamed =
          std::ranges::find(values, value, &std::pair<std::string, std::string>::first);
      const std::string& now = renamed == values.end() ? value : renamed->second;
      return std::ranges::find(after.values, now) == after.values.end();
    });
  }
  if (after.type == Scalar::boolean || after.type == Scalar::uuid) return false;
  return narrows_lengths(before, after) || narrows_bounds(before, after);
}

bool is_unique(const Table& table, const std::string& column) {
  return std::ranges::any_of(table.indexes, [&](const Index& index) {
    return index.unique && std::ranges::find(index.columns, column) != index.columns.end();
  });
}

Fill made_up(const Table& table, const Column& column) {
  const bool distinct = is_unique(table, column.name);
  const bool is_reference = table.key_of(column.name) != nullptr;
  return {
      is_reference ? Fill::Source::row : Fill::Source::filler, "", {}, Conversion::same, distinct};
}

std::vector<std::string> partners(const Table& after, const Table& before,
                                  const std::string& column) {
  std::vector<std::string> names;
  std::size_t indexes = 0;
  for (const Index& index : after.indexes) {
    if (!index.unique || std::ranges::find(index.columns, column) == index.columns.end()) continue;
    ++indexes;
    for (const std::string& name : index.columns) {
      if (name != column && before.find(name) != nullptr) names.push_back(name);
    }
  }
  return indexes == 1 ? names : std::vector<std::string>();
}

bool spares_deleted(const Table& after, const Table& before, const std::string& column) {
  if (before.find("deleted_at") == nullptr || after.find("deleted_at") == nullptr) return false;
  return std::ranges::all_of(after.indexes, [&](const Index& index) {
    return !index.unique || std::ranges::find(index.columns, column) == index.columns.end() ||
           index.where_sql.ends_with("deleted_at IS NULL");
  });
}

}  // namespace kitgen::evolve
