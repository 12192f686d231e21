// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/cpp/history.hpp"

#include <algorithm>

#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using model::Field;
using model::OnDelete;
using model::Scalar;
using Strings = std::vector<std::string>;

/// Rows that are removed with one: its own, and those that ON DELETE CASCADE takes along.
struct Gone {
  const Entity* entity;
  std::string condition;  ///< Behind a column that holds ids: "= ?1"
  std::string suffix;     ///< Tells the ways apart on which rows of one table may go.
};

std::string indented(const std::string& column, const Gone& gone) {
  return column + " " + gone.condition;
}

/// The entity's rows first. Rows of one table that take each other along, however deep, are not
/// followed: which they are is only known while they go.
std::vector<Gone> gone_with(const Project& project, const Entity& entity) {
  std::vector<Gone> all{{&entity, "= ?1", ""}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Gone parent = all[i];
    for (const Entity& other : project.service.entities) {
      for (const model::Relation* relation : relations(other, model::RelationKind::belongs_to)) {
        const bool follows = &project.target(*relation) == parent.entity &&
                             relation->on_delete == OnDelete::cascade &&
                             std::ranges::find(all, &other, &Gone::entity) == all.end();
        if (!follows) continue;
        all.push_back({&other,
                       "IN (SELECT id FROM " + other.table + " WHERE " +
                           indented(relation->field, parent) + ")",
                       "_of_" + other.plural});
      }
    }
  }
  return all;
}

std::string_view history_type(const Field& field) {
  if (field.secret) return "secret";
  switch (field.type) {
    case Scalar::int32:
    case Scalar::int64:
      return "integer";
    case Scalar::boolean:
      return "boolean";
    case Scalar::float32:
    case Scalar::float64:
      return "real";
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
    case Scalar::json:
      return "json";
    case Scalar::bytes:
      return "bytes";
    default:
      return "text";
  }
}

std::string history_row(const Field& field) {
  const bool is_said = field.origin == model::Origin::id ||
                       field.origin == model::Origin::version ||
                       field.origin == model::Origin::updated_at;
  std::string row = "    {\"" + field.name + "\", kit::record::HistoryType::";
  row.append(is_said ? "none" : history_type(field));
  if (field.type == Scalar::decimal) row += ", " + std::to_string(field.scale);
  return row + "},";
}

void add_keeping(const Entity& entity, View& view) {
  const std::string value = variable(entity);
  const auto keep = [&](const std::string& operation, const std::string& changes,
                        const std::string& at) {
    return call(2, "co_await keep_history",
                Strings{"session_", value, "kit::record::Operation::" + operation, changes, at},
                ";");
  };
  const std::string changed_at = value + ".updated_at";
  view.set("keep_added", keep("create", "std::move(changes)", changed_at));
  view.set("keep_saved", keep("update", "std::move(changes)", changed_at));
  view.set("keep_removed", keep("remove", "std::move(changes)", changed_at));
  view.set("keep_restored", keep("restore", "std::move(changes)", changed_at));
  view.set("keep_erased", keep("remove", "\"{}\"", "kit::Timestamp::now()"));
  view.set("keep_purged", keep("purge", "\"{}\"", "kit::Timestamp::now()"));
  const auto changes = [](const std::string& before) {
    return assign(2, "std::string changes", "kit::record::changes_between",
                  Strings{"audited", before, "parameters.span()"});
  };
  view.set("changes_added", changes("{}"));
  view.set("changes_saved", changes("was.span()"));
}

void set_definition(View& view, const std::string& key, const std::string& type,
                    const std::string& name, const Strings& parameters) {
  const std::string text = signature(0, type, name, parameters, " {");
  view.set(key, text.substr(0, text.size() - 2));
}

std::string of_others(const std::string& sql) {
  return call(2, "co_await kit::record::add_history_of_others",
              Strings{"session", sql, "gone.span().front()", "now"}, ";");
}

