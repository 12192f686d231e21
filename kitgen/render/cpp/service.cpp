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
using Strings = std::vector<std::string>;

std::string defined(const Entity& entity, const std::string& type, const std::string& name,
                    const Strings& parameters) {
  return cut_tail(signature(0, type, entity.name + "Service::" + name, parameters, " {"), " {");
}

/// The use cases that need no hand-written code, declared in the header and defined by the
/// template.
class UseCases {
 public:
  UseCases(const Entity& entity, View& view) : entity_(entity), view_(view) {}

  void add(const std::string& key, const std::string& type, const Strings& parameters,
           const Strings& doc = {}) {
    declare(type, key, parameters, doc);
    view_.set(key, defined(entity_, type, key, parameters));
  }
  void declare(const std::string& type, const std::string& name, const Strings& parameters,
               const Strings& doc) {
    View each{View::type::object};
    each.set("doc", text_list(doc));
    each.set("declaration", signature(2, type, name, parameters, ";"));
    methods_.push_back(each);
  }
  View methods() const { return methods_; }

 private:
  const Entity& entity_;
  View& view_;
  View methods_{View::type::list};
};

std::string action_type(const Project& project, const Action& action) {
  if (!action.result_type.empty()) return "kit::Task<biz::" + action.result_type + ">";
  if (action.output == model::none) return "kit::Task<>";
  return "kit::Task<biz::" + project.service.entities[action.output].name + ">";
}

Strings action_parameters(const Entity& entity, const Action& action) {
  Strings parameters;
  if (!action.on_collection) parameters.push_back("biz::" + entity.id_type + " id");
  if (!action.input_type.empty()) parameters.push_back("biz::" + action.input_type + " input");
  return parameters;
}

void add_use_cases(const Project& project, const Entity& entity, View& view) {
  UseCases cases(entity, view);
  const std::string type = "biz::" + entity.name;
  const std::string id = "biz::" + entity.id_type + " id";
  cases.add("get", "kit::Task<" + type + ">", {id}, {"Fails with `not_found`."});
  const bool is_related = !ways_to(project, entity).empty();
  view.set("is_related", flag(is_related));
  if (is_related) {
    cases.add("find_related", "kit::Task<kit::record::Related<" + type + ">>",
              {"const kit::record::RelatedQuery& query"},
              {"What `expand=` shows. Lifetime: `query` lives until the task has ended."});
  }
  cases.add("list", "kit::Task<kit::record::Page<" + type + ">>",
            {"const kit::db::ListTable& table", "const kit::db::ListQuery& query"},
            {"Lifetime: `table` and `query` live until the task has ended."});
  cases.add("count", "kit::Task<std::int64_t>", {});
  cases.add("create", "kit::Task<" + type + ">", {type + " " + variable(entity)});
  Strings change{id};
  Strings remove{id};
  Strings change_doc{
      "Changes one that is there. Lifetime: `change` lives until the task has ended."};
  Strings restore_doc{"Brings back one that was removed."};
  if (entity.version) {
    change.push_back("std::optional<std::int64_t> version");
    remove = change;
    const std::string stale =
        "Fails with `aborted` (HTTP 412) when `version` is given and not the current one.";
    change_doc.push_back(stale);
    restore_doc.push_back(stale);
  }
  change.push_back("Change change");
  cases.add("update", "kit::Task<" + type + ">", change, change_doc);
  cases.add("remove", "kit::Task<>", remove);
  if (entity.soft_delete) {
    cases.add("restore", "kit::Task<" + type + ">", remove, restore_doc);
    cases.add(
        "purge", "kit::Task<>", remove,
        {"Removes for good one that was removed. Fails with `failed_precondition` for others."});
  }
  if (entity.audit) {
    cases.add(
        "history", "kit::Task<kit::record::Page<kit::record::HistoryEntry>>",
        {id, "const kit::db::ListQuery& query"},
        {"What was done to one, also when it was removed. Fails with `not_found` for one that",
         "never was. Lifetime: `query` lives until the task has ended."});
    view.set("history_page",
             assign(2, "kit::record::Page<kit::record::HistoryEntry> page",
                    "co_await store_." + entity.plural + "().history", Strings{"query"}));
  }
  View pivots{View::type::list};
  for (const model::Relation* relation : relations(entity, model::RelationKind::many_to_many)) {
    const Entity& target = project.target(*relation);
    const Strings parameters{id, "biz::" + target.id_type + " " + relation->pivot->right_column};
    View pivot{View::type::object};
    pivot.set("relation", relation->name);
    pivot.set("right", relation->pivot->right_column);
    pivot.set("target_plural", target.plural);
    pivot.set("target_access", flag(target.access.has_value()));
    pivot.set("target_snake", target.snake);
    Strings linking = parameters;
    pivot.set("has_link", flag(relation->pivot->has_link()));
    if (relation->pivot->has_link()) {
      linking.push_back("biz::" + relation->pivot->link_type + " link");
      const std::string links = links_type(*relation, target, "biz::");
      const Strings of{id, "std::vector<biz::" + target.id_type + "> ids"};
      cases.declare(links, relation->name + "_links", of,
                    {"What links it to each of `ids`, ordered by them."});
      pivot.set("links", defined(entity, links, relation->name + "_links", of));
    }
    cases.declare("kit::Task<>", "link_" + relation->name, linking, {});
    pivot.set("link", defined(entity, "kit::Task<>", "link_" + relation->name, linking));
    cases.declare("kit::Task<>", "unlink_" + relation->name, parameters, {});
    pivot.set("unlink", defined(entity, "kit::Task<>", "unlink_" + relation->name, parameters));
    pivots.push_back(pivot);
  }
  view.set("pivots", pivots);
  view.set("methods", cases.methods());
}

