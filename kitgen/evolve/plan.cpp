// SPDX-License-Identifier: Apache-2.0
#include "kitgen/evolve/plan.hpp"

#include <algorithm>
#include <ranges>
#include <set>
#include <tuple>

#include "kitgen/evolve/changes.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::evolve {
namespace {

/// A condition with the new names of its columns. Names stand in double quotes, texts in single
/// ones.
std::string with_names(const std::string& condition, const TableMatch& match) {
  std::string text;
  for (std::size_t at = 0; at < condition.size();) {
    const char quote = condition[at];
    const bool is_quoted = quote == '"' || quote == '\'';
    const std::size_t end =
        is_quoted ? condition.find(quote, at + 1) : condition.find_first_of("\"'", at);
    const std::size_t size =
        end == std::string::npos ? condition.size() - at : end - at + (is_quoted ? 1 : 0);
    std::string part = condition.substr(at, size);
    at += size;
    if (quote == '"' && part.size() > 2) {
      const auto pair =
          std::ranges::find(match.columns, part.substr(1, part.size() - 2), &ColumnMatch::from);
      if (pair != match.columns.end()) part = model::sql_ident(pair->to);
    }
    text += part;
  }
  return text;
}

std::vector<ForeignKey> keys_of_kept(const TableChange& change) {
  std::vector<ForeignKey> keys;
  for (const ForeignKey& key : change.before.foreign_keys) {
    if (change.after.find(key.column) != nullptr) keys.push_back(key);
  }
  return keys;
}

template <class T>
bool same_by_name(std::vector<T> a, std::vector<T> b) {
  std::ranges::sort(a, {}, &T::name);
  std::ranges::sort(b, {}, &T::name);
  return a == b;
}

/// Tables in an order in which each follows those it refers to, as far as keys are not deferred.
std::vector<const Table*> creation_order(const std::vector<const Table*>& tables) {
  std::vector<const Table*> left = tables;
  std::vector<const Table*> order;
  while (!left.empty()) {
    const auto is_open = [&](const std::string& target) {
      return std::ranges::any_of(left, [&](const Table* other) { return other->name == target; });
    };
    auto next = std::ranges::find_if(left, [&](const Table* table) {
      return std::ranges::none_of(table->foreign_keys, [&](const ForeignKey& key) {
        return !key.deferred && key.target != table->name && is_open(key.target);
      });
    });
    if (next == left.end()) next = left.begin();
    order.push_back(*next);
    left.erase(next);
  }
  return order;
}

/// The steps of one way.
class Planner {
 public:
  Planner(const Catalogue& a, const Catalogue& b, const Difference& difference, Way way)
      : a_(a), b_(b), difference_(difference), way_(way) {}

  std::vector<Step> plan() {
    rename_tables();
    find_changes();
    for (const auto& [name, match] : changed_) rename_columns(match);
    create();
    // Among all tables, the new ones too: one that is filled on the way is in its last form then.
    std::vector<const Table*> all;
    for (const Table& table : b_.tables) all.push_back(&table);
    for (const Table* table : creation_order(all)) {
      const auto change = changes_.find(table->name);
      if (change == changes_.end()) continue;
      fill_targets(change->second);
      if (changes_anything(change->second))
        add(ChangeTable{change->second}, false, keeps_all(change->second));
    }
    drop();
    return std::move(steps_);
  }

  std::vector<Problem> problems() { return std::move(problems_); }

 private:
  void add(Action action, bool destructive = false, bool reversible = true) {
    steps_.push_back({std::move(action), destructive, reversible});
  }

  void rename_tables() {
    for (const TableMatch& match : difference_.tables) {
      if (match.from == match.to) continue;
      if (a_.find(match.to) != nullptr || b_.find(match.from) != nullptr) {
        const Table& table = *b_.find(match.to);
        problems_.push_back({table.hints.line, table.hints.position,
                             "table '" + match.from + "' becomes '" + match.to +
                                 "' while another one gives up or takes one of these names",
                             "make it two changes, with kitgen generate after each",
                             table.hints.file});
      }
      add(RenameTable{match.from, match.to, *a_.find(match.from)});
    }
  }

