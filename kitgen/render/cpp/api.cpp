// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/cpp/api.hpp"

#include <algorithm>
#include <utility>

#include "kitgen/model/quote.hpp"
#include "kitgen/render/cpp/layers.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using model::Field;
using model::RelationKind;
using model::Scalar;
using Strings = std::vector<std::string>;

constexpr std::string_view response_task = "kit::Task<kit::http::Response>";

bool is_collection(const model::Relation& relation) {
  return relation.kind == RelationKind::has_many || relation.kind == RelationKind::many_to_many;
}

/// Whether some entity has one of these.
bool is_had(const Project& project, const Entity& entity) {
  for (const Entity& other : project.service.entities) {
    for (const model::Relation* relation : relations(other, RelationKind::has_one)) {
      if (&project.target(*relation) == &entity) return true;
    }
  }
  return false;
}

std::string value_type(const Field& field, const model::Service& service) {
  switch (field.type) {
    case Scalar::boolean:
      return "&kit::rest::bool_value";
    case Scalar::int32:
    case Scalar::int64:
      return "&kit::rest::int64_value";
    case Scalar::float32:
    case Scalar::float64:
      return "&kit::rest::double_value";
    case Scalar::decimal:
      return "&kit::rest::decimal_value";
    case Scalar::date:
      return "&kit::rest::date_value";
    case Scalar::time:
      return "&kit::rest::time_value";
    case Scalar::timestamp:
      return "&kit::rest::timestamp_value";
    case Scalar::duration:
      return "&kit::rest::duration_value";
    case Scalar::uuid:
      return "&kit::rest::uuid_value";
    case Scalar::enumeration:
      return "&kit::rest::enum_value<biz::" + field.cpp_type + ">";
    case Scalar::id:
      return service.entities[field.id_entity].id_kind == model::IdKind::uuid
                 ? "&kit::rest::uuid_value"
                 : "&kit::rest::int64_value";
    default:
      return "&kit::rest::text_value";
  }
}

std::string list_row(const Entity& entity, const Field& field, const model::Service& service) {
  Strings parts{"&biz::" + entity.snake + "_columns::" + field.name, value_type(field, service)};
  if (field.type == Scalar::decimal) parts.push_back(std::to_string(field.scale));
  std::string line = "    {";
  for (const std::string& part : parts)
    line.append(&part == &parts.front() ? "" : ", ").append(part);
  return protect(line + "},", 4);
}

std::string read_id(const Entity& entity, std::string_view variable, int index) {
  const std::string type = "biz::" + entity.id_type;
  const Strings arguments =
      index == 0 ? Strings{"request"} : Strings{"request", std::to_string(index)};
  return assign(2, "const " + type + " " + std::string(variable),
                "co_await kit::rest::path_id<" + type + ">", arguments);
}

std::string typed_path(const Entity& entity, std::string path, const Entity* other = nullptr) {
  const auto type = [](const Entity& each) {
    return each.id_kind == model::IdKind::uuid ? ":uuid" : ":int64";
  };
  const std::size_t at = path.find("{id}");
  path.insert(at + 3, type(entity));
  if (other != nullptr) path.append("/{other_id").append(type(*other)).append("}");
  return path;
}

/// The rows of the table in add_to(), and the names of the handlers.
struct RouteTable {
  Strings rows;
  Strings handlers;

  void add(const Entity& entity, std::string_view method, const std::string& path,
           const std::string& handler, const std::string& body = "") {
    Strings parts{"Method::" + std::string(method), "\"" + path + "\"",
                  "call<&" + entity.name + "Routes::" + handler + ">"};
    if (!body.empty()) parts.push_back("Body::" + body);
    parts.back() += "},";
    rows.push_back(protect(fill("      {", parts, 7), 6));
    handlers.push_back(handler);
  }
};

