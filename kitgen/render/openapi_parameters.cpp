// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/openapi_parameters.hpp"

#include <algorithm>

#include "kitgen/model/naming.hpp"
#include "kitgen/render/openapi_schemas.hpp"
#include "kitgen/render/openapi_writing.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using model::Field;
using model::Relation;
using model::RelationKind;
using model::Service;
using Block = YamlText::Block;
using Item = YamlText::Item;

std::string_view operator_words(std::string_view op) {
  if (op == "eq") return "equals";
  if (op == "ne") return "is not";
  if (op == "gt") return "is greater than";
  if (op == "gte") return "is at least";
  if (op == "lt") return "is less than";
  if (op == "lte") return "is at most";
  if (op == "in") return "is one of";
  if (op == "contains") return "contains";
  if (op == "like") return "contains; * stands for any text";
  if (op == "has") return "has the element";
  return "is null";
}

/// Filters hold one plain value each, without the limits of what is stored.
void write_filter_type(YamlText& yaml, const Service& service, const Field& field,
                       const std::string& op) {
  Field plain = field;
  plain.min.reset();
  plain.max.reset();
  plain.min_length.reset();
  plain.max_length.reset();
  plain.item_min_length.reset();
  plain.item_max_length.reset();
  plain.pattern.clear();
  if (op == "like" || op == "contains") {
    yaml.plain("type", "string");
  } else if (op == "is_null") {
    yaml.plain("type", "boolean");
  } else if (op == "in") {
    yaml.plain("type", "array");
    yaml.plain("minItems", "1");
    yaml.plain("maxItems", "200");
    const Block items(yaml, "items");
    write_type(yaml, service, plain);
  } else {
    write_type(yaml, service, op == "has" ? element_of(plain) : plain);
  }
}

void write_list_style(YamlText& yaml) {
  yaml.plain("style", "form");
  yaml.plain("explode", "false");
}

void write_filter(YamlText& yaml, const Service& service, const Entity& entity, const Field& field,
                  const std::string& op) {
  const std::string name = filter_parameter(field, op);
  const Block block(yaml, entity.name + "." + name);
  yaml.plain("name", yaml_word(name));
  yaml.plain("in", "query");
  yaml.text("description", field.label + " " + std::string(operator_words(op)) + ".");
  if (op == "in") write_list_style(yaml);
  const Block schema(yaml, "schema");
  write_filter_type(yaml, service, field, op);
}

void write_words(YamlText& yaml, const std::vector<std::string>& words) {
  const Block schema(yaml, "schema");
  yaml.plain("type", "array");
  const Block items(yaml, "items");
  yaml.plain("type", "string");
  yaml.list("enum", words);
}

void write_sort(YamlText& yaml, const Entity& entity) {
  std::vector<std::string> keys;
  for (const Field& field : entity.fields) {
    if (!field.sortable) continue;
    keys.push_back(field.name);
    keys.push_back("-" + field.name);
  }
  const Block block(yaml, entity.name + ".sort");
  yaml.plain("name", "sort");
  yaml.plain("in", "query");
  yaml.text("description", "Fields to sort by, the first one first; - means descending.");
  write_list_style(yaml);
  write_words(yaml, keys);
}

void write_limit(YamlText& yaml, const Entity& entity) {
  const Block block(yaml, entity.name + ".limit");
  yaml.plain("name", "limit");
  yaml.plain("in", "query");
  yaml.text("description", "Rows on the page.");
  const Block schema(yaml, "schema");
  yaml.plain("type", "integer");
  yaml.plain("minimum", "1");
  yaml.plain("maximum", std::to_string(entity.list.max_page_size));
  yaml.plain("default", std::to_string(entity.list.page_size));
}

/// "^(album|genre)" of the relations that a path begins with.
std::string first_of_path(const std::vector<std::string>& names) {
  std::string pattern = "^(";
  for (const std::string& name : names) pattern.append(pattern.size() > 2 ? "|" : "").append(name);
  return pattern + ")";
}

