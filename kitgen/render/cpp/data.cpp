// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "kitgen/model/naming.hpp"
#include "kitgen/model/quote.hpp"
#include "kitgen/render/cpp/access.hpp"
#include "kitgen/render/cpp/expand.hpp"
#include "kitgen/render/cpp/history.hpp"
#include "kitgen/render/cpp/layers.hpp"
#include "kitgen/render/cpp/layout.hpp"
#include "kitgen/render/cpp/running.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using model::Field;
using model::Origin;
using model::Scalar;
using Strings = std::vector<std::string>;

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
  return text;
}

bool has_decimals(const Entity& entity) {
  return std::ranges::any_of(entity.fields,
                             [](const Field& field) { return field.type == Scalar::decimal; });
}

/// The signatures of a repository, as declared in the class and as defined outside.
class Methods {
 public:
  Methods(const Entity& entity, View& view)
      : class_("Sql" + entity.name + "Repository"), view_(view) {}

  void add(const std::string& key, const std::string& type, const std::string& name,
           const Strings& parameters) {
    View each{View::type::object};
    each.set("declaration", signature(2, type, name, parameters, " override;"));
    declared_.push_back(each);
    view_.set(key, definition(type, name, parameters));
  }
  std::string definition(const std::string& type, const std::string& name,
                         const Strings& parameters) const {
    // The brace stands in the template; it counts for the width.
    return cut_tail(signature(0, type, class_ + "::" + name, parameters, " {"), " {");
  }
  View declared() const { return declared_; }
  void declare(const std::string& type, const std::string& name, const Strings& parameters) {
    View each{View::type::object};
    each.set("declaration", signature(2, type, name, parameters, " override;"));
    declared_.push_back(each);
  }

 private:
  std::string class_;
  View& view_;
  View declared_{View::type::list};
};

/// `const Changed saved = co_await kit::record::write(...);`
std::string changed(const std::string& variable, const std::string& function,
                    const Strings& arguments) {
  return assign(2, "const kit::db::Session::Changed " + variable, "co_await " + function,
                arguments);
}

void add_statements(const Entity& entity, const Strings& checks, View& view) {
  const std::string name = "biz::" + entity.snake + "_name";
  const auto arguments = [&](const std::string& sql, const Strings& checked) {
    Strings all{"session_", sql, "parameters.span()", name};
    all.insert(all.end(), checked.begin(), checked.end());
    return all;
  };
  const auto write = [&](const std::string& variable, const std::string& sql,
                         const Strings& checked) {
    return changed(variable, "kit::record::write", arguments(sql, checked));
  };
  Strings adding = arguments("add_sql", checks);
  adding.insert(adding.begin() + 1, "\"" + entity.table + "\"");
  view.set("added", changed("added", "kit::record::insert", adding));
  view.set("write_add", call(2, "co_await kit::record::write", arguments("add_sql", checks), ";"));
  view.set("saved", write("saved", "save_sql", checks));
  // Its parameters are others, and it changes no reference.
  view.set("restored", write("restored", "restore_sql", {"{}"}));
  view.set("erased", changed("removed", "kit::record::erase",
                             {"session_", "remove_sql", "parameters.span()", name}));
  view.set("purged", changed("removed", "kit::record::erase",
                             {"session_", "purge_sql", "parameters.span()", name}));
  view.set("removed", changed("removed", "session_.execute", {"remove_sql", "parameters.span()"}));
}

