// SPDX-License-Identifier: Apache-2.0
#include "kitgen/evolve/difference.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "kitgen/evolve/conversion.hpp"

namespace kitgen::evolve {
namespace {

constexpr std::array<std::string_view, 5> automatic_names{"id", "created_at", "updated_at",
                                                          "version", "deleted_at"};

bool is_automatic(const Column& column) {
  return std::ranges::find(automatic_names, column.name) != automatic_names.end();
}

std::string quoted(const std::string& name) {
  return "'" + name + "'";
}

/// Compares two catalogues table by table, column by column.
class Matcher {
 public:
  Matcher(const Catalogue& a, const Catalogue& b, const Decisions& decisions)
      : a_(a), b_(b), decisions_(decisions) {}

  Difference match() {
    match_entities();
    match_pivots();
    for (TableMatch& match : found_.tables) match_columns(match);
    ask_for_tables();
    tell_unknown_decisions();
    return std::move(found_);
  }

 private:
  bool is_gone(const Table& table) const { return !matched_from_.contains(table.name); }
  bool is_new(const Table& table) const { return !matched_to_.contains(table.name); }

  void pair(const Table& from, const Table& to) {
    found_.tables.push_back({from.name, to.name, {}});
    matched_from_.insert(from.name);
    matched_to_.insert(to.name);
  }

  void problem(const Hints& hints, std::string message, std::string remedy) {
    found_.problems.push_back(
        {hints.line, hints.position, std::move(message), std::move(remedy), hints.file});
  }

  /// Pairs what is left on both sides and `is_same`.
  template <class Same>
  void match_left(Same is_same) {
    std::vector<const Table*> left;
    for (const Table& table : a_.tables) {
      if (is_gone(table)) left.push_back(&table);
    }
    for (const Table& to : b_.tables) {
      for (const Table* each : left) {
        const Table& from = *each;
        if (!is_new(to)) break;
        if (from.is_pivot() != to.is_pivot() || !is_gone(from)) continue;
        if (is_same(from, to)) pair(from, to);
      }
    }
  }

  bool decided(const std::string& from, const std::string& to) {
    const auto found = std::ranges::find(decisions_.renames, std::pair(from, to));
    if (found == decisions_.renames.end()) return false;
    used_.insert("--rename " + from + "=" + to);
    return true;
  }

  bool is_dropped(const std::string& name) {
    if (std::ranges::find(decisions_.drops, name) == decisions_.drops.end()) return false;
    used_.insert("--drop " + name);
    return true;
  }

  bool is_denied(const std::string& from, const std::string& to) const {
    return std::ranges::find(decisions_.denied, std::pair(from, to)) != decisions_.denied.end();
  }

  void match_entities() {
    match_left([](const Table& from, const Table& to) {
      return !to.is_pivot() && from.entity == to.entity;
    });
    for (const Table& to : b_.tables) {
      const std::string& former = to.hints.renamed_from;
      if (to.is_pivot() || former.empty() || !is_new(to)) continue;
      const auto left = [&](const Catalogue& side) {
        return std::ranges::any_of(side.tables, [&](const Table& table) {
          return !table.is_pivot() && table.entity == former;
        });
      };
      if (left(a_) && left(b_)) {
        problem(to.hints,
                "entity " + quoted(to.entity) + " says it was renamed from " + quoted(former) +
                    ", which is still there",
                "remove renamed_from, or the entity " + quoted(former));
      }
    }
    match_left([](const Table& from, const Table& to) {
      return !to.is_pivot() && from.entity == to.hints.renamed_from;
    });
    match_left([&](const Table& from, const Table& to) { return decided(from.name, to.name); });
    match_left(
        [](const Table& from, const Table& to) { return !to.is_pivot() && from.name == to.name; });
  }

  /// The name in `b` of an entity of `a`.
  std::string entity_now(const std::string& entity) const {
    for (const Table& table : a_.tables) {
      if (table.is_pivot() || table.entity != entity) continue;
      const TableMatch* match = found_.from(table.name);
      return match == nullptr ? "" : b_.find(match->to)->entity;
    }
    return "";
  }