View nulled_view(const Entity& entity, const Gone& gone, const Referrer& referrer) {
  const std::string name =
      "unset_" + referrer.entity.plural + "_" + referrer.relation.name + gone.suffix;
  std::string condition = indented(referrer.relation.field, gone);
  if (&referrer.entity == &entity && gone.entity == &entity) condition += " AND id <> ?1";
  View view{View::type::object};
  view.set("nulled_sql", name + "_sql");
  view.set("history_sql", name + "_history_sql");
  view.set("nulled_entity", referrer.entity.name);
  view.set("nulled_table", referrer.entity.table);
  view.set("nulled_field", referrer.relation.field);
  // A number, or a text that needs no escapes.
  view.set("quote", gone.entity->id_kind == model::IdKind::uuid ? "\"" : "");
  view.set("condition", condition);
  view.set("nulled_version", flag(referrer.entity.version));
  view.set("nulled_audit", flag(referrer.entity.audit));
  view.set("history_statement", of_others(name + "_history_sql"));
  view.set("statement",
           call(2, "co_await session.execute", Strings{name + "_sql", "gone.span()"}, ";"));
  return view;
}

View cascaded_view(const Gone& gone) {
  View view{View::type::object};
  const std::string sql = "removed_" + gone.entity->plural + "_history_sql";
  view.set("history_sql", sql);
  view.set("cascaded_entity", gone.entity->name);
  view.set("cascaded_table", gone.entity->table);
  view.set("condition", "id " + gone.condition);
  view.set("cascaded_version", flag(gone.entity->version));
  view.set("statement", of_others(sql));
  return view;
}

}  // namespace

void add_history(const Project& project, const Entity& entity, View& view) {
  Strings rows;
  for (const Field* field : stored_fields(entity)) rows.push_back(history_row(*field));
  view.set("history_rows", render::rows(rows));
  add_keeping(entity, view);
  const std::string type = "biz::" + entity.name;
  const std::string id = "biz::" + entity.id_type + " id";
  set_definition(view, "keep_history", "kit::Task<>", "keep_history",
                 {"kit::db::Session& session", "const " + type + "& " + variable(entity),
                  "kit::record::Operation operation", "std::string changes", "kit::Timestamp at"});
  set_definition(
      view, "keep_link", "kit::Task<>", "keep_link",
      {"kit::db::Session& session", id, "kit::record::Operation operation", "std::string changes"});
  set_definition(view, "find_stored", "kit::Task<" + type + ">", "find_stored",
                 {"kit::db::Session& session", id});
  set_definition(view, "release", "kit::Task<>", "release", {"kit::db::Session& session", id});
  view.set("release_rows",
           call(2, "co_await release", Strings{"session_", variable(entity) + ".id"}, ";"));
  view.set("has_pivots", flag(!relations(entity, model::RelationKind::many_to_many).empty()));
  View nulled{View::type::list};
  View cascaded{View::type::list};
  for (const Gone& gone : gone_with(project, entity)) {
    for (const Referrer& referrer : nulled_referrers(project, *gone.entity)) {
      nulled.push_back(nulled_view(entity, gone, referrer));
    }
    if (gone.entity != &entity && gone.entity->audit) cascaded.push_back(cascaded_view(gone));
  }
  view.set("releases", flag(!nulled.list_value().empty() || !cascaded.list_value().empty()));
  view.set("nulled", nulled);
  view.set("cascaded", cascaded);
  const bool has_live =
      std::ranges::any_of(relations(entity, model::RelationKind::belongs_to),
                          [&](const auto* each) { return project.target(*each).soft_delete; });
  view.set("has_live", flag(has_live && entity.soft_delete));
}

void add_link_changes(const model::Relation& relation, View& pivot) {
  const auto change = [&](const std::string& linked) {
    return assign(2, "std::string changes", "kit::record::link_change",
                  Strings{"\"" + relation.name + "\"", relation.pivot->right_column, linked});
  };
  pivot.set("link_change", change("true"));
  pivot.set("unlink_change", change("false"));
}

bool has_audited_referrer(const Project& project, const Entity& entity) {
  for (const Gone& gone : gone_with(project, entity)) {
    if (gone.entity != &entity && gone.entity->audit) return true;
    for (const Referrer& referrer : nulled_referrers(project, *gone.entity)) {
      if (referrer.entity.audit) return true;
    }
  }
  return false;
}

}  // namespace kitgen::render
