// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/openapi_writing.hpp"

#include <string>
#include <vector>

#include "kitgen/model/naming.hpp"
#include "kitgen/render/openapi_parameters.hpp"
#include "kitgen/render/render.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using Block = YamlText::Block;
using Item = YamlText::Item;

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

/// The schema of a row that is named by its id.
std::string row_schema(const Entity& entity) {
  return entity.id_kind == model::IdKind::uuid ? "BulkRowOfUuid" : "BulkRow";
}

void write_updates(YamlText& yaml, const Entity& entity) {
  const Block list(yaml, "update");
  yaml.plain("type", "array");
  const Block items(yaml, "items");
  const Block all(yaml, "allOf");
  {
    const Item item(yaml);
    yaml.reference("schemas", row_schema(entity));
  }
  const Item item(yaml);
  yaml.list("required", {"patch"});
  const Block properties(yaml, "properties");
  const Block patch(yaml, "patch");
  yaml.reference("schemas", entity.name + "Patch");
}

void use_errors(YamlText& yaml, const std::vector<std::string>& statuses) {
  for (const std::string& status : statuses) {
    const Block block(yaml, status);
    yaml.reference("responses", status == "default" ? "error" : "error" + status);
  }
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
  use_errors(yaml, {"400", "409", "412", "422", "default"});
}

namespace {

void write_choice(YamlText& yaml, const std::string& name, const std::string& description,
                  const std::vector<std::string>& values) {
  const Block block(yaml, name);
  yaml.plain("name", name);
  yaml.plain("in", "query");
  yaml.text("description", description);
  const Block schema(yaml, "schema");
  yaml.plain("type", "string");
  yaml.list("enum", values);
  yaml.plain("default", values.front());
}

void write_file(YamlText& yaml) {
  const Block content(yaml, "content");
  const Block media(yaml, "text/csv");
  const Block schema(yaml, "schema");
  yaml.plain("type", "string");
}

void write_export(YamlText& yaml, const Entity& entity) {
  const Block path(yaml, entity.path + "/export");
  const Block get(yaml, "get");
  yaml.list("tags", {entity.name});
  yaml.plain("operationId", entity.snake + "_export");
  yaml.text("summary", "Export " + model::to_words(entity.plural) + " as a CSV file");
  {
    const Block parameters(yaml, "parameters");
    for (const char* name : {"filters", "format", "formulas"}) use_parameter(yaml, name);
  }
  const Block responses(yaml, "responses");
  {
    const Block answer(yaml, "200");
    yaml.reference("responses", "exported");
  }
  use_errors(yaml, {"400", "default"});
}

void write_counts(YamlText& yaml) {
  const Block content(yaml, "content");
  const Block media(yaml, "application/json");
  const Block schema(yaml, "schema");
  yaml.plain("type", "object");
  yaml.list("required", {"dry_run", "inserted", "updated", "unchanged"});
  const Block properties(yaml, "properties");
  {
    const Block dry_run(yaml, "dry_run");
    yaml.plain("type", "boolean");
  }
  for (const std::string name : {"inserted", "updated", "unchanged"}) {
    const Block count(yaml, name);
    yaml.plain("type", "integer");
    yaml.plain("format", "int64");
  }
}

void write_import(YamlText& yaml, const Entity& entity) {
  const Block path(yaml, entity.path + "/import");
  const Block post(yaml, "post");
  yaml.list("tags", {entity.name});
  yaml.plain("operationId", entity.snake + "_import");
  yaml.text("summary", "Import " + model::to_words(entity.plural) + " from a CSV file");
  yaml.text("description",
            "All or nothing: rows with a known key are changed, the others added. Violations name "
            "line and column: lines[17].Email.");
  {
    const Block parameters(yaml, "parameters");
    for (const char* name : {"dry_run", "formulas"}) use_parameter(yaml, name);
  }
  {
    const Block body(yaml, "requestBody");
    yaml.plain("required", "true");
    write_file(yaml);
  }
  const Block responses(yaml, "responses");
  {
    const Block answer(yaml, "200");
    yaml.reference("responses", "imported");
  }
  use_errors(yaml, {"400", "413", "415", "default"});
}

}  // namespace

void write_transfer_answers(YamlText& yaml) {
  {
    const Block answer(yaml, "exported");
    yaml.text("description", "The file; an import takes it.");
    write_file(yaml);
  }
  const Block answer(yaml, "imported");
  yaml.text("description", "How many rows became what.");
  write_counts(yaml);
}

void write_transfer_parameters(YamlText& yaml) {
  {
    const Block block(yaml, "filters");
    yaml.plain("name", "filters");
    yaml.plain("in", "query");
    yaml.text("description", "The filters, search and sort of the list.");
    yaml.plain("style", "form");
    yaml.plain("explode", "true");
    const Block schema(yaml, "schema");
    yaml.plain("type", "object");
    const Block more(yaml, "additionalProperties");
    yaml.plain("type", "string");
  }
  write_choice(yaml, "format", "The form of the file.", {"csv"});
  write_choice(yaml, "formulas",
               "guarded: an apostrophe stands before what a spreadsheet would run.",
               {"guarded", "plain"});
  write_choice(yaml, "dry_run", "true: only tells what would happen.", {"false", "true"});
}

void write_transfers(YamlText& yaml, const Entity& entity) {
  write_export(yaml, entity);
  if (has_transfers(entity)) write_import(yaml, entity);
}

void write_row_schemas(YamlText& yaml) {
  for (const std::string name : {"BulkRow", "BulkRowOfUuid"}) {
    const Block block(yaml, name);
    yaml.plain("type", "object");
    yaml.list("required", {"id"});
    const Block properties(yaml, "properties");
    {
      const Block id(yaml, "id");
      const bool is_uuid = name != "BulkRow";
      yaml.plain("type", is_uuid ? "string" : "integer");
      yaml.plain("format", is_uuid ? "uuid" : "int64");
    }
    const Block version(yaml, "version");
    yaml.plain("type", "integer");
    yaml.plain("format", "int64");
    yaml.text(
        "description",
        "In requests, for entities with versions: as If-Match, 412 when there is a newer one.");
  }
}

void write_bulk_schemas(YamlText& yaml, const Entity& entity) {
  {
    const Block block(yaml, entity.name + "Bulk");
    yaml.plain("type", "object");
    yaml.text("description", "What bulk takes; each list may be left out.");
    const Block properties(yaml, "properties");
    write_items(yaml, "delete", row_schema(entity));
    write_updates(yaml, entity);
    write_items(yaml, "create", entity.name + "Create");
  }
  const Block block(yaml, entity.name + "BulkResult");
  yaml.plain("type", "object");
  yaml.list("required", {"delete", "update", "create"});
  const Block properties(yaml, "properties");
  write_items(yaml, "delete", row_schema(entity));
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
