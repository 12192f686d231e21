// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/cpp/api.hpp"

#include <algorithm>
#include <utility>

#include "kitgen/model/quote.hpp"
#include "kitgen/render/cpp/access.hpp"
#include "kitgen/render/cpp/expand.hpp"
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

/// "int64" of kit::rest::int64_value and kit::rest::int64_elements
std::string value_kind(const Field& field, const model::Service& service) {
  switch (field.type) {
    case Scalar::boolean:
      return "bool";
    case Scalar::int32:
    case Scalar::int64:
      return "int64";
    case Scalar::float32:
    case Scalar::float64:
      return "double";
    case Scalar::decimal:
      return "decimal";
    case Scalar::date:
      return "date";
    case Scalar::time:
      return "time";
    case Scalar::timestamp:
      return "timestamp";
    case Scalar::duration:
      return "duration";
    case Scalar::uuid:
      return "uuid";
    case Scalar::enumeration:
      return "enum";
    case Scalar::id:
      return service.entities[field.id_entity].id_kind == model::IdKind::uuid ? "uuid" : "int64";
    default:
      return "text";
  }
}

std::string value_type(const Field& field, const model::Service& service) {
  std::string text = "&kit::rest::" + value_kind(field, service);
  text += field.is_array ? "_elements" : "_value";
  if (field.is_enum()) text += "<biz::" + service.enums[field.enum_index].name + ">";
  return text;
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

/// f(a, b) on one line.
std::string flat_call(const std::string& function, const Strings& arguments) {
  std::string text = function + "(";
  for (const std::string& argument : arguments)
    text.append(&argument == &arguments.front() ? "" : ", ").append(argument);
  return text + ")";
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
  table.add(entity, "post", entity.path + "/bulk", "bulk", "json");
  if (has_export(entity)) table.add(entity, "get", entity.path + "/export", "export_rows");
  if (has_transfers(entity))
    table.add(entity, "post", entity.path + "/import", "import_rows", "csv");
  table.add(entity, "get", one, "get");
  table.add(entity, "put", one, "replace", "json");
  table.add(entity, "patch", one, "patch", "patch");
  table.add(entity, "delete_", one, "remove");
  if (entity.soft_delete)
    table.add(entity, "post", typed_path(entity, restore_path(entity)), "restore", "json");
  if (entity.soft_delete)
    table.add(entity, "post", typed_path(entity, purge_path(entity)), "purge", "json");
  if (entity.audit) table.add(entity, "get", typed_path(entity, history_path(entity)), "history");
  for (const model::Action& action : entity.actions) {
    table.add(entity, "post", action.on_collection ? action.path : typed_path(entity, action.path),
              "post_" + action.name, "json");
  }
  for (const model::Relation& relation : entity.relations) {
    if (relation.kind == RelationKind::belongs_to) continue;
    const std::string path = entity.path_id + "/" + relation.name;
    table.add(entity, "get", typed_path(entity, path),
              (is_collection(relation) ? "list_" : "get_") + relation.name);
    if (relation.kind != RelationKind::many_to_many) continue;
    const Entity& target = project.target(relation);
    table.add(entity, "put", typed_path(entity, path, &target), "link_" + relation.name,
              relation.pivot->has_link() ? "json" : "");
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
    Strings arguments;
    view.set("on_entity", flag(!action.on_collection));
    if (!action.on_collection) arguments.push_back("id");
    if (!action.input_type.empty()) arguments.push_back("std::move(body)");
    std::string function = "uses_." + entity.plural + "." + action.name;
    // A result of its own may show what the row holds.
    view.set("notes_row", flag(entity.soft_delete && !action.result_type.empty()));
    const bool at_version = entity.version && !action.on_collection;
    view.set("at_version", flag(at_version));
    view.set("act",
             protect("  auto act = [&] { return " + flat_call(function, arguments) + "; };", 2));
    if (at_version) {
      function = "kit::rest::at_version";
      arguments = {"uses_." + entity.plural, "id", "version", "act"};
    }
    const bool answers = action.output != model::none || !action.result_type.empty();
    const std::string type = action.output != model::none
                                 ? project.service.entities[action.output].name
                                 : action.result_type;
    view.set("call", answers ? assign(2, "const biz::" + type + " result", "co_await " + function,
                                      arguments)
                             : call(2, "co_await " + function, arguments, ";"));
    const bool is_self = type == entity.name;
    view.set("returns_self", flag(is_self));
    view.set("returns_other", flag(answers && !is_self));
    view.set("returns_nothing", flag(!answers));
    list.push_back(view);
  }
  return list;
}

/// For routes that are about rows of `target` too; within a view of `entity` whose own access is
/// asked with the route.
void set_target_access(const Entity& target, View& view) {
  view.set("target_access", flag(target.access.has_value()));
  view.set("target_snake", target.snake);
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
    Strings arguments = is_collection(relation)
                            ? Strings{"request", "biz::" + columns + "_table", "std::move(scope)"}
                            : Strings{"request", "std::move(scope)"};
    const bool has_link = is_pivot && relation.pivot->has_link();
    if (has_link) {
      arguments.push_back("&links_of");
      view.set("items", "const std::vector<biz::" + target.name + ">& items");
      view.set("item", "biz::" + target.name);
      view.set("target_id", "biz::" + target.id_type);
      view.set("links", "uses_." + entity.plural + "." + relation.name + "_links");
      view.set("pair",
               "std::pair<biz::" + target.id_type + ", biz::" + relation.pivot->link_type + ">");
      view.set("links_name", relation.name + "_links_of");
      const Strings parameters{"biz::" + entity.id_type + " id",
                               "const std::vector<biz::" + target.name + ">& items"};
      const std::string links =
          signature(0, "kit::Task<std::vector<std::string>>",
                    entity.name + "Routes::" + relation.name + "_links_of", parameters, " {");
      view.set("links_def", links.substr(0, links.size() - 2));
      view.set("read_links",
               assign(2,
                      "const std::vector<std::pair<biz::" + target.id_type +
                          ", biz::" + relation.pivot->link_type + ">> links",
                      "co_await uses_." + entity.plural + "." + relation.name + "_links",
                      Strings{"id", "std::move(ids)"}));
    }
    if (!has_link && is_collection(relation) && is_linked(project, target))
      arguments.push_back("nullptr");
    view.set("has_link", flag(has_link));
    view.set("target", target.name);
    set_target_access(target, view);
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
      set_target_access(project.target(*relation), view);
      // What is linked is looked up, what is not is only taken out.
      if (verb == "unlink_") view.set("target_access", flag(false));
      const bool has_body = verb == "link_" && relation->pivot->has_link();
      view.set("has_body", flag(has_body));
      view.set("link_type", relation->pivot->link_type);
      view.set("make_input",
               call(2, "kit::rest::Input<biz::" + relation->pivot->link_type + "> input",
                    Strings{entity.snake + "_" + relation->name + "_link_fields",
                            "kit::rest::Mode::create", "biz::validate"},
                    ";"));
      view.set("read_other", read_id(project.target(*relation), relation->pivot->right_column, 1));
      list.push_back(view);
    }
  }
  return list;
}

