// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/cpp/access.hpp"
#include "kitgen/render/cpp/api.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {

using model::Entity;
using Strings = std::vector<std::string>;

void add_bulk(const Project& project, const model::Entity& entity, std::vector<File>& files) {
  View view = project.view(entity);
  const std::string routes = project.path("api", entity.snake + "_routes.gen.hpp");
  const std::string service = project.path("service", entity.snake + "_service.gen.hpp");
  const std::string json = project.path("api", entity.snake + "_json.gen.hpp");
  std::vector<std::string> own{routes, service, json, "kit/rest/bulk.hpp"};
  if (has_field_access(entity)) own.push_back(access_header(project, entity));
  view.set("includes", include_lines({}, own));
  view.set("field_access", flag(has_field_access(entity)));
  files.push_back(project.generated("api", entity.snake + "_bulk.gen.cpp", "bulk.cpp", view));
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

}  // namespace kitgen::render
