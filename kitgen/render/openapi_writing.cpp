// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/openapi_writing.hpp"

#include <string>
#include <vector>

#include "kitgen/model/naming.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using Block = YamlText::Block;
using Item = YamlText::Item;

void write_id(YamlText& yaml, const Entity& entity) {
  const Block id(yaml, "id");
  if (entity.id_kind == model::IdKind::uuid) {
    yaml.plain("type", "string");
    yaml.plain("format", "uuid");
  } else {
    yaml.plain("type", "integer");
    yaml.plain("format", "int64");
    yaml.plain("minimum", "1");
  }
}

void write_schema(YamlText& yaml, const std::string& name) {
  const Block content(yaml, "content");
  const Block media(yaml, "application/json");
  const Block schema(yaml, "schema");
  yaml.reference("schemas", name);
}

/// A list of what another schema describes.
void write_items(YamlText& yaml, const std::string& name, const std::string& schema) {
  const Block list(yaml, name);
  yaml.plain("type", "array");
  const Block items(yaml, "items");
  yaml.reference("schemas", schema);
}

/// A list of rows by their ids, with what is done to them.
void write_references(YamlText& yaml, const Entity& entity, const std::string& name,
                      bool has_version, const std::string& patch) {
  const Block list(yaml, name);
  yaml.plain("type", "array");
  const Block items(yaml, "items");
  yaml.plain("type", "object");
  std::vector<std::string> required{"id"};
  if (!patch.empty()) required.emplace_back("patch");
  yaml.list("required", required);
  const Block properties(yaml, "properties");
  write_id(yaml, entity);
  if (has_version) {
    const Block version(yaml, "version");
    yaml.plain("type", "integer");
    yaml.plain("format", "int64");
    yaml.text("description", "As If-Match: 412 when it is not the current one.");
  }
  if (patch.empty()) return;
  const Block block(yaml, "patch");
  yaml.reference("schemas", patch);
}

}  // namespace

void write_bulk(YamlText& yaml, const Entity& entity) {
  const Block path(yaml, entity.path + "/bulk");
  const Block post(yaml, "post");
  yaml.list("tags", {entity.name});
  yaml.plain("operationId", entity.snake + "_bulk");
  yaml.text("summary", "Delete, change and create " + model::to_words(entity.plural) + " at once");
  yaml.text("description",
            "All or nothing, in this order: delete, update, create. Violations name the item: "
            "create[3].email.");
  {
    const Block parameters(yaml, "parameters");
    const Item item(yaml);
    yaml.reference("parameters", "Idempotency-Key");
  }
  {
    const Block body(yaml, "requestBody");
    yaml.plain("required", "true");
    write_schema(yaml, entity.name + "Bulk");
  }
  const Block responses(yaml, "responses");
  {
    const Block answer(yaml, "200");
    yaml.text("description", "What became of each item, in the order of the request.");
    write_schema(yaml, entity.name + "BulkResult");
  }
  for (const std::string status : {"400", "409", "412", "413", "415", "422", "default"}) {
    const Block block(yaml, status);
    yaml.reference("responses", status == "default" ? "error" : "error" + status);
  }
}

void write_bulk_schemas(YamlText& yaml, const Entity& entity) {
  {
    const Block block(yaml, entity.name + "Bulk");
    yaml.plain("type", "object");
    yaml.text("description", "What bulk takes; each list may be left out.");
    const Block properties(yaml, "properties");
    write_references(yaml, entity, "delete", entity.version, "");
    write_references(yaml, entity, "update", entity.version, entity.name + "Patch");
    write_items(yaml, "create", entity.name + "Create");
  }
  const Block block(yaml, entity.name + "BulkResult");
  yaml.plain("type", "object");
  yaml.list("required", {"delete", "update", "create"});
  const Block properties(yaml, "properties");
  write_references(yaml, entity, "delete", false, "");
  write_items(yaml, "update", entity.name);
  write_items(yaml, "create", entity.name);
}

std::string nested_item(const Entity& entity, const model::Relation& relation) {
  return entity.name + relation.pascal + "Create";
}

std::vector<model::Field> nested_fields(const Entity& target, const model::Relation& relation) {
  std::vector<model::Field> fields = target.fields;
  std::erase_if(fields,
                [&](const model::Field& field) { return field.name == relation.inverse_field; });
  return fields;
}

std::string created_schema(const Entity& entity) {
  return entity.nested_lists().empty() ? entity.name : entity.name + "Created";
}

void write_nested_members(YamlText& yaml, const Entity& entity) {
  for (const model::Relation* relation : entity.nested_lists()) {
    const Block list(yaml, relation->name);
    yaml.plain("type", "array");
    yaml.plain("maxItems", std::to_string(relation->nested_max));
    yaml.text("description", relation->label + " that are created with it.");
    const Block items(yaml, "items");
    yaml.reference("schemas", nested_item(entity, *relation));
  }
}

void write_nested_schemas(YamlText& yaml, const model::Service& service, const Entity& entity) {
  const std::vector<const model::Relation*> lists = entity.nested_lists();
  if (lists.empty()) return;
  const Block block(yaml, created_schema(entity));
  yaml.text("description", entity.label + " with what was created with it.");
  const Block all(yaml, "allOf");
  {
    const Item item(yaml);
    yaml.reference("schemas", entity.name);
  }
  const Item item(yaml);
  yaml.plain("type", "object");
  std::vector<std::string> names;
  for (const model::Relation* relation : lists) names.push_back(relation->name);
  yaml.list("required", names);
  const Block properties(yaml, "properties");
  for (const model::Relation* relation : lists) {
    write_items(yaml, relation->name, service.entities[relation->target].name);
  }
}

}  // namespace kitgen::render