RouteTable route_table(const Project& project, const Entity& entity) {
  RouteTable table;
  const std::string one = typed_path(entity, entity.path_id);
  table.add(entity, "get", entity.path, "list");
  table.add(entity, "post", entity.path, "create", "json");
  table.add(entity, "get", one, "get");
  table.add(entity, "put", one, "replace", "json");
  table.add(entity, "patch", one, "patch", "patch");
  table.add(entity, "delete_", one, "remove");
  if (entity.soft_delete)
    table.add(entity, "post", typed_path(entity, restore_path(entity)), "restore", "json");
  for (const model::Action& action : entity.actions) {
    table.add(entity, "post", typed_path(entity, action.path), "post_" + action.name, "json");
  }
  for (const model::Relation& relation : entity.relations) {
    if (relation.kind == RelationKind::belongs_to) continue;
    const std::string path = entity.path_id + "/" + relation.name;
    table.add(entity, "get", typed_path(entity, path),
              (is_collection(relation) ? "list_" : "get_") + relation.name);
    if (relation.kind != RelationKind::many_to_many) continue;
    const Entity& target = project.target(relation);
    table.add(entity, "put", typed_path(entity, path, &target), "link_" + relation.name);
    table.add(entity, "delete_", typed_path(entity, path, &target), "unlink_" + relation.name);
  }
  return table;
}

View action_views(const Project& project, const Entity& entity) {
  View list{View::type::list};
  for (const model::Action& action : entity.actions) {
    View view{View::type::object};
    view.set("action", action.name);
    view.set("has_input", flag(!action.input_type.empty()));
    view.set("input_type", action.input_type);
    view.set("make_input", call(2, "kit::rest::Input<biz::" + action.input_type + "> input",
                                Strings{entity.snake + "_" + action.name + "_fields",
                                        "kit::rest::Mode::create", "biz::validate"},
                                ";"));
    Strings arguments{"id"};
    if (!action.input_type.empty()) arguments.push_back("std::move(body)");
    const std::string function = "uses_." + entity.plural + "." + action.name;
    const bool answers = action.output != model::none;
    view.set("call", answers ? assign(2,
                                      "const biz::" + project.service.entities[action.output].name +
                                          " result",
                                      "co_await " + function, arguments)
                             : call(2, "co_await " + function, arguments, ";"));
    const bool is_self = answers && &project.service.entities[action.output] == &entity;
    view.set("returns_self", flag(is_self));
    view.set("returns_other", flag(answers && !is_self));
    view.set("returns_nothing", flag(!answers));
    list.push_back(view);
  }
  return list;
}

View had_views(const Project& project, const Entity& entity) {
  View list{View::type::list};
  for (const model::Relation& relation : entity.relations) {
    if (relation.kind == RelationKind::belongs_to) continue;
    const Entity& target = project.target(relation);
    const bool is_pivot = relation.kind == RelationKind::many_to_many;
    const std::string columns = is_pivot ? relation.pivot->table : target.snake;
    const std::string column = is_pivot ? relation.pivot->left_column : relation.inverse_field;
    View view{View::type::object};
    view.set("handler", (is_collection(relation) ? "list_" : "get_") + relation.name);
    const Strings scope{std::string("biz::").append(columns).append("_columns::").append(column),
                        "id.value()"};
    view.set("make_scope", assign(2, "kit::db::Filter scope", "kit::rest::scope", scope));
    const std::string routes = &target == &entity ? "" : "uses_." + target.snake + "_routes.";
    const Strings arguments =
        is_collection(relation)
            ? Strings{"request", "biz::" + columns + "_table", "std::move(scope)"}
            : Strings{"request", "std::move(scope)"};
    const std::string function = routes + (is_collection(relation) ? "list_in" : "first_in");
    view.set("call", call(2, "co_return co_await " + function, arguments, ";"));
    list.push_back(view);
  }
  return list;
}

