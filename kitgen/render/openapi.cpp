// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/openapi.hpp"

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

std::vector<std::string> expandable(const Entity& entity) {
  std::vector<std::string> names;
  for (const Relation& relation : entity.relations) {
    if (relation.kind == RelationKind::belongs_to) names.push_back(relation.name);
  }
  return names;
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

void write_expand(YamlText& yaml, const Entity& entity, const std::vector<std::string>& names) {
  const Block block(yaml, entity.name + ".expand");
  yaml.plain("name", "expand");
  yaml.plain("in", "query");
  yaml.text("description", "Relations to answer with.");
  write_list_style(yaml);
  write_words(yaml, names);
}

void write_fields(YamlText& yaml, const Entity& entity) {
  std::vector<std::string> names;
  for (const Field& field : entity.fields) {
    if (field.in_response) names.push_back(field.name);
  }
  const Block block(yaml, entity.name + ".fields");
  yaml.plain("name", "fields");
  yaml.plain("in", "query");
  yaml.text("description", "Fields to answer with, and no others but the id.");
  write_list_style(yaml);
  write_words(yaml, names);
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

void use_list_parameters(YamlText& yaml, const Entity& entity) {
  const Block parameters(yaml, "parameters");
  for (const Field& field : entity.fields) {
    if (!field.filterable) continue;
    for (const std::string& op : field.operators) {
      use_parameter(yaml, entity.name + "." + filter_parameter(field, op));
    }
  }
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

/// "an invoice line"
std::string a(const Entity& entity) {
  return model::with_article(model::to_words(entity.snake));
}

/// One operation's head; what follows goes into the same block.
void write_head(YamlText& yaml, const Entity& entity, const std::string& id,
                const std::string& summary, const std::string& description = "") {
  yaml.list("tags", {entity.name});
  yaml.plain("operationId", id);
  yaml.text("summary", summary);
  if (!description.empty()) yaml.text("description", description);
}

void write_json_content(YamlText& yaml, const std::string& schema, std::string_view type) {
  const Block media(yaml, type);
  const Block block(yaml, "schema");
  yaml.reference("schemas", schema);
}

void write_body(YamlText& yaml, const std::string& schema, bool merge_patch = false) {
  const Block body(yaml, "requestBody");
  yaml.plain("required", "true");
  const Block content(yaml, "content");
  if (merge_patch) write_json_content(yaml, schema, "application/merge-patch+json");
  write_json_content(yaml, schema, "application/json");
}

enum class Headers { none, etag, created };

void write_answer(YamlText& yaml, std::string_view status, std::string_view description,
                  const std::string& schema, Headers headers) {
  const Block answer(yaml, status);
  yaml.text("description", description);
  if (headers != Headers::none) {
    const Block block(yaml, "headers");
    {
      const Block etag(yaml, "ETag");
      yaml.reference("headers", "ETag");
    }
    if (headers == Headers::created) {
      const Block location(yaml, "Location");
      yaml.reference("headers", "Location");
    }
  }
  if (schema.empty()) return;
  const Block content(yaml, "content");
  write_json_content(yaml, schema, "application/json");
}

void use_errors(YamlText& yaml, const std::vector<std::string>& statuses) {
  for (const std::string& status : statuses) {
    const Block block(yaml, status);
    yaml.reference("responses", status == "default" ? "error" : "error" + status);
  }
}

void write_collection(YamlText& yaml, const Entity& entity) {
  const Block path(yaml, entity.path);
  {
    const Block get(yaml, "get");
    write_head(yaml, entity, entity.snake + "_list", "List " + model::to_words(entity.plural));
    use_list_parameters(yaml, entity);
    const Block responses(yaml, "responses");
    write_answer(yaml, "200", "One page.", entity.name + "List", Headers::none);
    use_errors(yaml, {"400", "default"});
  }
  const Block post(yaml, "post");
  write_head(yaml, entity, entity.snake + "_create", "Create " + a(entity));
  use_parameters(yaml, {"Idempotency-Key"});
  write_body(yaml, entity.name + "Create");
  const Block responses(yaml, "responses");
  write_answer(yaml, "201", "Created.", created_schema(entity), Headers::created);
  use_errors(yaml, {"400", "409", "413", "415", "422", "default"});
}

void write_get(YamlText& yaml, const Entity& entity) {
  const Block get(yaml, "get");
  write_head(yaml, entity, entity.snake + "_get", "Read " + a(entity));
  {
    const Block parameters(yaml, "parameters");
    if (!expandable(entity).empty()) use_parameter(yaml, entity.name + ".expand");
    use_parameter(yaml, entity.name + ".fields");
    use_parameter(yaml, "If-None-Match");
    use_parameter(yaml, "If-Match");
  }
  const Block responses(yaml, "responses");
  write_answer(yaml, "200", entity.label + ".", entity.name, Headers::etag);
  {
    const Block answer(yaml, "304");
    yaml.text("description", "Not changed since the ETag of If-None-Match.");
  }
  use_errors(yaml, {"400", "404", "412", "default"});
}

void write_change(YamlText& yaml, const Entity& entity, std::string_view method) {
  const bool patch = method == "patch";
  const Block block(yaml, method);
  write_head(yaml, entity, entity.snake + (patch ? "_patch" : "_replace"),
             (patch ? "Change some fields of " : "Replace ") + a(entity));
  use_parameters(yaml, patch ? std::vector<std::string>{"If-Match", "Idempotency-Key"}
                             : std::vector<std::string>{"If-Match"});
  write_body(yaml, entity.name + (patch ? "Patch" : "Update"), patch);
  const Block responses(yaml, "responses");
  write_answer(yaml, "200", "As it is now.", entity.name, Headers::etag);
  use_errors(yaml, {"400", "404", "409", "412", "413", "415", "default"});
}

void write_delete(YamlText& yaml, const Entity& entity) {
  const Block block(yaml, "delete");
  write_head(yaml, entity, entity.snake + "_delete", "Delete " + a(entity),
             entity.soft_delete ? "It can be restored, or purged." : "");
  {
    const Block parameters(yaml, "parameters");
    use_parameter(yaml, "If-Match");
  }
  const Block responses(yaml, "responses");
  write_answer(yaml, "204", "Deleted.", "", Headers::none);
  use_errors(yaml, {"400", "404", "409", "412", "default"});
}

void write_item(YamlText& yaml, const Entity& entity) {
  const Block path(yaml, entity.path_id);
  {
    const Block parameters(yaml, "parameters");
    write_id_parameter(yaml, "id", entity);
  }
  write_get(yaml, entity);
  write_change(yaml, entity, "put");
  write_change(yaml, entity, "patch");
  write_delete(yaml, entity);
}

void write_restore(YamlText& yaml, const Entity& entity) {
  const Block path(yaml, restore_path(entity));
  {
    const Block parameters(yaml, "parameters");
    write_id_parameter(yaml, "id", entity);
  }
  const Block post(yaml, "post");
  write_head(yaml, entity, entity.snake + "_restore",
             "Bring back " + a(entity) + " that was deleted");
  use_parameters(yaml, {"If-Match", "Idempotency-Key"});
  const Block responses(yaml, "responses");
  write_answer(yaml, "200", "As it is now.", entity.name, Headers::etag);
  use_errors(yaml, {"400", "404", "409", "412", "default"});
}

void write_purge(YamlText& yaml, const Entity& entity) {
  const Block path(yaml, purge_path(entity));
  {
    const Block parameters(yaml, "parameters");
    write_id_parameter(yaml, "id", entity);
  }
  const Block post(yaml, "post");
  write_head(yaml, entity, entity.snake + "_purge",
             "Remove " + a(entity) + " that was deleted, for good");
  {
    const Block parameters(yaml, "parameters");
    use_parameter(yaml, "If-Match");
  }
  const Block responses(yaml, "responses");
  write_answer(yaml, "204", "Removed.", "", Headers::none);
  use_errors(yaml, {"400", "404", "409", "412", "default"});
}

void write_history(YamlText& yaml, const Entity& entity) {
  const Block path(yaml, history_path(entity));
  {
    const Block parameters(yaml, "parameters");
    write_id_parameter(yaml, "id", entity);
  }
  const Block get(yaml, "get");
  write_head(yaml, entity, entity.snake + "_history", "Who changed what of " + a(entity) + " when",
             "The latest first; of deleted ones too.");
  {
    const Block parameters(yaml, "parameters");
    for (const char* name : {"History.operation", "History.who", "History.at.gte", "History.at.lt",
                             "History.limit", "cursor", "page", "total"}) {
      use_parameter(yaml, name);
    }
  }
  const Block responses(yaml, "responses");
  write_answer(yaml, "200", "One page.", "KitHistoryList", Headers::none);
  use_errors(yaml, {"400", "404", "default"});
}

void write_action(YamlText& yaml, const Service& service, const Entity& entity,
                  const model::Action& action) {
  const Block path(yaml, action.path);
  if (!action.on_collection) {
    const Block parameters(yaml, "parameters");
    write_id_parameter(yaml, "id", entity);
  }
  const Block post(yaml, "post");
  write_head(yaml, entity, action.operation_id, action.label, action.doc);
  use_parameters(yaml, {"Idempotency-Key"});
  if (!action.input_type.empty()) write_body(yaml, action.input_type);
  const Block responses(yaml, "responses");
  if (!action.result_type.empty()) {
    write_answer(yaml, "200", action.label + ".", action.result_type, Headers::none);
  } else if (action.output == model::none) {
    write_answer(yaml, "204", "Done.", "", Headers::none);
  } else {
    const Entity& output = service.entities[action.output];
    write_answer(yaml, "200", output.label + ".", output.name, Headers::etag);
  }
  use_errors(yaml, {"400", "404", "409", "422", "default"});
}

void write_link(YamlText& yaml, const Entity& entity, const Relation& relation,
                const Entity& target) {
  const Block path(yaml, entity.path_id + "/" + relation.name + "/{target_id}");
  {
    const Block parameters(yaml, "parameters");
    write_id_parameter(yaml, "id", entity);
    write_id_parameter(yaml, "target_id", target);
  }
  {
    const Block put(yaml, "put");
    write_head(yaml, entity, entity.snake + "_link_" + relation.name, "Add to " + relation.label,
               relation.pivot->has_link() ? "Changes the link when it is there already."
                                          : "No failure when it is there already.");
    if (relation.pivot->has_link()) write_body(yaml, relation.pivot->link_type);
    const Block responses(yaml, "responses");
    write_answer(yaml, "204", "Added.", "", Headers::none);
    use_errors(yaml, {"400", "404", "409", "default"});
  }
  const Block remove(yaml, "delete");
  write_head(yaml, entity, entity.snake + "_unlink_" + relation.name,
             "Take out of " + relation.label);
  const Block responses(yaml, "responses");
  write_answer(yaml, "204", "Taken out.", "", Headers::none);
  use_errors(yaml, {"400", "404", "default"});
}

void write_relation(YamlText& yaml, const Service& service, const Entity& entity,
                    const Relation& relation) {
  const Entity& target = service.entities[relation.target];
  const bool one = relation.kind == RelationKind::has_one;
  {
    const Block path(yaml, entity.path_id + "/" + relation.name);
    {
      const Block parameters(yaml, "parameters");
      write_id_parameter(yaml, "id", entity);
    }
    const Block get(yaml, "get");
    write_head(yaml, entity, entity.snake + (one ? "_get_" : "_list_") + relation.name,
               relation.label + " of " + a(entity), relation.doc);
    if (one) {
      const Block parameters(yaml, "parameters");
      use_parameter(yaml, target.name + ".fields");
    } else {
      use_list_parameters(yaml, target);
    }
    const bool has_link = relation.pivot && relation.pivot->has_link();
    const std::string page = (has_link ? relation.pivot->link_type : target.name) + "List";
    const Block responses(yaml, "responses");
    write_answer(yaml, "200", one ? target.label + "." : "One page.", one ? target.name : page,
                 one ? Headers::etag : Headers::none);
    use_errors(yaml, {"400", "404", "default"});
  }
  if (relation.kind == RelationKind::many_to_many) write_link(yaml, entity, relation, target);
}

void write_paths(YamlText& yaml, const Service& service) {
  const Block paths(yaml, "paths");
  for (const Entity& entity : service.entities) {
    write_collection(yaml, entity);
    write_bulk(yaml, entity);
    if (has_transfers(entity)) write_transfers(yaml, entity);
    write_item(yaml, entity);
    if (entity.soft_delete) write_restore(yaml, entity);
    if (entity.soft_delete) write_purge(yaml, entity);
    if (entity.audit) write_history(yaml, entity);
    for (const auto& action : entity.actions) write_action(yaml, service, entity, action);
    for (const Relation& relation : entity.relations) {
      if (relation.kind != RelationKind::belongs_to)
        write_relation(yaml, service, entity, relation);
    }
  }
}

void write_error(YamlText& yaml, std::string_view key, std::string_view description) {
  const Block block(yaml, key);
  yaml.text("description", description);
  const Block content(yaml, "content");
  write_json_content(yaml, "Status", "application/json");
}

void write_responses(YamlText& yaml) {
  const Block responses(yaml, "responses");
  write_transfer_answers(yaml);
  write_error(yaml, "error400", "The request is wrong: one violation per field or parameter.");
  write_error(yaml, "error404", "There is nothing with this id.");
  write_error(yaml, "error409", "In conflict with what is stored; the reason says which way.");
  write_error(yaml, "error412", "If-Match or If-None-Match does not hold for what is there.");
  write_error(yaml, "error413", "The body is too large.");
  write_error(yaml, "error415", "The body is no JSON.");
  write_error(yaml, "error422", "The Idempotency-Key was another request's.");
  write_error(yaml, "error", "Any other failure.");
}

void write_header(YamlText& yaml, std::string_view name, std::string_view description) {
  const Block block(yaml, name);
  yaml.text("description", description);
  const Block schema(yaml, "schema");
  yaml.plain("type", "string");
}

void write_tags(YamlText& yaml, const Service& service) {
  const Block tags(yaml, "tags");
  for (const Entity& entity : service.entities) {
    const Item item(yaml);
    yaml.plain("name", entity.name);
    if (!entity.doc.empty()) yaml.text("description", entity.doc);
  }
}

}  // namespace

kit::Result<std::vector<File>> render_openapi(const Service& service, const Options& options) {
  YamlText yaml;
  yaml.comment("Generated by kitgen from " + service.schema_file + ". Do not edit.");
  yaml.plain("openapi", "3.0.3");
  {
    const Block info(yaml, "info");
    yaml.text("title", service.label);
    if (!service.doc.empty()) yaml.text("description", service.doc);
    yaml.text("version", service.package.substr(service.package.rfind('.') + 1));
  }
  {
    const Block servers(yaml, "servers");
    const Item item(yaml);
    yaml.text("url", "/");
  }
  write_tags(yaml, service);
  write_paths(yaml, service);
  {
    const Block components(yaml, "components");
    {
      const Block headers(yaml, "headers");
      write_header(yaml, "ETag", "The version of the answer, for If-Match and If-None-Match.");
      write_header(yaml, "Location", "The path of what was created.");
    }
    write_parameters(yaml, service);
    write_responses(yaml);
    write_schemas(yaml, service);
  }
  std::vector<File> files;
  files.push_back(
      {options.output + "/api/openapi.gen.yaml", yaml.take(), Ownership::generated, false});
  return files;
}

}  // namespace kitgen::render