void add_sql(const Entity& entity, View& view) {
  const std::vector<const Field*> fields = stored_fields(entity);
  Strings names;
  Strings numbers;
  Strings assignments;
  View binds{View::type::list};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field& field = *fields[i];
    const std::string number = "?" + std::to_string(i + 1);
    const std::string value = variable(entity) + "." + field.name;
    names.push_back(field.name);
    numbers.push_back(number);
    const bool is_new_id = field.origin == Origin::id && entity.id_kind == model::IdKind::sequence;
    binds.push_back(View{"  parameters." +
                         (is_new_id ? "add_new(" + value + ")" : row_call(field, "add", value)) +
                         ";"});
    if (field.origin == Origin::version) {
      view.set("version_parameter", std::to_string(i + 1));
      assignments.push_back("version = version + 1");
    } else if (field.origin != Origin::id && field.origin != Origin::created_at &&
               !field.immutable) {
      assignments.push_back(field.name + " = " + number);
    }
  }
  names.front().insert(0, "(");
  names.back() += ")";
  numbers.front().insert(0, "(");
  numbers.back() += ")";
  view.set("insert_columns", fill("", names, 10));
  view.set("insert_values", fill("", numbers, 10));
  numbers.front() = "(COALESCE(?1, nextval(pg_get_serial_sequence('" + entity.table + "', 'id')))";
  if (numbers.size() == 1) numbers.front() += ")";
  view.set("insert_numbered", fill("", numbers, 10));
  view.set("assignments", fill("", assignments, 9));
  view.set("parameter_count", std::to_string(fields.size()));
  view.set("binds", binds);
  view.set("select", fill("", column_names(entity), 9));
}

/// What sets up a new row, and what adds several together.
void add_batches(const Entity& entity, View& view) {
  const std::string var = variable(entity);
  const std::string type = "biz::" + entity.name;
  Strings lines;
  if (entity.id_kind == model::IdKind::uuid) {
    const std::string id = "biz::" + entity.id_type;
    lines.push_back("  if (" + var + ".id == " + id + "()) " + var + ".id = " + id +
                    "(kit::Uuid::make_v7());");
  }
  lines.push_back("  " + var + ".created_at = kit::Timestamp::now();");
  lines.push_back("  " + var + ".updated_at = " + var + ".created_at;");
  if (entity.version) lines.push_back("  " + var + ".version = 1;");
  view.set("new_row", text_list(lines));
  view.set("batches", flag(adds_batches(entity)));
  const Strings parameters{"kit::db::Transaction& unit",
                           "std::span<" + type + "> " + entity.plural};
  const std::string name = "add_" + entity.plural;
  view.set("add_all_declaration", signature(0, "kit::Task<>", name, parameters, ";"));
  view.set("add_all", cut_tail(signature(0, "kit::Task<>", name, parameters, " {"), " {"));
  view.set("begin_row", "void begin_row(" + type + "& " + var + ")");
  const std::string count = std::to_string(stored_fields(entity).size());
  view.set("insert_all",
           call(2, "return kit::record::insert_entities<" + count + ">",
                Strings{"unit", "row_table", entity.plural, "begin_row", "bind"}, ";"));
}

/// The foreign keys, with the place of each among the parameters of `add` and `save`.
View references(const Project& project, const Entity& entity) {
  View list{View::type::list};
  const std::vector<const Field*> fields = stored_fields(entity);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i]->relation == model::none || fields[i]->origin != Origin::relation) continue;
    const model::Relation& relation = entity.relations[fields[i]->relation];
    View view{View::type::object};
    view.set("field", fields[i]->name);
    view.set("label", model::to_words(relation.name));
    view.set("reason", entity.upper + "_" + upper(relation.name) + "_NOT_FOUND");
    view.set("table", project.target(relation).table);
    view.set("parameter", std::to_string(i));
    view.set("deferred", flag(is_deferred(project, entity, fields[i]->name)));
    view.set("live", flag(project.target(relation).soft_delete));
    view.set("to_self", flag(relation.to_self && entity.soft_delete));
    list.push_back(view);
  }
  return list;
}

/// How the links to several rows are read.
void add_links(const model::Relation& relation, const Entity& entity, const Entity& target,
               Methods& methods, View& view) {
  const std::string type = links_type(relation, target, "biz::");
  const Strings parameters{"biz::" + entity.id_type + " id",
                           "std::vector<biz::" + target.id_type + "> ids"};
  methods.declare(type, relation.name + "_links", parameters);
  view.set("links", methods.definition(type, relation.name + "_links", parameters));
  view.set("pair",
           "std::pair<biz::" + target.id_type + ", biz::" + relation.pivot->link_type + ">");
  view.set("target_id", "biz::" + target.id_type);
  Strings columns{relation.pivot->right_column};
  View reads{View::type::list};
  for (const Field* field : relation.pivot->link_fields()) {
    columns.push_back(field->name);
    reads.push_back(View{"    in." + row_call(*field, "read", "each.second." + field->name) + ";"});
  }
  view.set("link_select", fill("", columns, 9));
  view.set("link_texts", key_texts(target.id_kind));
  view.set("link_reads", reads);
}