View link_views(const Project& project, const Entity& entity) {
  View list{View::type::list};
  for (const model::Relation* relation : relations(entity, RelationKind::many_to_many)) {
    for (const std::string verb : {"link_", "unlink_"}) {
      View view{View::type::object};
      view.set("handler", verb + relation->name);
      view.set("right", relation->pivot->right_column);
      view.set("read_other", read_id(project.target(*relation), relation->pivot->right_column, 1));
      list.push_back(view);
    }
  }
  return list;
}

void add_signatures(const Entity& entity, View& view) {
  const std::string of = entity.name + "Routes::";
  const auto add = [&](const std::string& key, std::string_view type, const std::string& name,
                       const Strings& parameters) {
    view.set(key, signature(2, type, name, parameters, ";"));
    view.set(key + "_def", cut_tail(signature(0, type, of + name, parameters, " {"), " {"));
  };
  add("list_in", response_task, "list_in",
      {"kit::http::Request& request", "const kit::db::ListTable& table",
       "std::optional<kit::db::Filter> scope"});
  add("first_in", response_task, "first_in",
      {"kit::http::Request& request", "kit::db::Filter scope"});
  add("change", response_task, "change", {"kit::http::Request& request", "kit::rest::Mode mode"});
  add("refuse_known", "kit::Task<>", "refuse_known",
      {"const kit::http::Request& request", "biz::" + entity.id_type + " id"});
  add("expand", "kit::Task<" + entity.name + "Expansion>", "expand",
      {"const std::vector<biz::" + entity.name + ">& items", "kit::rest::Expand asked"});
  const std::string answer =
      signature(0, "kit::http::Response", "answer",
                Strings{"const biz::" + entity.name + "& " + variable(entity), "int status"}, " {");
  view.set(
      "create_input",
      call(2, "kit::rest::Input<biz::" + entity.name + "> input",
           Strings{entity.snake + "_fields", "kit::rest::Mode::create", "biz::validate"}, ";"));
  view.set("update",
           assign(2, "const biz::" + entity.name + " " + variable(entity),
                  "co_await uses_." + entity.plural + ".update",
                  entity.version ? Strings{"id", "version", "apply"} : Strings{"id", "apply"}));
  view.set("restored", assign(2, "const biz::" + entity.name + " " + variable(entity),
                              "co_await uses_." + entity.plural + ".restore",
                              entity.version ? Strings{"id", "version"} : Strings{"id"}));
  view.set("answer", cut_tail(answer, " {"));
  const std::string page = "kit::record::Page<biz::" + entity.name + ">";
  const std::string list = "co_await uses_." + entity.plural + ".list";
  view.set("page", assign(2, "const " + page + " page", list, Strings{"table", "asked.query"}));
  view.set("page_of_query", assign(2, "const " + page + " page", list,
                                   Strings{"biz::" + entity.snake + "_table", "query"}));
}

Strings source_includes(const Project& project, const Entity& entity) {
  Strings own{"kit/json/writer.hpp",
              "kit/rest/entity_tag.hpp",
              "kit/rest/list_request.hpp",
              "kit/rest/request.hpp",
              project.path("api", entity.snake + "_json.gen.hpp"),
              project.path("biz", entity.snake + "_list.gen.hpp")};
  for (const Entity* other : used_services(project, entity)) {
    own.push_back(project.path("service", other->snake + "_service.gen.hpp"));
  }
  for (const Entity* other : used_routes(project, entity)) {
    own.push_back(project.path("api", other->snake + "_routes.gen.hpp"));
    own.push_back(project.path("biz", other->snake + "_list.gen.hpp"));
  }
  for (const model::Action& action : entity.actions) {
    if (action.output == model::none) continue;
    own.push_back(
        project.path("api", project.service.entities[action.output].snake + "_json.gen.hpp"));
  }
  return own;
}

