// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "kitgen/adopt/detail/lookup.hpp"
#include "kitgen/adopt/detail/proposal.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::adopt {
namespace {

/// A belongs_to and what the other side needs to know of it.
struct Edge {
  std::size_t from = 0;
  std::size_t to = 0;
  std::string name;
  bool is_unique = false;
};

class RelationBuilder {
 public:
  explicit RelationBuilder(Proposal& proposal)
      : proposal_(proposal), required_(proposal.entities.size()) {}

  void add() {
    for (std::size_t i = 0; i < proposal_.entities.size(); ++i) {
      for (const ForeignKey& key : proposal_.entities[i].table->foreign_keys) add_key(i, key);
    }
    for (const Edge& edge : edges_) add_way_back(edge);
  }

 private:
  void add_key(std::size_t index, const ForeignKey& key) {
    Entity& entity = proposal_.entities[index];
    const Entity* target = find_entity(proposal_, key.table);
    const std::string what =
        "the foreign key " + listed(key.columns) + " to " + shown(key.table) + " is not carried";
    if (target == nullptr) {
      entity.notes.push_back(what + ": the table is not here");
      return;
    }
    if (key.columns.size() == 1 && entity.names.contains(key.columns.front()) &&
        find_field(entity, key.columns.front()) == nullptr) {
      entity.notes.push_back(what + ": the column has another meaning already");
      return;
    }
    Item item;
    item.name = relation_name(entity, key, *target);
    item.set("entity", target->name);
    note_columns(entity, key, *target, item);
    const bool is_unique = set_unique(entity, key, item);
    set_optional(index, key, item);
    set_on_delete(key, item);
    if (!key.on_update.empty() && key.on_update != "NO ACTION" && key.on_update != "RESTRICT")
      proposal_.has_on_update = true;
    edges_.push_back({index, proposal_.by_table.at(target->table->name), item.name, is_unique});
    entity.belongs_to.push_back(std::move(item));
  }

  static std::string relation_name(Entity& entity, const ForeignKey& key, const Entity& target) {
    std::string name =
        key.columns.size() > 1 ? target.snake : snake_name(key.columns.front(), target.snake);
    std::string key_name = "_id";
    if (!name.ends_with(key_name) && key.table_columns.size() == 1)
      key_name = "_" + snake_name(key.table_columns.front(), "id");
    if (name.ends_with(key_name)) name.resize(name.size() - key_name.size());
    if (name.starts_with("id_")) name.erase(0, 3);
    if (name.empty() || name == "id" || !model::is_snake_case(name) || model::is_cpp_word(name))
      name = target.snake;
    while (entity.members.contains(name) || entity.members.contains(name + "_id") ||
           !is_free_name(name + "_id") || model::is_cpp_word(name))
      name += "_ref";
    entity.members.insert(name);
    entity.members.insert(name + "_id");
    return name;
  }

  void note_columns(Entity& entity, const ForeignKey& key, const Entity& target, Item& item) {
    const std::string column = item.name + "_id";
    if (key.columns.size() > 1) {
      item.notes.push_back("it stands for " + listed(key.columns) + " -> " +
                           listed(key.table_columns));
      for (const std::string& each : key.columns) entity.names.try_emplace(each, column);
      return;
    }
    if (key.columns.front() != column)
      item.notes.push_back("column '" + shown(key.columns.front()) + "'");
    const bool to_id = key.table_columns.empty() ||
                       key.table_columns == std::vector{target.key_column} ||
                       (target.key_column.empty() && key.table_columns.front() == "id");
    if (!to_id || target.key_column.empty()) {
      item.notes.push_back("in the database it holds " +
                           (key.table_columns.empty() ? "the key" : listed(key.table_columns)) +
                           " of " + shown(key.table) + "; here the id");
    }
    entity.names[key.columns.front()] = column;
  }

  static bool set_unique(const Entity& entity, const ForeignKey& key, Item& item) {
    const Table& table = *entity.table;
    const bool is_key = table.primary_key == key.columns;
    const bool is_unique = is_key || std::ranges::any_of(table.indexes, [&](const Index& index) {
                             return index.unique && index.where.empty() && index.note.empty() &&
                                    index.columns == key.columns;
                           });
    if (is_unique) item.set("unique", "true");
    if (is_key) item.set("immutable", "true");
    return is_unique;
  }

  /// Whether the second can be reached from the first over required relations.
  bool leads_to(std::size_t from, std::size_t to) const {
    std::vector<bool> seen(required_.size());
    std::vector<std::size_t> open{from};
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      if (at == to) return true;
      if (seen[at]) continue;
      seen[at] = true;
      open.insert(open.end(), required_[at].begin(), required_[at].end());
    }
    return false;
  }