void add_methods(const Project& project, const Entity& entity, Methods& methods, View& view) {
  const std::string type = "biz::" + entity.name;
  const std::string id = "biz::" + entity.id_type + " id";
  const std::string ref = type + "& " + variable(entity);
  methods.add("find", "kit::Task<" + type + ">", "find", {id});
  if (entity.soft_delete)
    methods.add("find_deleted", "kit::Task<" + type + ">", "find_deleted", {id});
  if (!ways_to(project, entity).empty()) {
    methods.add("find_related", "kit::Task<kit::record::Related<" + type + ">>", "find_related",
                {"const kit::record::RelatedQuery& query"});
  }
  methods.add("list", "kit::Task<kit::record::Page<" + type + ">>", "list",
              {"const kit::db::ListTable& table", "const kit::db::ListQuery& query"});
  methods.add("count", "kit::Task<std::int64_t>", "count", {});
  methods.add("add", "kit::Task<>", "add", {ref});
  methods.add("save", "kit::Task<>", "save", {ref});
  methods.add("remove", "kit::Task<>", "remove", {entity.soft_delete ? ref : "const " + ref});
  if (entity.soft_delete) methods.add("restore", "kit::Task<>", "restore", {ref});
  if (entity.soft_delete) methods.add("purge", "kit::Task<>", "purge", {"const " + ref});
  if (entity.audit) {
    methods.add("history", "kit::Task<kit::record::Page<kit::record::HistoryEntry>>", "history",
                {"const kit::db::ListQuery& query"});
  }
  const Strings find_own{id, "kit::db::Deleted deleted"};
  view.set("find_own_declaration",
           signature(2, "kit::Task<" + type + ">", "find_own", find_own, ";"));
  view.set("find_own", methods.definition("kit::Task<" + type + ">", "find_own", find_own));
  const Strings own{"session_", "biz::" + entity.snake + "_access",
                    "biz::" + entity.snake + "_table",
                    "kit::record::id_value(" + variable(entity) + ".id)"};
  Strings list{"session_", "table", "query", "sink"};
  if (has_row_access(entity)) list.push_back("limit");
  view.set("list_end", assign(2, "kit::record::ListEnd end", "co_await kit::record::list", list));
  const std::string table = "biz::" + entity.snake + "_table";
  view.set("query_of_one", assign(2, "const kit::db::ListQuery query", "kit::record::query_of",
                                  Strings{table, "std::move(ids)", "deleted"}));
  view.set("check_own", call(2, "co_await kit::record::check_own", own, ";"));
  view.set("check_found", call(2, "co_await kit::record::check_found", own, ";"));
  view.set("check_declaration",
           signature(2, "kit::Task<>", "check_references", Strings{"const " + ref}, ";"));
  view.set("check_references",
           methods.definition("kit::Task<>", "check_references", {"const " + ref}));
  View pivots{View::type::list};
  for (const model::Relation* relation : relations(entity, model::RelationKind::many_to_many)) {
    const Entity& target = project.target(*relation);
    const Strings parameters{id, "biz::" + target.id_type + " " + relation->pivot->right_column};
    View pivot{View::type::object};
    pivot.set("relation", relation->name);
    pivot.set("table", relation->pivot->table);
    pivot.set("left", relation->pivot->left_column);
    pivot.set("right", relation->pivot->right_column);
    pivot.set("pivot_words", model::to_words(relation->pivot->right_name) + " in this " +
                                 model::to_words(entity.snake));
    pivot.set("pivot_upper", entity.upper + "_" + upper(relation->pivot->right_name));
    add_link_changes(*relation, pivot);
    Strings linking = parameters;
    if (relation->pivot->has_link()) {
      linking.push_back("biz::" + relation->pivot->link_type + " link");
      add_links(*relation, entity, target, methods, pivot);
    }
    pivot.set("has_link", flag(relation->pivot->has_link()));
    add_link_sql(*relation->pivot, pivot);
    const Strings arguments{"session_", "link_" + relation->name + "_sql", "parameters.span()",
                            relation->name + "_name"};
    pivot.set("linked", changed("linked", "kit::record::link", arguments));
    pivot.set("linking", call(2, "co_await kit::record::link", arguments, ";"));
    methods.declare("kit::Task<>", "link_" + relation->name, linking);
    pivot.set("link", methods.definition("kit::Task<>", "link_" + relation->name, linking));
    methods.declare("kit::Task<>", "unlink_" + relation->name, parameters);
    pivot.set("unlink", methods.definition("kit::Task<>", "unlink_" + relation->name, parameters));
    pivots.push_back(pivot);
  }
  view.set("pivots", pivots);
}