  void match_pivots() {
    match_left([&](const Table& from, const Table& to) {
      return to.is_pivot() && entity_now(from.entity) == to.entity && from.relation == to.relation;
    });
    match_left([&](const Table& from, const Table& to) {
      return to.is_pivot() && entity_now(from.entity) == to.entity &&
             from.relation == to.hints.renamed_from;
    });
    match_left(
        [](const Table& from, const Table& to) { return to.is_pivot() && from.name == to.name; });
  }

  void match_columns(TableMatch& match) {
    const Table& from = *a_.find(match.from);
    const Table& to = *b_.find(match.to);
    std::set<std::string> gone;
    std::set<std::string> fresh;
    for (const Column& column : from.columns) gone.insert(column.name);
    for (const Column& column : to.columns) fresh.insert(column.name);
    const auto take = [&](const Column& was, const Column& is) {
      gone.erase(was.name);
      fresh.erase(is.name);
      match.columns.push_back({was.name, is.name, renamed_values(was, is)});
    };
    for (const Column& is : to.columns) {
      // The sides of a pivot are called after their entities.
      const auto was = to.is_pivot() && is.key > 0
                           ? std::ranges::find(from.columns, is.key, &Column::key)
                           : std::ranges::find(from.columns, is.name, &Column::name);
      if (was != from.columns.end() && gone.contains(was->name)) take(*was, is);
    }
    refuse_swaps(from, to);
    for (const Column& is : to.columns) {
      const std::string& former = is.hints.renamed_from;
      if (!fresh.contains(is.name) || former.empty() || from.find(former) == nullptr) continue;
      if (gone.contains(former)) {
        take(*from.find(former), is);
      } else {
        problem(is.hints,
                quoted(to.name + "." + is.name) + " says it was renamed from " + quoted(former) +
                    ", which is still there",
                "remove renamed_from, or the field " + quoted(former));
      }
    }
    for (const Column& is : to.columns) {
      for (const Column& was : from.columns) {
        if (!fresh.contains(is.name) || !gone.contains(was.name)) continue;
        if (decided(from.name + "." + was.name, is.name)) take(was, is);
      }
    }
    ask_for_columns(from, to, gone, fresh);
  }

  /// Two fields that each say they were the other: their values would stay where they are.
  void refuse_swaps(const Table& from, const Table& to) {
    for (const Column& is : to.columns) {
      const Column* other = to.find(is.hints.renamed_from);
      const bool swaps = other != nullptr && other->hints.renamed_from == is.name &&
                         is.name < other->name && from.find(is.name) != nullptr &&
                         from.find(other->name) != nullptr;
      if (!swaps) continue;
      problem(is.hints,
              quoted(to.name + "." + is.name) + " and " + quoted(other->name) +
                  " say that they changed names with each other",
              "rename one to a third name first, with kitgen generate after each step; remove both "
              "renamed_from when that is done");
    }
  }

  std::vector<std::pair<std::string, std::string>> renamed_values(const Column& was,
                                                                  const Column& is) {
    std::vector<std::pair<std::string, std::string>> renamed;
    const auto has = [](const Column& column, const std::string& value) {
      return std::ranges::find(column.values, value) != column.values.end();
    };
    for (const auto& [former, now] : is.hints.renamed_values) {
      if (!has(was, former) || has(was, now)) continue;
      if (has(is, former)) {
        problem(is.hints,
                "value " + quoted(now) + " says it was renamed from " + quoted(former) +
                    ", which is still there",
                "remove renamed_from, or the value " + quoted(former));
      } else {
        renamed.emplace_back(former, now);
      }
    }
    return renamed;
  }

  /// Whether a column that is gone may be the new one: the same kind of values, and as a reference
  /// to the same table.
  bool look_alike(const Table& from, const Column& was, const Table& to, const Column& is) const {
    if (is_automatic(was) || is_automatic(is)) return false;
    const ForeignKey* old_key = from.key_of(was.name);
    const ForeignKey* new_key = to.key_of(is.name);
    if ((old_key == nullptr) != (new_key == nullptr)) return false;
    if (old_key != nullptr) {
      const TableMatch* target = found_.from(old_key->target);
      return target != nullptr && target->to == new_key->target;
    }
    return conversion_of(was, is) == Conversion::same && conversion_of(is, was) == Conversion::same;
  }

