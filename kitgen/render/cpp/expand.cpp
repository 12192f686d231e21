// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/cpp/expand.hpp"

#include <algorithm>
#include <utility>

#include "kitgen/render/cpp/access.hpp"
#include "kitgen/render/cpp/layers.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using model::Relation;
using model::RelationKind;
using Strings = std::vector<std::string>;

/// As its columns are, so that their indexes are used.
constexpr const char* uuid_of_mysql = "char(36) CHARACTER SET ascii";

bool is_same(const Way& way, const Entity& owner, const Relation& relation) {
  if (relation.kind == RelationKind::belongs_to) return way.by_id();
  if (way.by_id()) return false;
  if (relation.kind == RelationKind::many_to_many || way.relation->pivot)
    return way.owner == &owner && way.relation == &relation;
  return way.relation->inverse_field == relation.inverse_field;
}

std::string way_number(const Project& project, const Entity& owner, const Relation& relation) {
  const std::vector<Way> ways = ways_to(project, project.target(relation));
  const auto found =
      std::ranges::find_if(ways, [&](const Way& way) { return is_same(way, owner, relation); });
  return std::to_string(found - ways.begin());
}

std::string relation_row(const Project& project, const Entity& entity, const Relation& relation) {
  const Entity& target = project.target(relation);
  Strings arguments{"\"" + relation.name + "\"", target.snake + "_expandable",
                    way_number(project, entity, relation)};
  const auto add_list = [&](const std::string& table, const std::string& column) {
    arguments.push_back("biz::" + table + "_table");
    arguments.push_back(std::string("biz::").append(table).append("_columns::").append(column));
  };
  switch (relation.kind) {
    case RelationKind::belongs_to:
      arguments.push_back("\"" + relation.field + "\"");
      return call(4, "kit::rest::belongs_to<&biz::" + entity.name + "::" + relation.field + ">",
                  arguments, ",");
    case RelationKind::has_one:
      arguments.push_back("\"" + relation.inverse_field + "\"");
      return call(4, "kit::rest::has_one", arguments, ",");
    case RelationKind::has_many:
      arguments.push_back("\"" + relation.inverse_field + "\"");
      add_list(target.snake, relation.inverse_field);
      return call(4, "kit::rest::has_many", arguments, ",");
    case RelationKind::many_to_many:
      break;
  }
  add_list(relation.pivot->table, relation.pivot->left_column);
  const std::string type =
      relation.pivot->has_link() ? "<biz::" + relation.pivot->link_type + ", write>" : "";
  return call(4, "kit::rest::many_to_many" + type, arguments, ",");
}

/// What a row found must be, besides related.
std::string conditions(const Project& project, const Entity& entity, bool by_id) {
  std::string text;
  bool is_first = true;
  const std::string indent(by_id ? 3 : 11, ' ');
  const auto add = [&](const std::string& condition) {
    text.append("\n").append(indent);
    text.append(is_first ? "WHERE " : "  AND ").append(condition);
    is_first = false;
  };
  if (entity.soft_delete) add(entity.table + ".deleted_at IS NULL");
  if (!has_row_access(entity)) return text;
  int number = by_id ? 2 : 4;
  const std::string owner = "?" + std::to_string(number + 1);
  std::string own = "(?" + std::to_string(number++) + " = 1";
  for (const std::string& rule : row_owners(project, entity)) {
    own.append("\n")
        .append(indent)
        .append("       OR (?")
        .append(std::to_string(++number))
        .append(" = 1 AND ");
    own.append(rule).append(" = ").append(owner).append(")");
  }
  add(own + ")");
  return text;
}

/// The keys in ?1 as a table, each with its place from 0, written behind `indent` blanks.
std::string keys_in(std::string_view dialect, model::IdKind kind, std::size_t indent) {
  const bool is_uuid = kind == model::IdKind::uuid;
  if (dialect == "sqlite") return "SELECT key AS kit_key, value AS kit_value FROM json_each(?1)";
  const std::string from = "\n" + std::string(indent, ' ') + "  FROM ";
  if (dialect == "postgresql") {
    return std::string("SELECT ordinality - 1 AS kit_key, CAST(value AS ") +
           (is_uuid ? "uuid" : "bigint") + ") AS kit_value" + from +
           "jsonb_array_elements_text(?1) WITH ORDINALITY";
  }
  const std::string column = "\n" + std::string(indent + 9, ' ');
  return "SELECT place - 1 AS kit_key, kit_value" + from + "JSON_TABLE(?1, '$[*]' COLUMNS (" +
         column + "place FOR ORDINALITY," + column + "kit_value " +
         (is_uuid ? uuid_of_mysql : "bigint") + " PATH '$')) AS ids";
}

View texts(model::IdKind keys, std::size_t indent) {
  View list{View::type::list};
  for (const std::string_view dialect : {"sqlite", "postgresql", "mysql"}) {
    View view{View::type::object};
    view.set("dialect", std::string(dialect));
    view.set("keys", keys_in(dialect, keys, indent));
    list.push_back(view);
  }
  return list;
}