  void find_changes() {
    for (const TableMatch& match : difference_.tables) {
      const Table& after = *b_.find(match.to);
      const Table before = renamed(*a_.find(match.from), match, difference_);
      changes_.emplace(match.to, change_of(before, after, match, way_, problems_));
      changed_.emplace(match.to, match);
    }
    for (const Table& table : b_.tables) {
      if (changes_.contains(table.name)) kept_.push_back(&table);
    }
  }

  void rename_columns(const TableMatch& match) {
    for (const ColumnMatch& column : match.columns) {
      if (column.from != column.to) {
        const Table& before = *a_.find(match.from);
        const ForeignKey* key = before.key_of(column.from);
        add(RenameColumn{match.to, column.from, column.to, *before.find(column.from),
                         key == nullptr ? "" : key->name});
      }
    }
  }

  void create() {
    std::vector<const Table*> fresh;
    for (const Table& table : b_.tables) {
      if (!changes_.contains(table.name)) fresh.push_back(&table);
    }
    for (const Table* table : creation_order(fresh)) add(CreateTable{*table});
    for (const std::string& form : b_.system) {
      if (std::ranges::find(a_.system, form) != a_.system.end()) continue;
      const std::string* other = other_form(form, a_);
      if (other == nullptr) {
        add(CreateSystemTable{form});
      } else {
        add(ChangeSystemTable{*other, form}, false, way_ == Way::up);
      }
    }
  }

  /// The form that a table of the library has in `catalogue`; null: it has none.
  static const std::string* other_form(const std::string& form, const Catalogue& catalogue) {
    const auto found = std::ranges::find_if(catalogue.system, [&](const std::string& other) {
      return change_of_system(other, form) != nullptr;
    });
    return found == catalogue.system.end() ? nullptr : &*found;
  }

  /// Whether the way back restores every value.
  static bool keeps_all(const TableChange& change) {
    return std::ranges::none_of(change.columns, [](const ColumnChange& column) {
      if (!column.before || !column.after) return false;
      return column.conversion == Conversion::text_to_decimal ||
             (column.before->nullable && !column.after->nullable);
    });
  }

  /// A required reference that comes back needs a row to refer to.
  void fill_targets(const TableChange& change) {
    for (const ColumnChange& column : change.columns) {
      if (column.after && column.fill.source == Fill::Source::row) {
        fill_table(change.after.key_of(column.after->name)->target, change.after.name,
                   column.fill.distinct);
      }
    }
  }

  void fill_table(const std::string& name, const std::string& wanted_by, bool one_each) {
    if (name == wanted_by || !filled_.insert({name, wanted_by, one_each}).second) return;
    Table table = *b_.find(name);
    for (const ForeignKey& key : table.foreign_keys) {
      if (table.find(key.column)->nullable) continue;
      fill_table(key.target, wanted_by, one_each && is_unique(table, key.column));
    }
    // What is dropped at the end is still there.
    const auto change = changes_.find(name);
    if (change != changes_.end()) {
      for (const Column& column : change->second.before.columns) {
        if (table.find(column.name) == nullptr && !column.nullable) {
          table.columns.push_back(column);
          const ForeignKey* key = change->second.before.key_of(column.name);
          if (key != nullptr) table.foreign_keys.push_back(*key);
        }
      }
    }
    add(FillTable{std::move(table), wanted_by, one_each, change == changes_.end()});
  }

  void drop() {
    std::vector<Step> drops;
    for (const Table* table : kept_) {
      const TableChange& change = changes_.at(table->name);
      if (change.drops_columns()) drops.push_back({DropColumns{change}, loses_data(change), false});
    }
    // The later ones refer to earlier ones.
    for (const std::string& form : a_.system | std::views::reverse) {
      const bool stays = std::ranges::find(b_.system, form) != b_.system.end();
      if (!stays && other_form(form, b_) == nullptr)
        drops.push_back({DropSystemTable{form}, true, false});
    }
    std::vector<const Table*> gone;
    for (const Table& table : a_.tables) {
      if (difference_.from(table.name) == nullptr) gone.push_back(&table);
    }
    for (const Table* table : creation_order(gone) | std::views::reverse) {
      drops.push_back({DropTable{*table}, true, false});
    }
    const bool loses =
        std::ranges::any_of(drops, [](const Step& step) { return step.destructive; });
    if (loses && way_ == Way::up) add(BeforeDrops{});
    std::ranges::move(drops, std::back_inserter(steps_));
  }