void add_signatures(const Entity& entity, bool linked, View& view) {
  const std::string of = entity.name + "Routes::";
  const auto add = [&](const std::string& key, std::string_view type, const std::string& name,
                       const Strings& parameters) {
    view.set(key, signature(2, type, name, parameters, ";"));
    view.set(key + "_def", cut_tail(signature(0, type, of + name, parameters, " {"), " {"));
  };
  Strings list_in{"kit::http::Request& request", "const kit::db::ListTable& table",
                  "std::optional<kit::db::Filter> scope"};
  if (linked) list_in.push_back("const LinksOf* links_of");
  add("list_in", response_task, "list_in", list_in);
  add("first_in", response_task, "first_in",
      {"kit::http::Request& request", "kit::db::Filter scope"});
  add("change", response_task, "change", {"kit::http::Request& request", "kit::rest::Mode mode"});
  add("refuse_known", "kit::Task<>", "refuse_known",
      {"const kit::http::Request& request", "biz::" + entity.id_type + " id"});
  const std::string answer =
      signature(0, "kit::http::Response", "answer",
                Strings{"const biz::" + entity.name + "& " + variable(entity), "int status",
                        "const kit::rest::FieldMask& shown = {}"},
                " {");
  const auto input = [&](const std::string& mode) {
    Strings arguments{entity.snake + "_fields", mode, "biz::validate"};
    if (has_field_access(entity)) arguments.push_back("visible_fields()");
    return call(2, "kit::rest::Input<biz::" + entity.name + "> input", arguments, ";");
  };
  view.set("create_input", input("kit::rest::Mode::create"));
  view.set("change_input", input("mode"));
  view.set("read_list",
           assign(2, "const kit::rest::ListRequest asked", "co_await kit::rest::read_list",
                  Strings{"request.query", "table",
                          has_field_access(entity) ? "options" : "api::list_options",
                          "std::move(scope)"}));
  const auto read_view = [&](const std::string& options) {
    return assign(2, "const kit::rest::ViewRequest asked", "co_await kit::rest::read_view",
                  Strings{"request.query", options});
  };
  view.set("read_view", read_view(has_field_access(entity) ? "options" : "api::list_options"));
  view.set("read_first",
           read_view(has_field_access(entity) ? "visible_options(fields_only)" : "fields_only"));
  view.set("update",
           assign(2, "const biz::" + entity.name + " " + variable(entity),
                  "co_await uses_." + entity.plural + ".update",
                  entity.version ? Strings{"id", "version", "apply"} : Strings{"id", "apply"}));
  view.set("restored", assign(2, "const biz::" + entity.name + " " + variable(entity),
                              "co_await uses_." + entity.plural + ".restore",
                              entity.version ? Strings{"id", "version"} : Strings{"id"}));
  view.set("history_query",
           assign(2, "const kit::db::ListQuery query", "co_await kit::rest::read_history",
                  Strings{"request.query", "\"" + entity.name + "\"", "kit::record::row_key(id)"}));
  view.set("history_page",
           assign(2, "const kit::record::Page<kit::record::HistoryEntry> page",
                  "co_await uses_." + entity.plural + ".history", Strings{"id", "query"}));
  Strings routes{"router", "this", "routes", "uses_.backend"};
  if (entity.access) routes.push_back("&biz::" + entity.snake + "_access");
  view.set("add_routes", call(2, "return kit::rest::add_routes", routes, ";"));
  view.set("answer", cut_tail(answer, " {"));
  const std::string page = "kit::record::Page<biz::" + entity.name + ">";
  const std::string list = "co_await uses_." + entity.plural + ".list";
  view.set("page", assign(2, "const " + page + " page", list, Strings{"table", "asked.query"}));
  view.set("page_of_query", assign(2, "const " + page + " page", list,
                                   Strings{"biz::" + entity.snake + "_table", "query"}));
}