void write_expand(YamlText& yaml, const Entity& entity, const std::vector<std::string>& names) {
  const Block block(yaml, entity.name + ".expand");
  yaml.plain("name", "expand");
  yaml.plain("in", "query");
  std::string words;
  for (const std::string& name : names) words.append(words.empty() ? "" : ", ").append(name);
  yaml.text("description", "Relations to answer with: " + words +
                               "; and theirs behind a point, three deep at most.");
  write_list_style(yaml);
  const Block schema(yaml, "schema");
  yaml.plain("type", "array");
  const Block items(yaml, "items");
  yaml.plain("type", "string");
  yaml.text("pattern", first_of_path(names) + "(\\.[a-z0-9_]+){0,2}$");
}

void write_fields(YamlText& yaml, const Entity& entity) {
  std::vector<std::string> names;
  for (const Field& field : entity.fields) {
    if (field.in_response) names.push_back(field.name);
  }
  const Block block(yaml, entity.name + ".fields");
  yaml.plain("name", "fields");
  yaml.plain("in", "query");
  const std::vector<std::string> relations = expandable(entity);
  yaml.text("description", relations.empty()
                               ? "Fields to answer with, and no others but the id."
                               : "Fields to answer with, and no others but the id; those of what "
                                 "is expanded behind a point.");
  write_list_style(yaml);
  if (relations.empty()) return write_words(yaml, names);
  const Block schema(yaml, "schema");
  yaml.plain("type", "array");
  const Block items(yaml, "items");
  yaml.plain("type", "string");
  const Block either(yaml, "anyOf");
  {
    const Item item(yaml);
    yaml.list("enum", names);
  }
  const Item item(yaml);
  yaml.text("pattern", first_of_path(relations) + "(\\.[a-z0-9_]+){1,3}$");
}

void write_deleted(YamlText& yaml) {
  const Block block(yaml, "deleted");
  yaml.plain("name", "deleted");
  yaml.plain("in", "query");
  yaml.text("description", "Deleted rows too, or nothing else; without it they are left out.");
  const Block schema(yaml, "schema");
  yaml.plain("type", "string");
  yaml.list("enum", {"include", "only"});
}

void write_search(YamlText& yaml, const Entity& entity) {
  std::string fields;
  for (const std::string& name : entity.list.search) fields += (fields.empty() ? "" : ", ") + name;
  const Block block(yaml, entity.name + ".search");
  yaml.plain("name", "search");
  yaml.plain("in", "query");
  yaml.text("description", "Words of which each must be in one of " + fields + ".");
  const Block schema(yaml, "schema");
  yaml.plain("type", "string");
  yaml.plain("maxLength", "200");
}

void write_shared_parameter(YamlText& yaml, std::string_view key, std::string_view name,
                            std::string_view place, std::string_view type,
                            std::string_view description) {
  const Block block(yaml, key);
  yaml.plain("name", name);
  yaml.plain("in", place);
  yaml.text("description", description);
  const Block schema(yaml, "schema");
  yaml.plain("type", type);
}

void write_page(YamlText& yaml) {
  const Block block(yaml, "page");
  yaml.plain("name", "page");
  yaml.plain("in", "query");
  yaml.text("description",
            "Number of the page, counted from 1, instead of cursor; for the first 100000 rows.");
  const Block schema(yaml, "schema");
  yaml.plain("type", "integer");
  yaml.plain("minimum", "1");
}

void write_history_parameter(YamlText& yaml, const std::string& name,
                             const std::string& description, std::string_view type,
                             std::string_view format = {}) {
  const Block block(yaml, "History." + name);
  yaml.plain("name", name);
  yaml.plain("in", "query");
  yaml.text("description", description);
  const Block schema(yaml, "schema");
  yaml.plain("type", type);
  if (!format.empty()) yaml.plain("format", format);
}

void write_history_parameters(YamlText& yaml) {
  write_history_parameter(yaml, "operation", "What was done.", "string");
  write_history_parameter(yaml, "who", "Who did it.", "string");
  write_history_parameter(yaml, "at.gte", "Not before this.", "string", "date-time");
  write_history_parameter(yaml, "at.lt", "Before this.", "string", "date-time");
  write_history_parameter(yaml, "limit", "Entries on the page, from 1 to 200; 50 by default.",
                          "integer");
}

