// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "kitgen/model/quote.hpp"
#include "kitgen/render/cpp/api.hpp"
#include "kitgen/render/cpp/layers.hpp"
#include "kitgen/render/cpp/layout.hpp"
#include "kitgen/render/cpp/running.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using Strings = std::vector<std::string>;

/// Names that the generated code needs for itself, beyond the reserved words the model knows.
kit::Result<> check_names(const model::Service& service) {
  static constexpr std::string_view types[] = {"Repositories", "UnitOfWork", "RepositoryStore",
                                               "Outbox"};
  static constexpr std::string_view use_cases[] = {
      "get",    "find_related", "list",  "count",   "create",          "update",
      "remove", "restore",      "purge", "history", "find_changeable", "validate"};
  std::vector<kit::FieldViolation> violations;
  for (const Entity& entity : service.entities) {
    if (std::ranges::find(types, entity.name) != std::end(types)) {
      violations.push_back(
          {entity.name, "is a type of the generated code; choose another name for the entity"});
    }
    if (entity.plural == "backend") {
      violations.push_back({entity.name, "has a plural that is a name of the generated code"});
    }
    for (const model::Relation& relation : entity.relations) {
      if (!entity.audit || relation.name != "history") continue;
      if (relation.kind == model::RelationKind::belongs_to) continue;
      violations.push_back({entity.name + "." + relation.name,
                            "has the path of the entity's history; choose another name"});
    }
    for (const model::Action& action : entity.actions) {
      const bool is_link = action.name.starts_with("link_") || action.name.starts_with("unlink_");
      if (is_link || std::ranges::find(use_cases, action.name) != std::end(use_cases)) {
        violations.push_back(
            {entity.name + "." + action.name,
             "is a use case every entity has; choose another name for the action"});
      }
    }
  }
  if (violations.empty()) return {};
  std::string message = "names that generated code uses:";
  for (const kit::FieldViolation& each : violations)
    message += " " + each.field + " " + each.description + ".";
  return kit::Error(kit::Code::invalid_argument, message).with_violations(std::move(violations));
}

/// Two files of one name, such as those of the entities `Track` and `TrackList`.
kit::Result<> check_paths(const std::vector<File>& files) {
  for (std::size_t i = 1; i < files.size(); ++i) {
    if (files[i - 1].path != files[i].path) continue;
    return kit::Error(kit::Code::invalid_argument,
                      "two entities, enums or subscribers would share the file " + files[i].path +
                          "; rename one of them");
  }
  return {};
}

std::string uses(const Project& project, const Entity& entity) {
  std::string text = "{{\n";
  for (const Entity* other : used_services(project, entity)) {
    text += "      ." + other->plural + " = " + other->plural + "_service_,\n";
  }
  for (const Entity* other : used_routes(project, entity)) {
    text += "      ." + other->snake + "_routes = " + other->snake + "_routes_,\n";
  }
  return text + "      .backend = backend_,\n  }}";
}

/// Names of make_..._import functions, parents before children, pivots last.
Strings imports(const model::Service& service) {
  Strings names;
  for (const std::size_t index : service.import_order) {
    if (service.entities[index].import) names.push_back(service.entities[index].snake);
  }
  for (const Entity& entity : service.entities) {
    for (const model::Relation* relation : relations(entity, model::RelationKind::many_to_many)) {
      if (relation->pivot->import) names.push_back(relation->pivot->table);
    }
  }
  return names;
}

}  // namespace

bool has_transfers(const Entity& entity) {
  return has_export(entity) && !entity.access;
}

bool has_export(const Entity& entity) {
  return entity.import &&
         std::ranges::none_of(entity.import->columns, [&](const model::ImportColumn& column) {
           return entity.fields[column.field_index].secret;
         });
}

std::string restore_path(const Entity& entity) {
  return entity.path_id + "/restore";
}

std::string purge_path(const Entity& entity) {
  return entity.path_id + "/purge";
}

std::string history_path(const Entity& entity) {
  return entity.path_id + "/history";
}

void add_wiring(const Project& project, std::vector<File>& files) {
  View view = project.view();
  View entities{View::type::list};
  std::size_t index = 0;
  Strings own{"kit/db/import.hpp", "kit/rest/backend.hpp",
              project.path("data", "unit_of_work.gen.hpp")};
  for (const Entity& entity : project.service.entities) {
    View each = project.view(entity);
    each.set("index", std::to_string(index++));
    each.set("title", model::cpp_string(entity.plural_label));
    std::string doc = "        .doc = " + model::cpp_string(entity.doc) + ",";
    if (doc.size() > line_width)
      doc = "        .doc =\n            " + model::cpp_string(entity.doc) + ",";
    each.set("doc_line", protect(doc, 8));
    each.set("path", entity.path);
    each.set("uses", uses(project, entity));
    entities.push_back(each);
    own.push_back(project.path("api", entity.snake + "_routes.gen.hpp"));
    own.push_back(project.path("service", entity.snake + "_service.gen.hpp"));
  }
  for (const std::string& name : imports(project.service))
    own.push_back(project.path("data", name + "_import.gen.hpp"));
  view.set("has_events", flag(has_events(project.service)));
  view.set("has_subscribers", flag(!project.service.subscribers.empty()));
  if (!project.service.subscribers.empty())
    own.push_back(project.path("data", "subscribers.gen.hpp"));
  view.set("entities", entities);
  view.set("has_caches", flag(has_caches(project.service)));
  view.set("has_jobs", flag(!project.service.jobs.empty()));
  if (has_caches(project.service)) own.push_back("kit/record/row_caches.hpp");
  if (!project.service.jobs.empty()) own.push_back(project.path("service", "jobs.gen.hpp"));
  view.set("has_access", flag(std::ranges::any_of(project.service.entities, [](const Entity& each) {
             return each.access.has_value();
           })));
  std::string body;
  for (const std::string& name : imports(project.service))
    body += "    imports_.push_back(data::make_" + name + "_import());\n";
  if (!body.empty()) body += "    backend_.transfers = imports_;\n";
  view.set("constructor_body", body.empty() ? "{}" : "{\n" + body + "  }");
  const Strings made{
      "caches_(database, " + model::cpp_string(project.service.name) + ", data::cached_tables)",
      "backend_(caches_.database())"};
  view.set("caching_constructor",
           cut_tail(constructor(2, "explicit GeneratedService(kit::db::Database& database)", made),
                    " {}"));
  view.set("header", project.path("", project.service.name + ".gen.hpp"));
  view.set("includes", include_lines({"cstddef", "cstdint", "memory", "span", "vector"}, own));
  files.push_back(
      project.generated("", project.service.name + ".gen.hpp", "service_main.hpp", view));
  files.push_back(
      project.generated("", project.service.name + ".gen.cpp", "service_main.cpp", view));
}

kit::Result<std::vector<File>> render_cpp(const model::Service& service, const Options& options) {
  KIT_TRY(check_names(service));
  static const TemplateSet templates;
  const Project project{service, options, templates};
  std::vector<File> files;
  add_biz(project, files);
  add_service(project, files);
  add_jobs(project, files);
  add_api(project, files);
  if (options.with_orm) {
    add_data(project, files);
    add_subscribers(project, files);
    add_wiring(project, files);
  }
  std::ranges::sort(files, {}, &File::path);
  KIT_TRY(check_paths(files));
  return files;
}

}  // namespace kitgen::render
