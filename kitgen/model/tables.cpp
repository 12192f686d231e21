// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

Column column_of(const Service& service, const Field& field) {
  Column column;
  column.name = field.name;
  column.type = field.type;
  column.is_array = field.is_array;
  column.precision = field.precision;
  column.scale = field.scale;
  column.max_length = field.max_length;
  column.sql = field.sql;
  column.nullable = field.optional;
  column.is_primary_key = field.origin == Origin::id;
  column.is_sequence =
      field.origin == Origin::id && service.entities[field.id_entity].id_kind == IdKind::sequence;
  if (field.default_value) column.default_sql = field.default_value->sql;
  if (field.origin == Origin::version) column.default_sql = "1";
  column.renamed_from = field.renamed_from;
  return column;
}

ForeignKey foreign_key(const std::string& table, const Field& field, const Entity& target,
                       OnDelete on_delete) {
  return {limited_name("fk_" + table + "_" + field.name),
          field.name,
          target.table,
          "id",
          on_delete,
          false};
}

Table entity_table(const Service& service, std::size_t index) {
  const Entity& entity = service.entities[index];
  Table table;
  table.name = entity.table;
  table.entity = index;
  table.indexes = entity.indexes;
  for (const Field& field : entity.fields) {
    table.columns.push_back(column_of(service, field));
    if (!field.is_foreign_key()) continue;
    const Relation& relation = entity.relations[field.relation];
    table.foreign_keys.push_back(
        foreign_key(table.name, field, service.entities[field.id_entity], relation.on_delete));
  }
  return table;
}

Table pivot_table(const Service& service, std::size_t entity, std::size_t relation) {
  const Pivot& pivot = *service.entities[entity].relations[relation].pivot;
  Table table;
  table.name = pivot.table;
  table.entity = entity;
  table.relation = relation;
  for (std::size_t i = 0; i < pivot.fields.size(); ++i) {
    Column column = column_of(service, pivot.fields[i]);
    if (i < 2) {
      column.is_primary_key = true;
      table.foreign_keys.push_back(foreign_key(table.name, pivot.fields[i],
                                               service.entities[pivot.fields[i].id_entity],
                                               OnDelete::cascade));
    }
    table.columns.push_back(std::move(column));
  }
  // The primary key starts with the left side; the way back needs its own.
  table.indexes.push_back({limited_name("ix_" + table.name + "_" + pivot.right_column),
                           {pivot.right_column},
                           false,
                           ""});
  return table;
}

/// Which entities each entity's rows point to, and how many of them are not placed yet.
struct Graph {
  struct Node {
    std::vector<std::size_t> required_by;  ///< Entities with a required relation to this one.
    std::vector<std::size_t> wanted_by;    ///< Entities with any relation to this one.
    std::size_t required = 0;
    std::size_t wanted = 0;
    bool is_placed = false;
  };
  std::vector<Node> nodes;

  explicit Graph(const Service& service) : nodes(service.entities.size()) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      for (const Relation& relation : service.entities[i].relations) {
        if (relation.kind != RelationKind::belongs_to || relation.target == none ||
            relation.target == i)
          continue;
        nodes[relation.target].wanted_by.push_back(i);
        ++nodes[i].wanted;
        if (relation.optional) continue;
        nodes[relation.target].required_by.push_back(i);
        ++nodes[i].required;
      }
    }
  }
};

/// Targets first, in the schema's order where that leaves a choice; a cycle is entered where only
/// optional relations are open. Entities of a cycle of required relations are left out.
std::vector<std::size_t> creation_order(Graph& graph) {
  std::set<std::size_t> free;      // nothing open
  std::set<std::size_t> possible;  // only optional relations open
  const auto file = [&](std::size_t i) {
    if (graph.nodes[i].is_placed) return;
    if (graph.nodes[i].wanted == 0) free.insert(i);
    if (graph.nodes[i].required == 0) possible.insert(i);
  };
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) file(i);
  std::vector<std::size_t> order;
  while (!free.empty() || !possible.empty()) {
    const std::size_t next = free.empty() ? *possible.begin() : *free.begin();
    free.erase(next);
    possible.erase(next);
    graph.nodes[next].is_placed = true;
    order.push_back(next);
    for (const std::size_t i : graph.nodes[next].required_by) --graph.nodes[i].required;
    for (const std::size_t i : graph.nodes[next].wanted_by) --graph.nodes[i].wanted;
    for (const std::size_t i : graph.nodes[next].wanted_by) file(i);
  }
  return order;
}