/// The filters of the entity's own list, one by one.
void use_filters(YamlText& yaml, const Entity& entity) {
  for (const Field& field : entity.fields) {
    if (!field.filterable) continue;
    for (const std::string& op : field.operators) {
      use_parameter(yaml, entity.name + "." + filter_parameter(field, op));
    }
  }
}

}  // namespace

std::vector<std::string> expandable(const Entity& entity) {
  std::vector<std::string> names;
  for (const Relation& relation : entity.relations) names.push_back(relation.name);
  return names;
}

void write_parameters(YamlText& yaml, const Service& service) {
  const Block parameters(yaml, "parameters");
  write_shared_parameter(yaml, "cursor", "cursor", "query", "string",
                         "next_cursor of the page before; with the same sort and filters.");
  write_page(yaml);
  if (std::ranges::any_of(service.entities, &Entity::soft_delete)) write_deleted(yaml);
  write_shared_parameter(yaml, "total", "total", "query", "boolean",
                         "Whether to count all rows, which costs time.");
  write_shared_parameter(yaml, "If-Match", "If-Match", "header", "string",
                         "The ETag the request is based on; 412 when there is a newer one.");
  write_shared_parameter(yaml, "If-None-Match", "If-None-Match", "header", "string",
                         "The ETag that is known; 304 when it still holds.");
  write_shared_parameter(yaml, "Idempotency-Key", "Idempotency-Key", "header", "string",
                         "Up to 255 characters of the client's choice: a repeat with the same key "
                         "gets the first answer (with Idempotency-Replayed) and changes nothing; "
                         "422 when the key was another request's.");
  if (std::ranges::any_of(service.entities, &Entity::audit)) write_history_parameters(yaml);
  write_transfer_parameters(yaml);
  for (const Entity& entity : service.entities) {
    for (const Field& field : entity.fields) {
      if (!field.filterable) continue;
      for (const std::string& op : field.operators) write_filter(yaml, service, entity, field, op);
    }
    write_sort(yaml, entity);
    write_limit(yaml, entity);
    write_fields(yaml, entity);
    if (!entity.list.search.empty()) write_search(yaml, entity);
    const auto names = expandable(entity);
    if (!names.empty()) write_expand(yaml, entity, names);
  }
}

void use_parameter(YamlText& yaml, const std::string& name) {
  const Item item(yaml);
  yaml.reference("parameters", name);
}

void use_parameters(YamlText& yaml, const std::vector<std::string>& names) {
  const Block parameters(yaml, "parameters");
  for (const std::string& name : names) use_parameter(yaml, name);
}

void use_list_parameters(YamlText& yaml, const Entity& entity, bool has_path) {
  const Block parameters(yaml, "parameters");
  has_path ? use_parameter(yaml, "filters") : use_filters(yaml, entity);
  if (!entity.list.search.empty()) use_parameter(yaml, entity.name + ".search");
  use_parameter(yaml, entity.name + ".sort");
  use_parameter(yaml, entity.name + ".limit");
  use_parameter(yaml, "cursor");
  use_parameter(yaml, "page");
  use_parameter(yaml, "total");
  use_parameter(yaml, entity.name + ".fields");
  if (entity.soft_delete) use_parameter(yaml, "deleted");
  if (!expandable(entity).empty()) use_parameter(yaml, entity.name + ".expand");
}

void write_id_parameter(YamlText& yaml, const std::string& name, const Entity& entity) {
  const Item item(yaml);
  yaml.plain("name", name);
  yaml.plain("in", "path");
  yaml.plain("required", "true");
  yaml.text("description", "Id of the " + entity.name + ".");
  const Block schema(yaml, "schema");
  if (entity.id_kind == model::IdKind::uuid) {
    yaml.plain("type", "string");
    yaml.plain("format", "uuid");
  } else {
    yaml.plain("type", "integer");
    yaml.plain("format", "int64");
    yaml.plain("minimum", "1");
  }
}

}  // namespace kitgen::render
