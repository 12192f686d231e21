// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/openapi.hpp"

#include <algorithm>

#include "kitgen/model/naming.hpp"
#include "kitgen/render/openapi_parameters.hpp"
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
  use_parameters(yaml, action.on_collection
                           ? std::vector<std::string>{"Idempotency-Key"}
                           : std::vector<std::string>{"If-Match", "Idempotency-Key"});
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
  use_errors(yaml, action.on_collection
                       ? std::vector<std::string>{"400", "404", "409", "422", "default"}
                       : std::vector<std::string>{"400", "404", "409", "412", "422", "default"});
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
      use_list_parameters(yaml, target, true);
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
    if (has_export(entity)) write_transfers(yaml, entity);
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