void add_repository(const Project& project, const Entity& entity, std::vector<File>& files) {
  View view = project.view(entity);
  Methods methods(entity, view);
  add_methods(project, entity, methods, view);
  view.set("methods", methods.declared());
  add_sql(entity, view);
  add_batches(entity, view);
  add_related(project, entity, view);
  View keys = references(project, entity);
  const bool has_references = !keys.list_value().empty();
  view.set("references", keys);
  view.set("has_references", flag(has_references));
  add_history(project, entity, view);
  add_cache(entity, view);
  view.set("has_decimals", flag(has_decimals(entity)));
  view.set("is_uuid", flag(entity.id_kind == model::IdKind::uuid));
  view.set("is_sequence", flag(entity.id_kind == model::IdKind::sequence));
  const bool defers = has_deferred(project, entity);
  view.set("defers", flag(defers));
  Strings checks{has_references ? "references" : "{}"};
  if (defers) checks.push_back("lookup_");
  add_statements(entity, checks, view);
  const std::string record = "biz::" + entity.name;
  view.set("bind", signature(0, "void", "bind",
                             Strings{"kit::record::ParameterWriter& parameters",
                                     "const " + record + "& " + variable(entity)},
                             ""));
  view.set("read",
           signature(0, "kit::Result<>", "read_" + entity.snake,
                     Strings{"const kit::db::Row& row", record + "& " + variable(entity)}, ""));
  View reads{View::type::list};
  for (const Field& field : entity.fields) {
    reads.push_back(
        View{"  in." + row_call(field, "read", variable(entity) + "." + field.name) + ";"});
  }
  view.set("reads", reads);
  const std::string read = "read_" + entity.snake + "(row, ";
  view.set("sink_one", sink(read + "found.emplace())"));
  view.set("sink_page", sink(read + "page.items.emplace_back())"));
  view.set("Plural_words", first_upper(model::to_words(entity.plural)));
  view.set("header", project.path("data", entity.snake + "_repository.gen.hpp"));
  Strings in_header{"kit/async/task.hpp", "kit/db/database.hpp", "kit/db/list_query.hpp",
                    "kit/record/locking.hpp",
                    project.path("biz", entity.snake + "_repository.gen.hpp")};
  if (defers) {
    in_header.push_back("kit/record/write.hpp");
    const Strings parameters{"kit::db::Session& session", "kit::record::Lookup lookup"};
    const std::string head = call(2, "Sql" + entity.name + "Repository", parameters, "");
    view.set("lookup_constructor",
             constructor(2, head.substr(2), Strings{"session_(session)", "lookup_(lookup)"}));
  }
  if (entity.cache) in_header.push_back("kit/record/row_cache.hpp");
  Strings standard{"cstdint"};
  if (adds_batches(entity)) standard.push_back("span");
  if (shows_links(entity)) standard.insert(standard.end(), {"utility", "vector"});
  Strings constructing{"kit::db::Session& session", "kit::record::Purpose purpose"};
  view.set("purpose_constructor",
           constructor(2, call(2, "Sql" + entity.name + "Repository", constructing, "").substr(2),
                       Strings{"session_(session)", "purpose_(purpose)"}));
  view.set("includes", include_lines(standard, in_header));
  files.push_back(
      project.generated("data", entity.snake + "_repository.gen.hpp", "data_repository.hpp", view));
  Strings own{"kit/base/time.hpp", "kit/record/list.hpp", "kit/record/parameters.hpp",
              "kit/record/row_reader.hpp"};
  if (!defers) own.push_back("kit/record/write.hpp");
  const bool links = !relations(entity, model::RelationKind::many_to_many).empty();
  const bool is_numbered = entity.id_kind == model::IdKind::sequence;
  if (links || is_numbered) own.push_back("kit/record/insert.hpp");
  if (links || is_numbered || !ways_to(project, entity).empty()) own.push_back("kit/db/sql.hpp");
  standard = {"optional", "string", "string_view", "utility"};
  if (shows_links(entity) || adds_batches(entity)) standard.push_back("span");
  if (adds_batches(entity)) own.push_back("kit/record/insert_rows.hpp");
  for (const Way& way : ways_to(project, entity)) {
    if (!way.has_link()) continue;
    standard.push_back("vector");
    own.push_back("kit/base/result.hpp");
    own.push_back(project.path("biz", way.owner->snake + ".gen.hpp"));
  }
  if (has_row_access(entity)) {
    standard.push_back("vector");
    own.push_back(access_header(project, entity));
    own.push_back(project.path("biz", entity.snake + "_list.gen.hpp"));
  }
  if (entity.audit || has_audited_referrer(project, entity))
    own.push_back("kit/record/history.hpp");
  if (entity.soft_delete)
    own.insert(own.end(), {"kit/record/answers.hpp", "kit/record/history.hpp"});
  if (entity.id_kind == model::IdKind::uuid) own.push_back("kit/base/uuid.hpp");
  view.set("includes", include_lines(standard, own));
  files.push_back(
      project.generated("data", entity.snake + "_repository.gen.cpp", "data_repository.cpp", view));
}