View way_view(const Project& project, const Entity& entity, const Way& way) {
  View view{View::type::object};
  view.set("by_id", flag(way.by_id()));
  view.set("sql_table", entity.table);
  view.set("where", conditions(project, entity, way.by_id()));
  Strings columns = column_names(entity);
  columns.push_back("kit_key");
  Strings links;
  if (way.has_link()) {
    for (const model::Field* field : way.relation->pivot->link_fields()) {
      columns.push_back("kit_link_" + field->name);
      links.push_back(way.relation->pivot->table + "." + field->name + " AS kit_link_" +
                      field->name);
    }
  }
  view.set("select", fill("", columns, 9));
  view.set("has_link", flag(way.has_link()));
  view.set("links", fill("", links, 17));
  view.set("by_pivot", flag(!way.by_id() && way.relation->pivot.has_value()));
  view.set("by_field", flag(!way.by_id() && !way.relation->pivot));
  view.set("texts", way.by_id() ? texts(entity.id_kind, 10) : texts(way.owner->id_kind, 18));
  if (way.by_id()) return view;
  view.set("from", way.owner->name + "." + way.relation->name);
  view.set("field", way.relation->inverse_field);
  if (!way.relation->pivot) return view;
  view.set("pivot", way.relation->pivot->table);
  view.set("left", way.relation->pivot->left_column);
  view.set("right", way.relation->pivot->right_column);
  return view;
}

View link_view(const Entity& entity, const Way& way, std::size_t number) {
  View view{View::type::object};
  view.set("way", std::to_string(number));
  view.set("links", way.relation->pivot->table + "_links");
  view.set("link_type", way.relation->pivot->link_type);
  view.set("first", std::to_string(column_names(entity).size() + 1));
  View reads{View::type::list};
  for (const model::Field* field : way.relation->pivot->link_fields()) {
    reads.push_back(View{"      in." + row_call(*field, "read", "link." + field->name) + ";"});
  }
  view.set("reads", reads);
  return view;
}

}  // namespace

std::vector<Way> ways_to(const Project& project, const Entity& entity) {
  std::vector<Way> by_id;
  std::vector<Way> by_field;
  std::vector<Way> by_pivot;
  for (const Entity& other : project.service.entities) {
    for (const Relation& relation : other.relations) {
      if (&project.target(relation) != &entity) continue;
      if (relation.kind == RelationKind::belongs_to) {
        if (by_id.empty()) by_id.emplace_back();
      } else if (relation.kind == RelationKind::many_to_many) {
        by_pivot.push_back({&other, &relation});
      } else if (std::ranges::none_of(
                     by_field, [&](const Way& way) { return is_same(way, other, relation); })) {
        by_field.push_back({&other, &relation});
      }
    }
  }
  by_id.insert(by_id.end(), by_field.begin(), by_field.end());
  by_id.insert(by_id.end(), by_pivot.begin(), by_pivot.end());
  return by_id;
}

bool has_expansion(const Entity& entity) {
  return !entity.relations.empty();
}

bool is_expandable(const Project& project, const Entity& entity) {
  return has_expansion(entity) || !ways_to(project, entity).empty();
}

void add_expansion(const Project& project, const Entity& entity, View& view) {
  Strings rows;
  for (const Relation& relation : entity.relations) {
    rows.push_back(relation_row(project, entity, relation));
  }
  view.set("relation_rows", render::rows(rows));
  view.set("has_expansion", flag(has_expansion(entity)));
  view.set("is_expandable", flag(is_expandable(project, entity)));
  view.set("is_related", flag(!ways_to(project, entity).empty()));
  view.set("write_row",
           protect("    .write = kit::rest::write_row<biz::" + entity.name + ", write>,", 4));
  view.set("load_from", protect("    .load = kit::rest::load_from<biz::" + entity.name +
                                    ", service::" + entity.name + "Service>,",
                                4));
}

void add_related(const Project& project, const Entity& entity, View& view) {
  const std::vector<Way> ways = ways_to(project, entity);
  View statements{View::type::list};
  View links{View::type::list};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    statements.push_back(way_view(project, entity, ways[i]));
    if (ways[i].has_link()) links.push_back(link_view(entity, ways[i], i));
  }
  view.set("is_related", flag(!ways.empty()));
  view.set("has_related_links", flag(!links.is_empty_list()));
  view.set("ways", statements);
  view.set("related_links", links);
  view.set("sink_related", sink("read_" + entity.snake + "(row, found.items.emplace_back())"));
  Strings arguments{"session_",   "related_sql[query.way]",
                    "query",      std::to_string(column_names(entity).size()),
                    "found.keys", "sink"};
  if (has_row_access(entity)) arguments.push_back("biz::" + entity.snake + "_access");
  view.set("run_related", call(2, "co_await kit::record::find_related", arguments, ";"));
}

View key_texts(model::IdKind keys) {
  const bool is_uuid = keys == model::IdKind::uuid;
  View list{View::type::list};
  const auto add = [&list](const char* dialect, const std::string& text) {
    View view{View::type::object};
    view.set("dialect", std::string(dialect));
    view.set("keys", text);
    list.push_back(view);
  };
  add("sqlite", "SELECT value FROM json_each(?2)");
  add("postgresql", std::string("SELECT CAST(value AS ") + (is_uuid ? "uuid" : "bigint") +
                        ") FROM jsonb_array_elements_text(?2)");
  add("mysql", std::string("SELECT id FROM JSON_TABLE(?2, '$[*]' COLUMNS (\n") +
                   std::string(15, ' ') + "id " + (is_uuid ? uuid_of_mysql : "bigint") +
                   " PATH '$')) AS ids");
  return list;
}

std::string expandables_header(const Project& project) {
  return project.path("api", "expandables.gen.hpp");
}

void add_expandables(const Project& project, std::vector<File>& files) {
  View view = project.view();
  View entities{View::type::list};
  for (const Entity& entity : project.service.entities) {
    if (is_expandable(project, entity)) entities.push_back(project.view(entity));
  }
  if (entities.is_empty_list()) return;
  view.set("entities", entities);
  files.push_back(project.generated("api", "expandables.gen.hpp", "expandables.hpp", view));
}

}  // namespace kitgen::render
