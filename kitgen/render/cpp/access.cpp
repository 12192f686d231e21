// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/cpp/access.hpp"

#include <algorithm>

#include "kit/base/text.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using Strings = std::vector<std::string>;

/// SQL for whose a row is: a column of the table, or of what the row refers to, as text.
std::string owner_of(const Project& project, const Entity& entity, const std::string& table,
                     std::span<const std::string_view> path, int depth) {
  const std::string first(path.front());
  if (path.size() == 1) {
    const model::Relation* relation = entity.find_relation(first);
    const std::string column = table + "." + (relation != nullptr ? relation->field : first);
    const model::Field* field = entity.find_field(relation != nullptr ? relation->field : first);
    // Who somebody is, is a text; what PostgreSQL stores as a number or a UUID becomes one.
    const bool is_text = field->type != model::Scalar::id && field->type != model::Scalar::uuid;
    return is_text ? column : "'' || " + column;
  }
  const model::Relation& relation = *entity.find_relation(first);
  const Entity& target = project.target(relation);
  std::string alias = "r";
  alias += std::to_string(depth);
  std::string sql = "(SELECT " + owner_of(project, target, alias, path.subspan(1), depth + 1);
  sql.append(" FROM ").append(target.table).append(" AS ").append(alias);
  sql.append(" WHERE ").append(alias).append(".id = ").append(table).append(".");
  return sql + relation.field + ")";
}

std::string role_rows(const Strings& roles) {
  Strings rows;
  for (const std::string& role : roles) rows.push_back("    \"" + role + "\",");
  return render::rows(rows);
}

View role_lists(const Entity& entity) {
  View lists{View::type::list};
  const auto add = [&](const std::string& name, const Strings& roles) {
    if (roles.empty()) return;
    View list{View::type::object};
    list.set("list", entity.snake + "_" + name);
    list.set("roles", role_rows(roles));
    lists.push_back(list);
  };
  add("readers", entity.access->read);
  add("writers", entity.access->write);
  for (const model::FieldAccess& field : entity.access->fields) {
    add(field.field + "_roles", field.roles);
  }
  return lists;
}

Strings field_rules(const Entity& entity) {
  Strings rules;
  for (const model::FieldAccess& rule : entity.access->fields) {
    const auto field = std::ranges::find(entity.fields, rule.field, &model::Field::name);
    const std::string place = std::to_string(field - entity.fields.begin());
    const std::string roles =
        rule.roles.empty() ? "{}" : entity.snake + "_" + rule.field + "_roles";
    rules.push_back(protect("    {\"" + rule.field + "\", " + place + ", " + roles + "},", 4));
  }
  return rules;
}

}  // namespace

void add_access(const Project& project, const Entity& entity, std::vector<File>& files) {
  if (!entity.access) return;
  View view = project.view(entity);
  view.set("role_lists", role_lists(entity));
  view.set("readers", entity.access->read.empty() ? "{}" : entity.snake + "_readers");
  view.set("writers", entity.access->write.empty() ? "{}" : entity.snake + "_writers");
  view.set("field_rules", render::rows(field_rules(entity)));
  View rows{View::type::list};
  const Strings owners = row_owners(project, entity);
  for (std::size_t i = 0; i < owners.size(); ++i) {
    View row{View::type::object};
    row.set("role", entity.access->rows[i].role);
    row.set("owner", owners[i]);
    rows.push_back(row);
  }
  view.set("row_rules", rows);
  view.set("includes", include_lines({"string_view"}, {"kit/record/access.hpp"}));
  files.push_back(project.generated("biz", entity.snake + "_access.gen.hpp", "access.hpp", view));
}

std::string access_header(const Project& project, const Entity& entity) {
  return project.path("biz", entity.snake + "_access.gen.hpp");
}

std::vector<std::string> row_owners(const Project& project, const Entity& entity) {
  Strings owners;
  for (const model::RowAccess& rule : entity.access->rows) {
    const std::vector<std::string_view> path = kit::split(rule.path, '.');
    owners.push_back(owner_of(project, entity, entity.table, path, 1));
  }
  return owners;
}

bool has_field_access(const Entity& entity) {
  return entity.access && !entity.access->fields.empty();
}

bool has_row_access(const Entity& entity) {
  return entity.access && !entity.access->rows.empty();
}

}  // namespace kitgen::render