void add_outbox(const Project& project, std::vector<File>& files) {
  View view = project.view();
  View events{View::type::list};
  Strings own{"kit/json/writer.hpp", "kit/outbox/event.hpp"};
  for (const Entity& entity : project.service.entities) {
    for (const model::Event& event : entity.events) {
      View each{View::type::object};
      each.set("name", event.name);
      View writes{View::type::list};
      for (const model::EventField& field : event.fields) {
        writes.push_back(View{write_lines(field.field, "event." + field.field.name)});
        if (field.field.type == Scalar::bytes) own.push_back("kit/base/base64.hpp");
      }
      each.set("writes", writes);
      each.set("snake", event.snake);
      each.set("aggregate", entity.name);
      Strings names;
      for (const std::string& name : project.service.subscribers_of(event))
        names.push_back("    " + model::cpp_string(name) + ",");
      each.set("has_subscribers", flag(!names.empty()));
      if (!names.empty()) each.set("subscribers", rows(names));
      const bool has_key = event.key != model::none;
      if (has_key) own.push_back("kit/outbox/payload.hpp");
      const std::string key =
          has_key ? "kit::outbox::key_of(event." + event.fields[event.key].field.name + ")"
                  : "std::string()";
      each.set("store",
               call(2, "co_await store",
                    Strings{"session_", event.snake + "_event", key, "std::move(payload)"}, ";"));
      events.push_back(each);
    }
  }
  view.set("events", events);
  view.set("port_includes",
           include_lines({}, {"kit/db/database.hpp", project.path("biz", "outbox.gen.hpp")}));
  view.set("header", project.path("data", "outbox.gen.hpp"));
  view.set("includes", include_lines({"string", "string_view", "utility"}, own));
  files.push_back(project.generated("data", "outbox.gen.hpp", "data_outbox.hpp", view));
  files.push_back(project.generated("data", "outbox.gen.cpp", "data_outbox.cpp", view));
}