void add_lists(const Project& project, const Entity& entity, View& view) {
  Strings rows;
  for (const Field& field : entity.fields) {
    if (!field.secret && (field.filterable || field.sortable))
      rows.push_back(list_row(entity, field, project.service));
  }
  view.set("list_rows", render::rows(rows));
  Strings search;
  for (const std::string& name : entity.list.search) {
    search.push_back("    &biz::" + entity.snake + "_columns::" + name + ",");
  }
  view.set("search_rows", render::rows(search));
  Strings names;
  for (const model::Relation* relation : relations(entity, RelationKind::belongs_to)) {
    names.push_back("    \"" + relation->name + "\",");
  }
  view.set("relation_rows", render::rows(names));
  view.set("has_search", flag(!entity.list.search.empty()));
  view.set("page_size", std::to_string(entity.list.page_size));
  view.set("max_page_size", std::to_string(entity.list.max_page_size));
}

void add_routes(const Project& project, const Entity& entity, std::vector<File>& files) {
  View view = project.view(entity);
  const RouteTable table = route_table(project, entity);
  view.set("rows", text_list(table.rows));
  view.set("handlers", text_list(table.handlers));
  view.set("path", entity.path);
  add_lists(project, entity, view);
  add_signatures(entity, view);
  view.set("read_id", read_id(entity, "id", 0));
  view.set("has_expansion", flag(has_expansion(entity)));
  view.set("expands", expand_views(project, entity));
  view.set("is_had", flag(is_had(project, entity)));
  view.set("actions", action_views(project, entity));
  view.set("had", had_views(project, entity));
  view.set("links", link_views(project, entity));
  View services{View::type::list};
  for (const Entity* other : used_services(project, entity))
    services.push_back(project.view(*other));
  View routes{View::type::list};
  Strings forwards;
  for (const Entity* other : used_routes(project, entity)) {
    routes.push_back(project.view(*other));
    forwards.push_back(other->name + "Routes");
  }
  std::ranges::sort(forwards);
  view.set("services", services);
  view.set("routes", routes);
  view.set("forwards", text_list(forwards));
  view.set("has_forwards", flag(!forwards.empty()));
  view.set("header", project.path("api", entity.snake + "_routes.gen.hpp"));
  Strings own{"kit/async/task.hpp",   "kit/base/result.hpp", "kit/db/list_query.hpp",
              "kit/http/message.hpp", "kit/http/router.hpp", "kit/rest/input.hpp"};
  Strings standard{"optional"};
  if (has_expansion(entity)) {
    standard.push_back("vector");
    own.insert(own.end(),
               {"kit/rest/list_request.hpp", project.path("api", entity.snake + "_json.gen.hpp")});
  }
  for (const Entity* other : used_services(project, entity)) {
    own.push_back(project.path("service", other->snake + "_service.gen.hpp"));
  }
  view.set("includes", include_lines(standard, own));
  files.push_back(project.generated("api", entity.snake + "_routes.gen.hpp", "routes.hpp", view));
  standard = {"string_view", "utility"};
  if (entity.version) standard.push_back("cstdint");
  view.set("includes", include_lines(standard, source_includes(project, entity)));
  files.push_back(project.generated("api", entity.snake + "_routes.gen.cpp", "routes.cpp", view));
}

std::vector<const Entity*> used(const Project& project, const Entity& entity, bool services) {
  std::vector<const Entity*> all;
  if (services) all.push_back(&entity);
  for (const Entity& other : project.service.entities) {
    const bool is_used =
        std::ranges::any_of(entity.relations, [&](const model::Relation& relation) {
          return &project.target(relation) == &other &&
                 (relation.kind == RelationKind::belongs_to) == services;
        });
    if (is_used && &other != &entity) all.push_back(&other);
  }
  return all;
}

}  // namespace

std::vector<const Entity*> used_services(const Project& project, const Entity& entity) {
  return used(project, entity, true);
}

std::vector<const Entity*> used_routes(const Project& project, const Entity& entity) {
  return used(project, entity, false);
}

void add_api(const Project& project, std::vector<File>& files) {
  for (const Entity& entity : project.service.entities) {
    add_json(project, entity, files);
    add_routes(project, entity, files);
  }
}

}  // namespace kitgen::render