/// What of the history not everybody sees.
void add_history(const Project& project, const Entity& entity, View& view) {
  View links{View::type::list};
  for (const model::Relation* relation : relations(entity, RelationKind::many_to_many)) {
    const Entity& target = project.target(*relation);
    if (!target.access) continue;
    View each{View::type::object};
    each.set("relation", relation->name);
    each.set("target_snake", target.snake);
    links.push_back(each);
  }
  const bool has_links = !links.is_empty_list();
  Strings arguments{"page"};
  if (has_links || has_field_access(entity)) {
    arguments.push_back(entity.snake + "_fields");
    arguments.push_back(has_field_access(entity) ? "visible_fields()" : "kit::rest::FieldMask()");
  }
  if (has_links) arguments.push_back("links");
  view.set("has_history_links", flag(has_links));
  view.set("history_links", links);
  view.set("history_answer", call(2, "co_return kit::rest::history_response", arguments, ";"));
}

Strings source_includes(const Project& project, const Entity& entity) {
  Strings own{"kit/json/writer.hpp",
              "kit/rest/entity_tag.hpp",
              "kit/rest/list_request.hpp",
              "kit/rest/request.hpp",
              project.path("api", entity.snake + "_json.gen.hpp"),
              project.path("biz", entity.snake + "_list.gen.hpp")};
  if (entity.audit) own.push_back("kit/rest/history.hpp");
  if (is_expandable(project, entity)) {
    own.insert(own.end(), {"kit/rest/expand.hpp", expandables_header(project)});
  }
  if (entity.access) own.push_back(access_header(project, entity));
  if (has_field_access(entity)) own.push_back("kit/rest/access.hpp");
  for (const Entity* other : used_services(project, entity)) {
    own.push_back(project.path("service", other->snake + "_service.gen.hpp"));
  }
  for (const Entity* other : used_routes(project, entity)) {
    own.push_back(project.path("api", other->snake + "_routes.gen.hpp"));
    own.push_back(project.path("biz", other->snake + "_list.gen.hpp"));
  }
  if (has_export(entity)) own.push_back("kit/rest/transfer.hpp");
  for (const model::Relation* relation : entity.nested_lists()) {
    own.insert(own.end(), {"kit/rest/nested.hpp",
                           project.path("api", project.target(*relation).snake + "_json.gen.hpp")});
    if (has_field_access(project.target(*relation)))
      own.push_back(access_header(project, project.target(*relation)));
  }
  for (const model::Relation& relation : entity.relations) {
    const Entity& target = project.target(relation);
    if (relation.kind != RelationKind::belongs_to && target.access)
      own.push_back(access_header(project, target));
  }
  for (const model::Action& action : entity.actions) {
    if (!action.input_type.empty()) own.push_back("kit/validate/checker.hpp");
    if (!action.on_collection && entity.version) own.push_back("kit/rest/at_version.hpp");
    if (!action.on_collection && entity.soft_delete && !action.result_type.empty())
      own.push_back("kit/rest/shown_rows.hpp");
    if (action.output == model::none) continue;
    own.push_back(
        project.path("api", project.service.entities[action.output].snake + "_json.gen.hpp"));
  }
  return own;
}