void add_unit_of_work(const Project& project, std::vector<File>& files) {
  View view = project.view();
  View entities{View::type::list};
  Strings in_work{"transaction_(std::move(transaction))"};
  Strings in_store{"database_(database)"};
  Strings own{"kit/db/database.hpp", project.path("biz", "repositories.gen.hpp")};
  for (const Entity& entity : project.service.entities) {
    View each = project.view(entity);
    entities.push_back(each);
    own.push_back(project.path("data", entity.snake + "_repository.gen.hpp"));
    in_work.push_back(entity.plural + "_(*transaction_, changing)");
    in_store.push_back(repository_on_database(project.service, entity));
  }
  view.set("has_subscribers", flag(!project.service.subscribers.empty()));
  if (has_events(project.service)) in_work.push_back("outbox_(*transaction_)");
  view.set(
      "work_constructor",
      constructor(2, "explicit SqlUnitOfWork(std::unique_ptr<kit::db::Transaction> transaction)",
                  in_work));
  add_caches(project, view);
  Strings store{"kit::db::Database& database"};
  if (has_caches(project.service)) {
    store.push_back("kit::record::RowCaches& caches");
    own.push_back("kit/record/row_caches.hpp");
  }
  view.set("store_constructor", constructor(0, call(0, "SqlStore::SqlStore", store, ""), in_store));
  view.set("entities", entities);
  view.set("has_events", flag(has_events(project.service)));
  view.set("includes", include_lines({}, own));
  view.set("header", project.path("data", "unit_of_work.gen.hpp"));
  view.set("outbox", project.path("data", "outbox.gen.hpp"));
  files.push_back(project.generated("data", "unit_of_work.gen.hpp", "unit_of_work.hpp", view));
  files.push_back(project.generated("data", "unit_of_work.gen.cpp", "unit_of_work.cpp", view));
}

}  // namespace

std::string row_call(const Field& field, std::string_view verb, const std::string& value) {
  const std::string start(verb);
  if (field.type == Scalar::decimal)
    return start + "_decimal(" + value + ", " + std::to_string(field.scale) + ")";
  // Bytes are read like text.
  if (field.type == Scalar::bytes && verb == "add") return start + "_bytes(" + value + ")";
  return start + "(" + value + ")";
}

void add_link_sql(const model::Pivot& pivot, View& view) {
  Strings columns{pivot.left_column, pivot.right_column};
  Strings numbers{"?1", "?2"};
  Strings changes;
  Strings duplicates;
  View binds{View::type::list};
  for (const Field* field : pivot.link_fields()) {
    columns.push_back(field->name);
    numbers.push_back("?" + std::to_string(numbers.size() + 1));
    changes.push_back(field->name + " = excluded." + field->name);
    duplicates.push_back(field->name + " = VALUES(" + field->name + ")");
    binds.push_back(View{"  parameters." + row_call(*field, "add", "link." + field->name) + ";"});
  }
  const std::string head = "INSERT INTO " + pivot.table + " (";
  view.set("link_columns", fill("", columns, head.size() + 2));
  view.set("link_values", fill("", numbers, 10));
  view.set("link_count", std::to_string(numbers.size()));
  view.set("link_binds", binds);
  view.set("has_link_decimals",
           flag(std::ranges::any_of(pivot.link_fields(), [](const Field* field) {
             return field->type == Scalar::decimal;
           })));
  view.set("on_conflict", changes.empty() ? "ON CONFLICT DO NOTHING"
                                          : "ON CONFLICT (" + columns[0] + ", " + columns[1] +
                                                ") DO UPDATE\n     SET " + fill("", changes, 9));
  view.set("on_duplicate", duplicates.empty() ? ""
                                              : "\n      ON DUPLICATE KEY UPDATE\n         " +
                                                    fill("", duplicates, 9));
}

void add_data(const Project& project, std::vector<File>& files) {
  for (const Entity& entity : project.service.entities) add_repository(project, entity, files);
  if (has_events(project.service)) add_outbox(project, files);
  add_unit_of_work(project, files);
  add_imports(project, files);
}

}  // namespace kitgen::render
