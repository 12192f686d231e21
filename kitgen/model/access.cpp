// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

constexpr std::size_t longest_path = 4;

std::vector<std::string> read_roles(Context& context, const std::vector<Word>& words) {
  std::vector<std::string> roles;
  for (const Word& word : words) {
    if (!is_snake_case(word.text)) {
      context.diagnostics.error(word,
                                "a role must be a name in snake_case, not " + in_quotes(word.text));
    } else if (std::ranges::find(roles, word.text) != roles.end()) {
      context.diagnostics.error(word, "the role " + in_quotes(word.text) + " is named twice");
    }
    roles.push_back(word.text);
  }
  return roles;
}

/// Whether the last part of a path can be compared with who the caller is.
bool is_name_of_somebody(const Field& field) {
  return !field.secret && (field.is_text() || (!field.is_array && (field.type == Scalar::uuid ||
                                                                   field.type == Scalar::id)));
}

void refuse_part(Context& context, const Word& rule, std::size_t entity, const std::string& part) {
  context.diagnostics.error(rule,
                            "a row rule names the unknown field or relation " + in_quotes(part) +
                                " of " + in_quotes(context.service.entities[entity].name),
                            context.diagnostics.did_you_mean(part, context.field_names(entity)));
}

/// Follows relations up to the field that says whose a row is.
bool check_path(Context& context, std::size_t entity, const Word& rule,
                const std::vector<std::string_view>& parts) {
  std::size_t here = entity;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const std::string part(parts[i]);
    const Relation* relation = context.find_relation(here, part);
    if (relation == nullptr && context.field_index(here, part) == none) {
      refuse_part(context, rule, here, part);
      return false;
    }
    if (relation == nullptr || relation->kind != RelationKind::belongs_to) {
      context.diagnostics.error(
          rule, "a row rule goes along belongs_to only, and " + in_quotes(part) + " is none");
      return false;
    }
    here = relation->target;
    if (here == none) return false;  // no such entity, which was told
  }
  const std::string last(parts.back());
  const Relation* relation = context.find_relation(here, last);
  const bool refers = relation != nullptr && relation->kind == RelationKind::belongs_to;
  const std::size_t field = context.field_index(here, refers ? relation->field : last);
  if (field == none) {
    refuse_part(context, rule, here, last);
    return false;
  }
  if (is_name_of_somebody(context.service.entities[here].fields[field])) return true;
  context.diagnostics.error(rule,
                            "a row rule compares who the caller is with a text, a uuid or an "
                            "id, and " +
                                in_quotes(last) + " is none");
  return false;
}

/// `support_rep.login == me`: a path that starts at a field or relation, compared with the caller.
std::optional<std::string> read_row_rule(Context& context, std::size_t entity, const Word& rule) {
  const std::size_t equals = rule.text.find("==");
  const std::string_view text = rule.text;
  const std::string_view path = kit::trim(text.substr(0, std::min(equals, text.size())));
  const bool has_form = equals != std::string::npos && kit::trim(text.substr(equals + 2)) == "me";
  const std::vector<std::string_view> parts = kit::split(path, '.');
  bool are_names = has_form;
  for (const std::string_view part : parts) are_names = are_names && is_snake_case(part);
  if (!are_names) {
    context.diagnostics.error(
        rule, "a row rule must have the form 'relation.field == me', not " + in_quotes(rule.text));
    return std::nullopt;
  }
  if (parts.size() > longest_path) {
    context.diagnostics.error(
        rule, "a row rule goes along at most " + std::to_string(longest_path - 1) + " relations");
    return std::nullopt;
  }
  if (!check_path(context, entity, rule, parts)) return std::nullopt;
  return std::string(path);
}

void read_field_rule(Context& context, std::size_t entity, const Word& word,
                     std::vector<std::string> roles, Access& access) {
  const std::size_t index = context.field_index(entity, word.text);
  const Entity& here = context.service.entities[entity];
  if (index == none) {
    context.diagnostics.error(
        word,
        "access.fields names the unknown field " + in_quotes(word.text) + " of " +
            in_quotes(here.name),
        context.diagnostics.did_you_mean(word.text, context.field_names(entity)));
    return;
  }
  const Origin origin = here.fields[index].origin;
  if (origin != Origin::declared && origin != Origin::relation) {
    context.diagnostics.error(
        word, "access.fields cannot hide " + in_quotes(word.text) + ", which every row shows");
    return;
  }
  access.fields.push_back({word.text, std::move(roles)});
}

bool names(const std::vector<std::string>& roles, const std::string& role) {
  return std::ranges::find(roles, role) != roles.end();
}

}  // namespace

void build_access(Context& context, std::size_t entity) {
  const schema::Entity& from = context.syntax.entities[entity];
  if (!from.access) return;
  const schema::Access& syntax = *from.access;
  Access access;
  access.read = read_roles(context, syntax.read);
  access.write = read_roles(context, syntax.write);
  for (const auto& [field, roles] : syntax.fields) {
    read_field_rule(context, entity, field, read_roles(context, roles), access);
  }
  for (const auto& [role, rule] : syntax.rows) {
    read_roles(context, {role});
    const auto path = read_row_rule(context, entity, rule);
    if (path) access.rows.push_back({role.text, *path});
    if (!names(access.read, role.text) && !names(access.write, role.text)) {
      context.diagnostics.error(role,
                                "the role " + in_quotes(role.text) +
                                    " has a row rule, but neither 'read' nor 'write' lets it in",
                                "add it to 'read'");
    }
  }
  context.service.entities[entity].access = std::move(access);
}

}  // namespace kitgen::model
