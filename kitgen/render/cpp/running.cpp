// SPDX-License-Identifier: Apache-2.0
// What a service keeps in memory, and what it does by itself.
#include "kitgen/render/cpp/running.hpp"

#include <algorithm>
#include <set>

#include "kitgen/model/naming.hpp"
#include "kitgen/model/quote.hpp"
#include "kitgen/render/cpp/layers.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using Strings = std::vector<std::string>;

/// Tables whose deletes change or delete rows of `entity` by its foreign keys, or take along rows
/// whose deletes do.
Strings changed_by_deletes_of(const model::Service& service, const Entity& entity) {
  std::set<std::string> found;
  std::vector<const Entity*> open;
  const auto add_targets = [&](const Entity& of, bool with_set_null) {
    for (const model::Relation* relation : relations(of, model::RelationKind::belongs_to)) {
      const bool reaches = relation->on_delete == model::OnDelete::cascade ||
                           (with_set_null && relation->on_delete == model::OnDelete::set_null);
      const Entity& target = service.entities[relation->target];
      if (reaches && found.insert(target.table).second) open.push_back(&target);
    }
  };
  add_targets(entity, true);
  while (!open.empty()) {
    const Entity& above = *open.back();
    open.pop_back();
    add_targets(above, false);
  }
  return {found.begin(), found.end()};
}

std::string row_cache(const Entity& entity) {
  return "kit::record::RowCache<biz::" + entity.name + ">";
}

}  // namespace

bool has_caches(const model::Service& service) {
  return std::ranges::any_of(service.entities,
                             [](const Entity& entity) { return entity.cache.has_value(); });
}

void add_cache(const Entity& entity, View& view) {
  view.set("cache", flag(entity.cache.has_value()));
  if (!entity.cache) return;
  const Strings parameters{"kit::db::Session& session", row_cache(entity) + " cache = {}"};
  const std::string head =
      call(2, "explicit Sql" + entity.name + "Repository", parameters, "").substr(2);
  view.set("cache_constructor",
           constructor(2, head, Strings{"session_(session)", "cache_(cache)"}));
  view.set(
      "load_row",
      cut_tail(signature(0, "static kit::Task<std::optional<biz::" + entity.name + ">>", "load_row",
                         Strings{"kit::db::Session& session", "biz::" + entity.id_type + " id",
                                 "kit::record::Purpose purpose"},
                         " {"),
               " {"));
  view.set(
      "cached_find",
      call(2,
           "co_return co_await cache_.find<" + std::to_string(stored_fields(entity).size()) + ">",
           Strings{"biz::" + entity.snake + "_name", "id", "load", "bind"}, ";"));
}

std::string repository_on_database(const model::Service& service, const Entity& entity) {
  const std::string start = entity.plural + "_(database";
  if (!entity.cache) return start + ")";
  std::size_t place = 0;
  for (const Entity& each : service.entities) {
    if (&each == &entity) break;
    if (each.cache) ++place;
  }
  return start + ", " + row_cache(entity) + "(caches.store(" + std::to_string(place) + ")))";
}

void add_caches(const Project& project, View& view) {
  view.set("has_caches", flag(has_caches(project.service)));
  View tables{View::type::list};
  for (const Entity& entity : project.service.entities) {
    if (!entity.cache) continue;
    View each{View::type::object};
    each.set("table", entity.table);
    each.set("words", model::to_words(entity.plural));
    const Strings others = changed_by_deletes_of(project.service, entity);
    each.set("has_others", flag(!others.empty()));
    each.set("others_name", "above_" + entity.plural);
    std::string lines;
    for (const std::string& other : others) {
      lines += (lines.empty() ? "    " : "\n    ") + model::cpp_string(other) + ",";
    }
    each.set("others", lines);
    each.set("ttl", std::to_string(entity.cache->ttl_ms));
    each.set("has_negative", flag(entity.cache->negative_ms > 0));
    each.set("negative", std::to_string(entity.cache->negative_ms));
    each.set("max", std::to_string(entity.cache->max));
    tables.push_back(each);
  }
  view.set("tables", tables);
}

void add_jobs(const Project& project, std::vector<File>& files) {
  if (project.service.jobs.empty()) return;
  View view = project.view();
  View jobs{View::type::list};
  for (const model::Job& job : project.service.jobs) {
    View each{View::type::object};
    each.set("name", job.name);
    each.set("cron", model::cpp_string(job.cron));
    each.set("doc", doc_view(job.doc, 0));
    std::string doc = "          .doc = " + model::cpp_string(job.doc) + ",";
    if (doc.size() > line_width)
      doc = "          .doc =\n              " + model::cpp_string(job.doc) + ",";
    each.set("has_doc", flag(!job.doc.empty()));
    each.set("doc_line", protect(doc, 10));
    each.set("atomic", job.atomic ? "true" : "false");
    each.set("missed", job.missed);
    each.set("timeout", std::to_string(job.timeout_ms));
    const Strings named{"const kit::jobs::Run& run", "biz::RepositoryStore& store"};
    const Strings unnamed{"const kit::jobs::Run&", "biz::RepositoryStore&"};
    each.set("declaration", signature(0, "kit::Task<>", job.name, named, ";"));
    each.set("unnamed", cut_tail(signature(0, "kit::Task<>", job.name, unnamed, " {"), " {"));
    each.set("refuse",
             call(2, "co_await kit::Error",
                  Strings{"kit::Code::unimplemented",
                          model::cpp_string("the job " + job.name + " is not written yet")},
                  ";"));
    jobs.push_back(each);
  }
  view.set("jobs", jobs);
  view.set("header", project.path("service", "jobs.gen.hpp"));
  view.set("includes", include_lines({}, {"kit/async/task.hpp", "kit/jobs/job.hpp",
                                          project.path("biz", "repositories.gen.hpp")}));
  view.set("started_includes",
           include_lines({}, {"kit/base/error.hpp", project.path("service", "jobs.gen.hpp")}));
  files.push_back(project.generated("service", "jobs.gen.hpp", "jobs.hpp", view));
  files.push_back(project.generated("service", "jobs.gen.cpp", "jobs_list.cpp", view));
  files.push_back(project.started("service", "jobs.cpp", "jobs.cpp", view));
}

}  // namespace kitgen::render