/// The first required relation of an entity that is not placed yet.
const schema::Relation* open_relation(const Context& context, const Graph& graph,
                                      std::size_t entity) {
  const Entity& here = context.service.entities[entity];
  for (std::size_t i = 0; i < here.relations.size(); ++i) {
    const Relation& relation = here.relations[i];
    if (relation.kind != RelationKind::belongs_to || relation.optional || relation.target == none ||
        relation.to_self)
      continue;
    if (!graph.nodes[relation.target].is_placed) return context.notes[entity].relation_syntax[i];
  }
  return nullptr;
}

/// Tells each cycle of required relations once. Every entity that is not placed leads into one.
void tell_cycles(Context& context, const Graph& graph) {
  std::vector<std::size_t> visited_from(graph.nodes.size(), none);
  for (std::size_t start = 0; start < graph.nodes.size(); ++start) {
    if (graph.nodes[start].is_placed) continue;
    std::vector<std::size_t> path;
    std::size_t at = start;
    while (visited_from[at] == none) {
      visited_from[at] = start;
      path.push_back(at);
      at = context.entity_by_name.at(open_relation(context, graph, at)->entity.text);
    }
    if (visited_from[at] != start) continue;  // leads into a cycle that was told
    std::string names;
    const auto cycle = std::ranges::find(path, at);
    constexpr std::ptrdiff_t shown = 8;
    for (auto each = cycle; each != path.end(); ++each) {
      if (each - cycle < shown) names += context.service.entities[*each].name + " -> ";
      if (each - cycle == shown) names += "... -> ";
    }
    names += context.service.entities[at].name;
    context.diagnostics.error(
        open_relation(context, graph, at)->name,
        "required relations form a cycle, so no row could ever be created first: " + names,
        "make one of them optional: true");
  }
}

void tell_required_self_relations(Context& context, std::size_t entity) {
  const Entity& here = context.service.entities[entity];
  for (std::size_t i = 0; i < here.relations.size(); ++i) {
    const Relation& relation = here.relations[i];
    if (relation.kind != RelationKind::belongs_to || relation.optional || !relation.to_self)
      continue;
    context.diagnostics.error(context.notes[entity].relation_syntax[i]->name,
                              "a required relation of " + in_quotes(here.name) +
                                  " to itself: no row could ever be created first",
                              "add optional: true");
  }
}

void check_table_names(Context& context) {
  NameScope names;
  for (std::size_t i = 0; i < context.service.entities.size(); ++i) {
    // Clashes among entities were told when they were named.
    names.add(context.service.entities[i].table, context.syntax.entities[i].name,
              "the table of entity " + in_quotes(context.service.entities[i].name));
  }
  for (std::size_t i = 0; i < context.service.entities.size(); ++i) {
    const Entity& entity = context.service.entities[i];
    for (std::size_t j = 0; j < entity.relations.size(); ++j) {
      if (!entity.relations[j].pivot) continue;
      const Word& word = context.notes[i].relation_syntax[j]->name;
      names.declare(entity.relations[j].pivot->table, word,
                    "pivot table " + in_quotes(entity.relations[j].pivot->table),
                    context.diagnostics);
    }
  }
}

void mark_later_targets(Service& service) {
  std::set<std::string_view> created;
  for (Table& table : service.tables) {
    created.insert(table.name);
    for (ForeignKey& key : table.foreign_keys)
      key.target_is_later = !created.contains(key.target_table);
  }
}

}  // namespace

void build_tables(Context& context) {
  Service& service = context.service;
  check_table_names(context);
  for (std::size_t i = 0; i < service.entities.size(); ++i)
    tell_required_self_relations(context, i);
  Graph graph(service);
  service.import_order = creation_order(graph);
  if (service.import_order.size() < service.entities.size()) tell_cycles(context, graph);
  for (const std::size_t i : service.import_order)
    service.tables.push_back(entity_table(service, i));
  for (std::size_t i = 0; i < service.entities.size(); ++i) {
    for (std::size_t j = 0; j < service.entities[i].relations.size(); ++j) {
      if (service.entities[i].relations[j].pivot)
        service.tables.push_back(pivot_table(service, i, j));
    }
  }
  mark_later_targets(service);
}

}  // namespace kitgen::model