void add_actions(const Project& project, const Entity& entity, View& view) {
  View actions{View::type::list};
  for (const Action& action : entity.actions) {
    const Strings parameters = action_parameters(entity, action);
    const std::string type = action_type(project, action);
    View each{View::type::object};
    each.set("doc", doc_view(action.doc, 2));
    each.set("declaration", signature(2, type, action.name, parameters, ";"));
    each.set("signature", defined(entity, type, action.name, parameters));
    each.set("validates", flag(!action.input_type.empty()));
    Strings arguments{variable(entity)};
    if (!action.input_type.empty()) arguments.push_back("std::move(input)");
    std::string rule = "co_await biz::" + action.name;
    if (action.emits != model::none)
      rule.insert(0, "const biz::" + entity.events[action.emits].name + " event = ");
    each.set("rule", call(2, rule, arguments, ";"));
    each.set("event", flag(action.emits != model::none));
    const bool is_self =
        action.output != model::none && &project.service.entities[action.output] == &entity;
    each.set("returns_self", flag(is_self));
    const bool answers = action.output != model::none || !action.result_type.empty();
    each.set("returns_other", flag(answers && !is_self));
    each.set("on_entity", flag(!action.on_collection));
    const char* refuse = answers ? "co_return kit::Error" : "co_await kit::Error";
    each.set("refuse", call(2, refuse,
                            Strings{"kit::Code::unimplemented", "\"" + action.name + " of " +
                                                                    model::to_words(entity.plural) +
                                                                    " is not written yet\""},
                            ";"));
    each.set("message", "\"the answer of " + action.name + " is not written yet\"");
    actions.push_back(each);
  }
  view.set("actions", actions);
  view.set("has_actions", flag(!entity.actions.empty()));
}

void add_files(const Project& project, const Entity& entity, std::vector<File>& files) {
  View view = project.view(entity);
  add_use_cases(project, entity, view);
  add_actions(project, entity, view);
  view.set("header", project.path("service", entity.snake + "_service.gen.hpp"));
  Strings standard{"cstdint"};
  if (shows_links(entity)) standard.insert(standard.end(), {"utility", "vector"});
  if (entity.version) standard.push_back("optional");
  Strings own{"kit/async/task.hpp",
              "kit/base/function.hpp",
              "kit/base/result.hpp",
              "kit/db/list_query.hpp",
              "kit/record/page.hpp",
              project.path("biz", entity.snake + ".gen.hpp"),
              project.path("biz", "ids.gen.hpp"),
              project.path("biz", "repositories.gen.hpp")};
  if (entity.audit) own.push_back("kit/record/history.hpp");
  if (!ways_to(project, entity).empty()) own.push_back("kit/record/related.hpp");
  for (const Action& action : entity.actions) {
    if (action.output == model::none) continue;
    own.push_back(project.path("biz", project.service.entities[action.output].snake + ".gen.hpp"));
  }
  view.set("includes", include_lines(standard, own));
  files.push_back(
      project.generated("service", entity.snake + "_service.gen.hpp", "service.hpp", view));
  own = {"kit/validate/checker.hpp", project.path("biz", entity.snake + "_repository.gen.hpp")};
  if (entity.access) own.push_back(access_header(project, entity));
  for (const model::Relation* relation : relations(entity, model::RelationKind::many_to_many)) {
    const Entity& target = project.target(*relation);
    own.push_back(project.path("biz", target.snake + "_repository.gen.hpp"));
    if (target.access) own.push_back(access_header(project, target));
  }
  view.set("includes", include_lines({"memory", "utility"}, own));
  files.push_back(
      project.generated("service", entity.snake + "_service.gen.cpp", "service.cpp", view));
  if (entity.actions.empty()) return;
  own = {"kit/validate/checker.hpp", project.path("biz", entity.snake + "_repository.gen.hpp"),
         project.path("service", entity.snake + "_service.gen.hpp")};
  if (has_rules(entity)) own.push_back(project.path("biz", entity.snake + ".hpp"));
  if (std::ranges::any_of(entity.actions,
                          [](const Action& action) { return action.emits != model::none; })) {
    own.push_back(project.path("biz", "outbox.gen.hpp"));
  }
  view.set("includes", include_lines({}, own));
  files.push_back(project.started("service", entity.snake + "_service.cpp", "actions.cpp", view));
}

}  // namespace

void add_service(const Project& project, std::vector<File>& files) {
  for (const Entity& entity : project.service.entities) add_files(project, entity, files);
}

}  // namespace kitgen::render