  void set_optional(std::size_t index, const ForeignKey& key, Item& item) {
    const Entity& entity = proposal_.entities[index];
    const bool nullable = std::ranges::any_of(key.columns, [&](const std::string& name) {
      const Column* column = find_column(*entity.table, name);
      return column == nullptr || column->nullable;
    });
    const std::size_t target =
        proposal_.by_table.at(find_table(proposal_.catalogue, key.table)->name);
    if (nullable) {
      item.set("optional", "true");
    } else if (leads_to(target, index)) {
      item.set("optional", "true");
      item.notes.emplace_back(
          "required in the database; optional here, or no row of the cycle could be the first");
    } else {
      required_[index].push_back(target);
    }
  }

  static void set_on_delete(const ForeignKey& key, Item& item) {
    if (key.on_delete == "CASCADE") {
      item.set("on_delete", "cascade");
    } else if (key.on_delete == "SET NULL" && item.find("optional") != nullptr) {
      item.set("on_delete", "set_null");
    } else if (key.on_delete == "SET DEFAULT" || key.on_delete == "SET NULL") {
      item.notes.push_back("ON DELETE " + key.on_delete + " is not carried: it is restrict here");
    }
  }

  void add_way_back(const Edge& edge) {
    Entity& target = proposal_.entities[edge.to];
    const Entity& child = proposal_.entities[edge.from];
    const auto ways = std::ranges::count_if(
        edges_, [&](const Edge& other) { return other.from == edge.from && other.to == edge.to; });
    std::string name = edge.is_unique ? child.snake : model::pluralise(child.snake);
    const bool is_obvious = ways == 1 && edge.from != edge.to;
    if (edge.from == edge.to && edge.name == "parent" && !edge.is_unique) {
      name = "children";
    } else if (target.members.contains(name) || (!is_obvious && edge.name != target.snake)) {
      name += "_by_" + edge.name;
    }
    Item item;
    item.name = unused_name(std::move(name), target.members);
    item.set("entity", child.name);
    if (ways > 1) item.set("by", edge.name);
    (edge.is_unique ? target.has_one : target.has_many).push_back(std::move(item));
  }

  Proposal& proposal_;
  std::vector<std::vector<std::size_t>> required_;
  std::vector<Edge> edges_;
};

void add_join(Proposal& proposal, const Table& table) {
  Entity* left = find_entity(proposal, table.foreign_keys[0].table);
  Entity* right = find_entity(proposal, table.foreign_keys[1].table);
  std::string far_column = table.foreign_keys[1].columns.front();
  if (left == nullptr || right == nullptr) {
    proposal.entities.front().notes.push_back("the join table " + shown(table.name) +
                                              " leads to tables that are not here");
    return;
  }
  // The side whose name the table begins with declares, so that the table keeps its name.
  const std::string name = snake_name(table.name, "");
  if (!name.starts_with(left->snake) && name.starts_with(right->snake)) {
    std::swap(left, right);
    far_column = table.foreign_keys[0].columns.front();
  }
  std::string far = snake_name(far_column, right->snake);
  if (far.ends_with("_id")) far.resize(far.size() - 3);
  Item item;
  item.name = unused_name(model::pluralise(left == right ? far : right->snake), left->members);
  item.set("entity", right->name);
  const std::string pivot = left->snake + "_" + item.name;
  if (pivot != table.name)
    item.notes.push_back("table '" + shown(table.name) + "' in the database, " + pivot + " here");
  std::vector<std::string> lost;
  for (const Column& column : table.columns) {
    const bool is_side = std::ranges::any_of(table.foreign_keys, [&](const ForeignKey& key) {
      return key.columns.front() == column.name;
    });
    if (!is_side) lost.push_back(column.name);
  }
  if (!lost.empty()) item.notes.push_back("without " + listed(lost));
  const bool restricts = std::ranges::any_of(
      table.foreign_keys, [](const ForeignKey& key) { return key.on_delete != "CASCADE"; });
  if (restricts) {
    item.notes.emplace_back(
        "its rows go with either side; in the database they keep it from being deleted");
  }
  for (const std::string& note : table.notes) item.notes.push_back(note);
  if (!table.triggers.empty())
    item.notes.push_back("not carried: triggers " + listed(table.triggers));
  left->many_to_many.push_back(std::move(item));
}

}  // namespace

void add_relations(Proposal& proposal) {
  RelationBuilder(proposal).add();
}

void add_joins(Proposal& proposal) {
  for (const Table& table : proposal.catalogue.tables) {
    if (proposal.joins.contains(table.name)) add_join(proposal, table);
  }
}

}  // namespace kitgen::adopt