  void ask_for_columns(const Table& from, const Table& to, const std::set<std::string>& gone,
                       std::set<std::string> fresh) {
    for (const Column& was : from.columns) {
      if (!gone.contains(was.name)) continue;
      const std::string name = from.name + "." + was.name;
      if (is_dropped(name)) continue;
      for (const Column& is : to.columns) {
        if (!fresh.contains(is.name) || !look_alike(from, was, to, is)) continue;
        if (is_denied(name, is.name)) continue;
        fresh.erase(is.name);
        // A relation is called without the _id of its column.
        const bool is_key = from.key_of(was.name) != nullptr && was.name.ends_with("_id");
        const std::string former = is_key ? was.name.substr(0, was.name.size() - 3) : was.name;
        found_.questions.push_back({name, is.name, false, is.hints.line, is.hints.position,
                                    "renamed_from: " + former, is.hints.file});
        break;
      }
    }
  }

  /// How many columns two tables share, the automatic ones apart.
  static std::pair<std::size_t, std::size_t> shared(const Table& from, const Table& to) {
    std::size_t same = 0;
    std::size_t all = 0;
    for (const Column& is : to.columns) {
      if (is_automatic(is)) continue;
      ++all;
      const Column* was = from.find(is.name);
      if (was != nullptr && conversion_of(*was, is) == Conversion::same) ++same;
    }
    return {same, all};
  }

  void ask_for_tables() {
    std::set<std::string> asked;
    for (const Table& from : a_.tables) {
      if (from.is_pivot() || !is_gone(from) || is_dropped(from.name)) continue;
      for (const Table& to : b_.tables) {
        if (to.is_pivot() || !is_new(to) || asked.contains(to.name)) continue;
        const auto [same, all] = shared(from, to);
        if (same == 0 || 2 * same < all || is_denied(from.name, to.name)) continue;
        asked.insert(to.name);
        found_.questions.push_back({from.name, to.name, true, to.hints.line, to.hints.position,
                                    "renamed_from: " + from.entity, to.hints.file});
        break;
      }
    }
  }

  bool is_gone(const std::string& name) const {
    const std::size_t dot = name.find('.');
    const Table* table = a_.find(name.substr(0, dot));
    if (table == nullptr) return false;
    const TableMatch* match = found_.from(table->name);
    if (dot == std::string::npos) return match == nullptr;
    const std::string column = name.substr(dot + 1);
    return match != nullptr && table->find(column) != nullptr &&
           std::ranges::find(match->columns, column, &ColumnMatch::from) == match->columns.end();
  }

  /// A decision about nothing is a slip, and hides a question that was meant.
  void tell_unknown_decisions() {
    const auto tell = [&](const std::string& words, const std::string& why) {
      found_.slips.push_back(
          {0, 0, words + ": " + why,
           "name what is gone as table.column or table, as kitgen generate does when it asks", ""});
    };
    for (const auto& [from, to] : decisions_.renames) {
      const std::string words = "--rename " + from + "=" + to;
      if (!used_.contains(words)) tell(words, "nothing of these names is gone and new");
    }
    for (const std::string& name : decisions_.drops) {
      if (!is_gone(name)) tell("--drop " + name, "the schema has it still, or it never was there");
    }
  }

  const Catalogue& a_;
  const Catalogue& b_;
  const Decisions& decisions_;
  Difference found_;
  std::set<std::string> used_;
  std::set<std::string> matched_from_;
  std::set<std::string> matched_to_;
};

}  // namespace

const TableMatch* Difference::from(std::string_view table) const {
  const auto found = std::ranges::find(tables, table, &TableMatch::from);
  return found == tables.end() ? nullptr : &*found;
}

const TableMatch* Difference::to(std::string_view table) const {
  const auto found = std::ranges::find(tables, table, &TableMatch::to);
  return found == tables.end() ? nullptr : &*found;
}

Difference Difference::inverted() const {
  Difference back;
  for (const TableMatch& table : tables) {
    TableMatch match{table.to, table.from, {}};
    for (const ColumnMatch& column : table.columns) {
      ColumnMatch inverse{column.to, column.from, {}};
      for (const auto& [former, now] : column.values) inverse.values.emplace_back(now, former);
      match.columns.push_back(std::move(inverse));
    }
    back.tables.push_back(std::move(match));
  }
  return back;
}

Difference difference(const Catalogue& a, const Catalogue& b, const Decisions& decisions) {
  return Matcher(a, b, decisions).match();
}

}  // namespace kitgen::evolve