  /// The version counts changes of a row: nobody misses it.
  static bool loses_data(const TableChange& change) {
    return std::ranges::any_of(change.columns, [](const ColumnChange& column) {
      return !column.after && column.before->name != "version";
    });
  }

  const Catalogue& a_;
  const Catalogue& b_;
  const Difference& difference_;
  Way way_;
  std::map<std::string, TableChange> changes_;  ///< By name.
  std::map<std::string, TableMatch> changed_;
  std::vector<const Table*> kept_;
  std::set<std::tuple<std::string, std::string, bool>> filled_;
  std::vector<Step> steps_;
  std::vector<Problem> problems_;
};

}  // namespace

bool TableChange::drops_columns() const {
  return std::ranges::any_of(columns, [](const ColumnChange& column) { return !column.after; });
}

Table renamed(const Table& table, const TableMatch& match, const Difference& difference) {
  const auto name_now = [&](const std::string& column) {
    const auto pair = std::ranges::find(match.columns, column, &ColumnMatch::from);
    return pair == match.columns.end() ? column : pair->to;
  };
  Table now = table;
  now.name = match.to;
  for (Column& column : now.columns) column.name = name_now(column.name);
  for (ForeignKey& key : now.foreign_keys) {
    key.column = name_now(key.column);
    const TableMatch* target = difference.from(key.target);
    if (target != nullptr) key.target = target->to;
  }
  for (Index& index : now.indexes) {
    for (std::string& column : index.columns) column = name_now(column);
    index.where_sql = with_names(index.where_sql, match);
  }
  return now;
}

bool changes_anything(const TableChange& change) {
  const bool changes_columns = std::ranges::any_of(change.columns, [](const ColumnChange& column) {
    return column.after && (!column.before || *column.before != *column.after);
  });
  return changes_columns || !same_by_name(keys_of_kept(change), change.after.foreign_keys) ||
         !same_by_name(change.before.indexes, change.after.indexes);
}

Plan plan(const Catalogue& a, const Catalogue& b, const Difference& difference) {
  Plan plan;
  plan.problems = difference.problems;
  Planner up(a, b, difference, Way::up);
  plan.up = up.plan();
  std::ranges::move(up.problems(), std::back_inserter(plan.problems));
  const Difference back = difference.inverted();
  // The way back has no problem of its own: what it can not know it makes up.
  plan.down = Planner(b, a, back, Way::down).plan();
  plan.name = name_of(plan.up);
  describe(plan);
  return plan;
}

std::vector<Plan> plans_apart(const Catalogue& a, const Catalogue& b,
                              const Difference& difference) {
  Catalogue between = b;
  for (const TableMatch& match : difference.tables) {
    const Table before = renamed(*a.find(match.from), match, difference);
    Table& table = *std::ranges::find(between.tables, match.to, &Table::name);
    std::erase_if(table.indexes, [&](const Index& index) {
      // What must be unique is so from the start; of the same name or the same columns: it follows
      // what it was.
      return !index.unique && std::ranges::none_of(before.indexes, [&](const Index& other) {
        return other.name == index.name || other.columns == index.columns;
      });
    });
  }
  if (between.same_storage(b)) return {plan(a, b, difference)};
  Plan indexes = plan(between, b, evolve::difference(between, b));
  indexes.is_apart = true;
  Plan rest = plan(a, between, difference);
  if (rest.empty() && rest.problems.empty()) return {std::move(indexes)};
  return {std::move(rest), std::move(indexes)};
}

Plan plan_first(const model::Service& service) {
  const Catalogue catalogue = catalogue_of(service);
  Plan first = plan({}, catalogue, difference({}, catalogue));
  first.is_first = true;
  first.name = "create_" + service.name;
  return first;
}

}  // namespace kitgen::evolve
