// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "kitgen/model/naming.hpp"
#include "kitgen/model/quote.hpp"
#include "kitgen/render/cpp/access.hpp"
#include "kitgen/render/cpp/expand.hpp"
#include "kitgen/render/cpp/layers.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {
namespace {

using model::Action;
using model::Entity;
using model::Field;
using Strings = std::vector<std::string>;

std::vector<const Field*> pointers(const std::vector<Field>& fields) {
  std::vector<const Field*> all;
  for (const Field& field : fields) all.push_back(&field);
  return all;
}

View field_views(const std::vector<const Field*>& fields) {
  View list{View::type::list};
  for (const Field* field : fields) {
    View view{View::type::object};
    view.set("declaration", declaration(*field));
    view.set("doc", doc_view(field->doc, 2));
    list.push_back(view);
  }
  return list;
}

std::string validate_signature(std::string_view type, std::string_view value, bool is_used,
                               std::string_view tail) {
  const std::string of =
      "const " + std::string(type) + "&" + (is_used ? " " + std::string(value) : "");
  const std::string violations =
      std::string("std::vector<kit::FieldViolation>&") + (is_used ? " violations" : "");
  return signature(0, "void", "validate", Strings{of, violations}, tail);
}

File ids(const Project& project) {
  View view = project.view();
  View list{View::type::list};
  Strings includes{"kit/base/id.hpp"};
  std::vector<std::pair<std::string, const Entity*>> sorted;
  for (const Entity& entity : project.service.entities) sorted.emplace_back(entity.name, &entity);
  std::ranges::sort(sorted);
  for (const auto& [name, entity] : sorted) {
    const bool is_uuid = entity->id_kind == model::IdKind::uuid;
    if (is_uuid) includes.push_back("kit/base/uuid.hpp");
    View id{View::type::object};
    id.set("id", entity->id_type);
    id.set("tag", entity->id_tag);
    id.set("rep", is_uuid ? ", kit::Uuid" : "");
    list.push_back(id);
  }
  view.set("ids", list);
  view.set("includes", include_lines({}, includes));
  return project.generated("biz", "ids.gen.hpp", "ids.hpp", view);
}

void add_enum(const Project& project, const model::Enum& type, std::vector<File>& files) {
  View view = project.view();
  view.set("name", type.name);
  view.set("doc", doc_view(type.doc, 0));
  view.set("rep", type.values.size() <= 256 ? "std::uint8_t" : "std::uint16_t");
  view.set("header", project.path("biz", type.snake + ".gen.hpp"));
  view.set("to_string", "std::string_view to_string(" + type.name + " value)");
  view.set("parse", signature(0, "bool", "parse",
                              Strings{"std::string_view text", type.name + "& value"}, ""));
  view.set("names_of", "std::span<const std::string_view> names_of(" + type.name + ")");
  View values{View::type::list};
  Strings literals;
  for (const model::EnumValue& value : type.values) {
    View each{View::type::object};
    each.set("cpp", value.cpp);
    literals.push_back("    " + model::cpp_string(value.name) + ",");
    values.push_back(each);
  }
  view.set("rows", rows(literals));
  view.set("values", values);
  files.push_back(project.generated("biz", type.snake + ".gen.hpp", "enum.hpp", view));
  files.push_back(project.generated("biz", type.snake + ".gen.cpp", "enum.cpp", view));
}

File entity_header(const Project& project, const Entity& entity) {
  View view = project.view(entity);
  Strings standard{"vector"};
  Strings own{"kit/base/error.hpp", project.path("biz", "ids.gen.hpp")};
  const auto include = [&](const Field& field) {
    add_type_includes(project, field, standard, own);
  };
  std::ranges::for_each(entity.fields, include);
  view.set("fields", field_views(pointers(entity.fields)));
  view.set("validate", validate_signature(entity.name, variable(entity), true, ""));
  view.set("computed", computed_views(entity));
  for (const model::ComputedField& each : entity.computed) {
    include(each.field);
    own.push_back("kit/base/compute.hpp");
  }
  View inputs{View::type::list};
  for (const Action& action : entity.actions) {
    if (action.input_type.empty()) continue;
    std::ranges::for_each(action.input, include);
    View input{View::type::object};
    input.set("action", action.name);
    input.set("name", action.input_type);
    input.set("fields", field_views(pointers(action.input)));
    input.set("validate", validate_signature(action.input_type, "input", true, ""));
    inputs.push_back(input);
  }
  view.set("inputs", inputs);
  View results{View::type::list};
  for (const Action& action : entity.actions) {
    if (action.result_type.empty()) continue;
    std::ranges::for_each(action.result, include);
    View result{View::type::object};
    result.set("action", action.name);
    result.set("name", action.result_type);
    result.set("fields", field_views(pointers(action.result)));
    results.push_back(result);
  }
  view.set("results", results);
  View links{View::type::list};
  for (const model::Relation* relation : relations(entity, model::RelationKind::many_to_many)) {
    if (!relation->pivot->has_link()) continue;
    const std::vector<const Field*> fields = relation->pivot->link_fields();
    for (const Field* field : fields) include(*field);
    View link{View::type::object};
    link.set("relation", relation->name);
    link.set("name", relation->pivot->link_type);
    link.set("fields", field_views(fields));
    link.set("validate", validate_signature(relation->pivot->link_type, "link", true, ""));
    links.push_back(link);
  }
  view.set("links", links);
  View events{View::type::list};
  for (const model::Event& event : entity.events) {
    std::vector<const Field*> fields;
    for (const model::EventField& field : event.fields) {
      include(field.field);
      fields.push_back(&field.field);
    }
    View each{View::type::object};
    each.set("name", event.name);
    each.set("doc", doc_view(event.doc, 0));
    each.set("fields", field_views(fields));
    events.push_back(each);
  }
  view.set("events", events);
  view.set("includes", include_lines(standard, own));
  return project.generated("biz", entity.snake + ".gen.hpp", "entity.hpp", view);
}

File entity_source(const Project& project, const Entity& entity) {
  View view = project.view(entity);
  Strings standard;
  Strings own;
  View validators{View::type::list};
  const auto add = [&](std::string_view type, std::string_view value,
                       const std::vector<const Field*>& fields,
                       std::span<const model::ComputedField> computed = {}) {
    const Validation rules = validation(fields, value, computed);
    View each{View::type::object};
    each.set("signature",
             validate_signature(type, value, rules.uses_value, rules.uses_value ? " {" : " {}"));
    // The brace is part of the signature, whose last line it may not fit.
    each.set("body", rules.uses_value ? rules.body.substr(1) : "");
    if (rules.uses_value) own.push_back("kit/validate/checker.hpp");
    if (rules.uses_pattern) own.push_back("kit/validate/pattern.hpp");
    for (const Field* field : rules.fields) {
      for (const auto& bound : {field->min, field->max}) {
        if (!bound) continue;
        if (bound->cpp.find("std::chrono") != std::string::npos) standard.push_back("chrono");
        if (bound->cpp.find("std::int64_t") != std::string::npos) standard.push_back("cstdint");
        if (bound->cpp.find("numeric_limits") != std::string::npos) standard.push_back("limits");
      }
    }
    validators.push_back(each);
  };
  add(entity.name, variable(entity), pointers(entity.fields), entity.computed);
  view.set("computed", computed_views(entity));
  view.set("has_computed", flag(!entity.computed.empty()));
  for (const model::ComputedField& each : entity.computed) {
    if (each.cpp.find("std::chrono") != std::string::npos) standard.push_back("chrono");
    if (each.cpp.find("std::int64_t") != std::string::npos) standard.push_back("cstdint");
  }
  for (const Action& action : entity.actions) {
    if (!action.input_type.empty()) add(action.input_type, "input", pointers(action.input));
  }
  for (const model::Relation* relation : relations(entity, model::RelationKind::many_to_many)) {
    if (relation->pivot->has_link())
      add(relation->pivot->link_type, "link", relation->pivot->link_fields());
  }
  view.set("validators", validators);
  view.set("header", project.path("biz", entity.snake + ".gen.hpp"));
  const std::string includes = include_lines(standard, own);
  view.set("includes", includes.empty() ? "" : includes + "\n");
  return project.generated("biz", entity.snake + ".gen.cpp", "entity.cpp", view);
}

/// As elements stand in JSON.
std::string element_type(const Field& field) {
  switch (field.type) {
    case model::Scalar::int32:
    case model::Scalar::int64:
      return "integer";
    case model::Scalar::boolean:
      return "boolean";
    case model::Scalar::float32:
    case model::Scalar::float64:
      return "real";
    default:
      return "text";
  }
}

std::string column_type(const Field& field) {
  if (field.is_array) return element_type(field);
  if (field.type == model::Scalar::boolean) return "boolean";
  if (field.type == model::Scalar::decimal) return "decimal";
  if (field.sql.sqlite == "INTEGER") return "integer";
  return field.sql.sqlite == "REAL" ? "real" : "text";
}

/// Files of the declaring side's lists use the target's columns.
View pivot_views(const Project& project, const Entity& entity, Strings& includes) {
  View list{View::type::list};
  for (const model::Relation* relation : relations(entity, model::RelationKind::many_to_many)) {
    const Entity& target = project.target(*relation);
    View view{View::type::object};
    view.set("table", relation->pivot->table);
    view.set("left", relation->pivot->left_column);
    view.set("right", relation->pivot->right_column);
    view.set("left_type", column_type(relation->pivot->fields[0]));
    view.set("words", model::to_words(entity.snake));
    view.set("target_words", model::to_words(target.plural));
    view.set("target_table", target.table);
    view.set("target_snake", target.snake);
    view.set("target_select", fill("", column_names(target), 8));
    view.set("target_column_count", std::to_string(column_names(target).size()));
    view.set("target_soft_delete", flag(target.soft_delete));
    if (&target != &entity) includes.push_back(project.path("biz", target.snake + "_list.gen.hpp"));
    list.push_back(view);
  }
  return list;
}

void add_list(const Project& project, const Entity& entity, std::vector<File>& files) {
  View view = project.view(entity);
  Strings includes;
  view.set("pivots", pivot_views(project, entity, includes));
  View columns{View::type::list};
  for (const Field& field : entity.fields) {
    if (field.secret || field.type == model::Scalar::json || field.type == model::Scalar::bytes)
      continue;
    if (field.origin == model::Origin::deleted_at) continue;
    View column{View::type::object};
    column.set("name", field.name);
    const std::string type = column_type(field);
    column.set("type", type);
    if (type == "decimal") column.set("scale", std::to_string(field.scale));
    column.set("nullable", flag(field.optional));
    column.set("filterable", flag(field.filterable));
    column.set("sortable", flag(field.sortable));
    columns.push_back(column);
  }
  view.set("columns", columns);
  view.set("select", fill("", column_names(entity), 8));
  view.set("column_count", std::to_string(column_names(entity).size()));
  view.set("header", project.path("biz", entity.snake + "_list.gen.hpp"));
  std::string lines = include_lines({}, includes);
  view.set("includes", lines.empty() ? View{View::type::list} : text_list({lines}));
  files.push_back(project.generated("biz", entity.snake + "_list.gen.hpp", "list.hpp", view));
  files.push_back(project.generated("biz", entity.snake + "_list.gen.cpp", "list.cpp", view));
}

View method(std::string_view type, std::string_view name, const Strings& parameters,
            const Strings& doc) {
  View view{View::type::object};
  view.set("declaration", signature(2, "virtual " + std::string(type), name, parameters, " = 0;"));
  view.set("doc", text_list(doc));
  return view;
}

/// "Fails with `already_exists` when ..." for every way in which a write of the row can be refused.
Strings write_failures(const Entity& entity) {
  Strings reasons;
  for (const Field& field : entity.fields) {
    if (!field.unique) continue;
    std::string upper = field.name;
    std::ranges::transform(upper, upper.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
    reasons.push_back(entity.upper + "_" + upper + "_TAKEN");
  }
  for (const model::Relation* relation : relations(entity, model::RelationKind::belongs_to)) {
    std::string upper = relation->name;
    std::ranges::transform(upper, upper.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
    reasons.push_back(entity.upper + "_" + upper + "_NOT_FOUND");
  }
  if (reasons.empty()) return {};
  std::string text = "Reasons of refusal: ";
  for (const std::string& reason : reasons)
    text += (reason == reasons.front() ? "" : ", ") + reason;
  return model::comment_lines(text + ".", line_width - 6);
}

Strings with(Strings lines, const Strings& more) {
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

File repository(const Project& project, const Entity& entity) {
  View view = project.view(entity);
  const std::string& type = entity.name;
  const std::string ref = type + "& " + variable(entity);
  View methods{View::type::list};
  methods.push_back(method("kit::Task<" + type + ">", "find", {entity.id_type + " id"},
                           {"Fails with `not_found`."}));
  if (entity.soft_delete) {
    methods.push_back(method("kit::Task<" + type + ">", "find_deleted", {entity.id_type + " id"},
                             {"Only one that was removed. Fails with `not_found`."}));
  }
  if (!ways_to(project, entity).empty()) {
    methods.push_back(
        method("kit::Task<kit::record::Related<" + type + ">>", "find_related",
               {"const kit::record::RelatedQuery& query"},
               {"What `expand=` shows. Lifetime: `query` lives until the task has ended."}));
  }
  methods.push_back(method("kit::Task<kit::record::Page<" + type + ">>", "list",
                           {"const kit::db::ListTable& table", "const kit::db::ListQuery& query"},
                           {"Lifetime: `table` and `query` live until the task has ended."}));
  methods.push_back(method("kit::Task<std::int64_t>", "count", {}, {}));
  Strings sets{entity.version ? "Sets the id, the version and the times."
                              : "Sets the id and the times."};
  methods.push_back(method("kit::Task<>", "add", {ref}, with(sets, write_failures(entity))));
  methods.push_back(method("kit::Task<>", "save", {ref},
                           with(entity.version ? Strings{"Fails with `aborted` when another writer "
                                                         "changed the row since it was read."}
                                               : Strings{"Fails with `not_found`."},
                                write_failures(entity))));
  if (entity.soft_delete) {
    methods.push_back(
        method("kit::Task<>", "remove", {ref}, {"Marks it as removed; `restore` brings it back."}));
    methods.push_back(method("kit::Task<>", "restore", {ref}, {}));
    methods.push_back(
        method("kit::Task<>", "purge", {"const " + ref},
               {"Removes for good one that is marked so. Fails with `failed_precondition`, " +
                    entity.upper + "_IN_USE,",
                "when others refer to it."}));
  } else {
    Strings doc{"Fails with `failed_precondition`, " + entity.upper +
                "_IN_USE, when others refer to it."};
    if (!nulled_referrers(project, entity).empty()) {
      doc.push_back("For a unit of work: rows with an optional reference to it lose that first.");
    }
    methods.push_back(method("kit::Task<>", "remove", {"const " + ref}, doc));
  }
  for (const model::Relation* relation : relations(entity, model::RelationKind::many_to_many)) {
    const Entity& target = project.target(*relation);
    const Strings parameters{entity.id_type + " id",
                             target.id_type + " " + relation->pivot->right_column};
    if (relation->pivot->has_link()) {
      methods.push_back(method("kit::Task<>", "link_" + relation->name,
                               with(parameters, {relation->pivot->link_type + " link"}),
                               {"Changes the link when they are linked already."}));
      methods.push_back(method(links_type(*relation, target, ""), relation->name + "_links",
                               {entity.id_type + " id", "std::vector<" + target.id_type + "> ids"},
                               {"What links it to each of `ids`, ordered by them."}));
    } else {
      methods.push_back(method("kit::Task<>", "link_" + relation->name, parameters,
                               {"Does nothing when they are linked already."}));
    }
    methods.push_back(method("kit::Task<>", "unlink_" + relation->name, parameters,
                             {"Fails with `not_found` when they are not linked."}));
  }
  Strings own{"kit/async/task.hpp",
              "kit/db/list_query.hpp",
              "kit/record/errors.hpp",
              "kit/record/page.hpp",
              project.path("biz", entity.snake + ".gen.hpp"),
              project.path("biz", "ids.gen.hpp")};
  if (!ways_to(project, entity).empty()) own.push_back("kit/record/related.hpp");
  if (entity.audit) {
    own.push_back("kit/record/history.hpp");
    methods.push_back(method("kit::Task<kit::record::Page<kit::record::HistoryEntry>>", "history",
                             {"const kit::db::ListQuery& query"},
                             {"Who changed what. Lifetime: `query` lives until the task has "
                              "ended."}));
  }
  view.set("methods", methods);
  Strings standard{"cstdint"};
  if (shows_links(entity)) standard.insert(standard.end(), {"utility", "vector"});
  view.set("includes", include_lines(standard, own));
  return project.generated("biz", entity.snake + "_repository.gen.hpp", "repository.hpp", view);
}

void add_ports(const Project& project, std::vector<File>& files) {
  View view = project.view();
  View events{View::type::list};
  Strings includes{"kit/async/task.hpp"};
  View entities{View::type::list};
  Strings declared;
  for (const Entity& entity : project.service.entities) {
    entities.push_back(project.view(entity));
    declared.push_back(entity.name + "Repository");
    if (!entity.events.empty()) includes.push_back(project.path("biz", entity.snake + ".gen.hpp"));
    for (const model::Event& event : entity.events) {
      View each{View::type::object};
      each.set("name", event.name);
      events.push_back(each);
    }
  }
  if (has_events(project.service)) declared.push_back("Outbox");
  std::ranges::sort(declared);
  view.set("events", events);
  view.set("entities", entities);
  view.set("declared", text_list(declared));
  view.set("has_events", flag(has_events(project.service)));
  view.set("includes", include_lines({}, includes));
  files.push_back(project.generated("biz", "repositories.gen.hpp", "repositories.hpp", view));
  if (has_events(project.service))
    files.push_back(project.generated("biz", "outbox.gen.hpp", "outbox.hpp", view));
}

void add_rules(const Project& project, const Entity& entity, std::vector<File>& files) {
  if (!has_rules(entity)) return;
  View view = project.view(entity);
  View actions{View::type::list};
  for (const Action& action : entity.actions) {
    if (action.on_collection) continue;
    const std::string type = action.emits == model::none
                                 ? "kit::Result<>"
                                 : "kit::Result<" + entity.events[action.emits].name + ">";
    Strings named{entity.name + "& " + variable(entity)};
    Strings unnamed{entity.name + "&"};
    if (!action.input_type.empty()) {
      named.push_back(action.input_type + " input");
      unnamed.push_back(action.input_type);
    }
    View each{View::type::object};
    each.set("doc", doc_view(action.doc, 0));
    each.set("signature", signature(0, type, action.name, named, ""));
    each.set("unnamed", signature(0, type, action.name, unnamed, ""));
    each.set("message",
             "\"" + action.name + " of " + model::to_words(entity.snake) + " is not written yet\"");
    actions.push_back(each);
  }
  view.set("actions", actions);
  view.set("includes", include_lines({}, {"kit/base/result.hpp",
                                          project.path("biz", entity.snake + ".gen.hpp")}));
  view.set("header", project.path("biz", entity.snake + ".hpp"));
  files.push_back(project.started("biz", entity.snake + ".hpp", "rules.hpp", view));
  files.push_back(project.started("biz", entity.snake + ".cpp", "rules.cpp", view));
}

}  // namespace

void add_biz(const Project& project, std::vector<File>& files) {
  files.push_back(ids(project));
  for (const model::Enum& type : project.service.enums) add_enum(project, type, files);
  for (const Entity& entity : project.service.entities) {
    files.push_back(entity_header(project, entity));
    files.push_back(entity_source(project, entity));
    add_list(project, entity, files);
    files.push_back(repository(project, entity));
    add_access(project, entity, files);
    add_rules(project, entity, files);
  }
  add_ports(project, files);
}

}  // namespace kitgen::render