void add_nested(const Project& project, const Entity& entity, View& view) {
  View list{View::type::list};
  Strings arguments{"request.body", "input", "uses_." + entity.plural, "members"};
  for (const model::Relation* relation : entity.nested_lists()) {
    const Entity& target = project.target(*relation);
    View each{View::type::object};
    each.set("relation", relation->name);
    const std::string type = relation->pascal + "Entity";
    const std::string service = relation->pascal + "Service";
    const std::string chosen = relation->pascal + "List";
    each.set("list", chosen);
    each.set("usings", protect("  using " + type + " = biz::" + target.name + ";\n  using " +
                                   service + " = service::" + target.name + "Service;\n  using " +
                                   chosen + " = kit::rest::NestedOf<&" + type +
                                   "::" + relation->inverse_field + ", " + service + ">;",
                               2));
    each.set("make_list", call(2, chosen + " " + relation->name + "_list",
                               Strings{"uses_." + target.plural, relation->name + "_form"}, ";"));
    each.set("write", protect("      .write = [](kit::json::Writer& out, const " + type +
                                  "& each) { write(out, each); },",
                              6));
    each.set("back", relation->inverse_field);
    each.set("max", std::to_string(relation->nested_max));
    each.set("target_snake", target.snake);
    each.set("target_field_access", flag(has_field_access(target)));
    list.push_back(each);
    arguments.push_back(relation->name + "_list");
  }
  view.set("has_nested", flag(!list.is_empty_list()));
  view.set("nested", list);
  view.set("create_with", assign(2, "const biz::" + entity.name + " " + variable(entity),
                                 "co_await kit::rest::create_with", arguments));
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
  add_nested(project, entity, view);
  const bool linked = is_linked(project, entity);
  add_signatures(entity, linked, view);
  view.set("is_linked", flag(linked));
  view.set("read_id", read_id(entity, "id", 0));
  add_expansion(project, entity, view);
  view.set("is_counted", flag(linked || has_expansion(entity)));
  view.set("exports", flag(has_export(entity)));
  view.set("transfers", flag(has_transfers(entity)));
  const Strings arguments{"request", "uses_.backend", "\"" + entity.name + "\"",
                          "biz::" + entity.snake + "_table",
                          has_field_access(entity) ? "options" : "api::list_options"};
  view.set("export_rows",
           call(2,
                has_field_access(entity) ? "co_return co_await kit::rest::export_rows"
                                         : "return kit::rest::export_rows",
                arguments, ";"));
  add_history(project, entity, view);
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
              "kit/http/message.hpp", "kit/http/router.hpp", "kit/rest/backend.hpp",
              "kit/rest/input.hpp"};
  Strings standard{"optional"};
  if (linked) {
    standard.insert(standard.end(), {"string", "vector"});
    own.push_back("kit/base/function.hpp");
  }
  View links{View::type::list};
  for (const model::Relation* relation : relations(entity, RelationKind::many_to_many)) {
    if (!relation->pivot->has_link()) continue;
    const Strings parameters{
        "biz::" + entity.id_type + " id",
        "const std::vector<biz::" + project.target(*relation).name + ">& items"};
    links.push_back(View{signature(2, "kit::Task<std::vector<std::string>>",
                                   relation->name + "_links_of", parameters, ";")});
    standard.insert(standard.end(), {"string", "vector"});
    own.push_back(project.path("biz", project.target(*relation).snake + ".gen.hpp"));
  }
  view.set("links_of", links);
  for (const Entity* other : used_services(project, entity)) {
    own.push_back(project.path("service", other->snake + "_service.gen.hpp"));
  }
  view.set("includes", include_lines(standard, own));
  files.push_back(project.generated("api", entity.snake + "_routes.gen.hpp", "routes.hpp", view));
  standard = {"string_view", "utility"};
  if (!links.list_value().empty()) standard.insert(standard.end(), {"algorithm", "cstddef"});
  if (linked || has_expansion(entity)) standard.push_back("cstddef");
  if (entity.version) standard.push_back("cstdint");
  if (!entity.nested_lists().empty()) standard.push_back("string");
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
                 (services ? relation.nested_max > 0 : relation.kind != RelationKind::belongs_to);
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
  add_expandables(project, files);
  for (const Entity& entity : project.service.entities) {
    add_json(project, entity, files);
    add_routes(project, entity, files);
    add_bulk(project, entity, files);
  }
}

}  // namespace kitgen::render
