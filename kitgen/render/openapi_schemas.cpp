// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/openapi_schemas.hpp"

#include <algorithm>
#include <array>

#include "kit/base/text.hpp"
#include "kitgen/render/openapi_writing.hpp"

namespace kitgen::render {
namespace {

using model::Entity;
using model::Field;
using model::Relation;
using model::Scalar;
using model::Service;
using Block = YamlText::Block;

bool is_number(const Field& field) {
  return field.type == Scalar::int32 || field.type == Scalar::int64 ||
         field.type == Scalar::float32 || field.type == Scalar::float64;
}

/// ECMA 262 reads most of what RE2 reads; what it does not stays out of the document.
bool is_portable(const std::string& pattern) {
  constexpr std::array<std::string_view, 8> foreign = {"[[:", "\\p", "\\P", "\\A",
                                                       "\\z", "\\Q", "\\C", "(?P"};
  if (std::ranges::any_of(foreign,
                          [&](auto part) { return pattern.find(part) != std::string::npos; })) {
    return false;
  }
  for (std::size_t at = pattern.find("(?"); at != std::string::npos;
       at = pattern.find("(?", at + 1)) {
    if (pattern.compare(at, 3, "(?:") != 0) return false;
  }
  return true;
}

std::string decimal_pattern(const Field& field) {
  const int whole = field.precision - field.scale;
  std::string pattern = "^-?[0-9]{1," + std::to_string(std::max(whole, 1)) + "}";
  if (field.scale > 0) pattern += "(\\.[0-9]{1," + std::to_string(field.scale) + "})?";
  return pattern + "$";
}

std::string example_of(const Service& service, const Field& field);

std::string example_of_array(const Service& service, const Field& field) {
  if (field.default_value && field.default_value->json != "[]") return field.default_value->json;
  if (field.min_length.value_or(0) > 1) return "";
  Field element = element_of(field);
  const std::string example = example_of(service, element);
  return example.empty() ? "" : "[" + example + "]";
}

/// A value that the field takes, as JSON; "" when none can be told from the type.
std::string example_of(const Service& service, const Field& field) {
  if (field.is_array) return example_of_array(service, field);
  if (!field.pattern.empty()) return "";
  if (field.default_value && !field.default_value->is_now) return field.default_value->json;
  switch (field.type) {
    case Scalar::string:
    case Scalar::text: {
      std::string text = field.label;
      if (field.max_length && text.size() > *field.max_length) text.resize(*field.max_length);
      if (field.min_length && text.size() < *field.min_length) return "";
      return "\"" + text + "\"";
    }
    case Scalar::email:
      return "\"ada@example.com\"";
    case Scalar::url:
      return "\"https://example.com/\"";
    case Scalar::int32:
    case Scalar::int64:
    case Scalar::float32:
    case Scalar::float64:
      if (field.min) return field.min->json;
      return field.max ? field.max->json : "1";
    case Scalar::decimal:
      if (field.min) return field.min->json;
      return field.max ? field.max->json : "";
    case Scalar::boolean:
      return "true";
    case Scalar::date:
      return field.min ? field.min->json : "\"2021-01-31\"";
    case Scalar::time:
      return field.min ? field.min->json : "\"13:45:00\"";
    case Scalar::timestamp:
      return field.min ? field.min->json : "\"2021-01-31T13:45:00.000000Z\"";
    case Scalar::enumeration:
      return "\"" + service.enums[field.enum_index].values.front().name + "\"";
    case Scalar::id:
      return service.entities[field.id_entity].id_kind == model::IdKind::uuid
                 ? "\"01890a5d-ac96-774b-bcce-b302099a8057\""
                 : "1";
    case Scalar::uuid:
      return "\"01890a5d-ac96-774b-bcce-b302099a8057\"";
    case Scalar::duration:
    case Scalar::json:
    case Scalar::bytes:
      break;
  }
  return "";
}

/// Limits that OpenAPI has no word for.
std::string limits_in_words(const Field& field) {
  if (is_number(field)) return "";
  std::string words;
  const std::string who = field.is_array ? " Each at " : " At ";
  if (field.min) words += who + "least " + field.min->text + ".";
  if (field.max) words += who + "most " + field.max->text + ".";
  return words;
}

std::string describe(const Field& field, Shape shape) {
  std::string text = field.doc;
  const auto add = [&](std::string_view sentence) {
    if (!text.empty() && !sentence.empty() && sentence.front() != ' ') text += ' ';
    text += sentence;
  };
  add(limits_in_words(field));
  if (field.unique) add("Unique.");
  if (field.immutable && shape != Shape::response) add("Cannot be changed later.");
  if (!field.pattern.empty() && !is_portable(field.pattern)) {
    add("Matches (RE2): " + field.pattern);
  }
  if (field.default_value && field.default_value->is_now) add("Now, when left out.");
  if (text.starts_with(' ')) text.erase(0, 1);
  return text;
}

void write_scalar(YamlText& yaml, const Service& service, const Field& field) {
  if (!field.openapi_type.empty()) yaml.plain("type", field.openapi_type);
  if (!field.openapi_format.empty()) yaml.plain("format", field.openapi_format);
  if (field.is_enum()) {
    std::vector<std::string> values;
    for (const auto& value : service.enums[field.enum_index].values) values.push_back(value.name);
    yaml.list("enum", values);
  }
  if (field.type == Scalar::decimal) yaml.text("pattern", decimal_pattern(field));
  if (field.type == Scalar::id && field.openapi_type == "integer") yaml.plain("minimum", "1");
  if (is_number(field)) {
    if (field.min) yaml.plain("minimum", field.min->json);
    if (field.max) yaml.plain("maximum", field.max->json);
  }
  if (!field.pattern.empty() && is_portable(field.pattern)) {
    yaml.text("pattern", "^(?:" + field.pattern + ")$");
  }
}

void write_property(YamlText& yaml, const Service& service, const Field& field, Shape shape) {
  const Block block(yaml, field.name);
  const std::string description = describe(field, shape);
  // An enum is a schema of its own; in OpenAPI 3.0 nothing may stand beside a $ref.
  if (field.is_enum() && !field.is_array) {
    const Block all(yaml, "allOf");
    const YamlText::Item item(yaml);
    yaml.reference("schemas", service.enums[field.enum_index].name);
  } else {
    write_type(yaml, service, field);
  }
  if (!description.empty()) yaml.text("description", description);
  if (field.optional) yaml.plain("nullable", "true");
  if (shape == Shape::response && !field.in_update && !field.in_create)
    yaml.plain("readOnly", "true");
  if (shape != Shape::response && field.secret) yaml.plain("writeOnly", "true");
  if (shape == Shape::create && field.default_value && !field.default_value->is_now) {
    yaml.plain("default", field.default_value->json);
  }
  const std::string example = example_of(service, field);
  if (!example.empty()) yaml.plain("example", example);
}

void write_expanded_items(YamlText& yaml, const Service& service, const Relation& relation) {
  const Block items(yaml, "items");
  const std::string& target = service.entities[relation.target].name;
  if (!relation.pivot || !relation.pivot->has_link()) return yaml.reference("schemas", target);
  const Block all(yaml, "allOf");
  {
    const YamlText::Item item(yaml);
    yaml.reference("schemas", target);
  }
  const YamlText::Item item(yaml);
  yaml.plain("type", "object");
  yaml.list("required", {"link"});
  const Block members(yaml, "properties");
  const Block member(yaml, "link");
  yaml.reference("schemas", relation.pivot->link_type);
}

void write_expanded(YamlText& yaml, const Service& service, const Entity& entity) {
  for (const Relation& relation : entity.relations) {
    const std::string description = "Present with expand=" + relation.name + "." +
                                    (relation.doc.empty() ? "" : " " + relation.doc);
    {
      const Block block(yaml, relation.name);
      if (relation.is_to_one()) {
        const Block all(yaml, "allOf");
        const YamlText::Item item(yaml);
        yaml.reference("schemas", service.entities[relation.target].name);
      } else {
        yaml.plain("type", "array");
        write_expanded_items(yaml, service, relation);
      }
      yaml.text("description", description);
      if (may_be_null(service, relation)) yaml.plain("nullable", "true");
      yaml.plain("readOnly", "true");
    }
    if (relation.is_to_one()) continue;
    const Block next(yaml, relation.name + ".next");
    yaml.reference("schemas", "KitNext");
  }
}

void write_next(YamlText& yaml) {
  const Block block(yaml, "KitNext");
  yaml.plain("type", "string");
  yaml.text("description", "Where a list goes on that has more than its first 100.");
  yaml.plain("readOnly", "true");
}

void write_object(YamlText& yaml, const Service& service, const std::string& name,
                  const std::string& doc, const std::vector<Field>& fields, Shape shape,
                  const Entity* expanded, const Entity* lists = nullptr) {
  const Block block(yaml, name);
  yaml.plain("type", "object");
  if (!doc.empty()) yaml.text("description", doc);
  std::vector<std::string> required;
  const bool has_lists = lists != nullptr && !lists->nested_lists().empty();
  bool any = expanded != nullptr || has_lists;
  for (const Field& field : fields) {
    any = any || is_in(field, shape);
    if (is_in(field, shape) && is_required(field, shape)) required.push_back(field.name);
  }
  if (!required.empty()) yaml.list("required", required);
  if (!any) return;
  const Block properties(yaml, "properties");
  for (const Field& field : fields) {
    if (is_in(field, shape)) write_property(yaml, service, field, shape);
  }
  if (expanded != nullptr) write_expanded(yaml, service, *expanded);
  if (has_lists) write_nested_members(yaml, *lists);
}

void write_list(YamlText& yaml, const Entity& entity) {
  const Block block(yaml, entity.name + "List");
  yaml.plain("type", "object");
  yaml.text("description", "One page of " + entity.plural_label + ".");
  yaml.list("required", {"items", "next_cursor"});
  const Block properties(yaml, "properties");
  {
    const Block items(yaml, "items");
    yaml.plain("type", "array");
    const Block element(yaml, "items");
    yaml.reference("schemas", entity.name);
  }
  {
    const Block cursor(yaml, "next_cursor");
    yaml.plain("type", "string");
    yaml.plain("nullable", "true");
    yaml.text("description", "For the next page as cursor=; null on the last page.");
  }
  const Block total(yaml, "total");
  yaml.plain("type", "integer");
  yaml.plain("format", "int64");
  yaml.text("description", "Rows in all; present with total=true.");
}

void write_enum(YamlText& yaml, const model::Enum& type) {
  const Block block(yaml, type.name);
  yaml.plain("type", "string");
  if (!type.doc.empty()) yaml.text("description", type.doc);
  std::vector<std::string> values;
  for (const auto& value : type.values) values.push_back(value.name);
  yaml.list("enum", values);
}

void write_member(YamlText& yaml, std::string_view name, std::string_view type,
                  std::string_view description, std::string_view example) {
  const Block block(yaml, name);
  yaml.plain("type", type);
  yaml.text("description", description);
  if (!example.empty()) yaml.plain("example", example);
}

void write_nullable(YamlText& yaml, std::string_view name, std::string_view type,
                    std::string_view description) {
  const Block block(yaml, name);
  yaml.plain("type", type);
  yaml.plain("nullable", "true");
  yaml.text("description", description);
}

void write_history_entry(YamlText& yaml) {
  const Block block(yaml, "KitHistoryEntry");
  yaml.plain("type", "object");
  yaml.text("description", "One change of one row.");
  yaml.list("required", {"id", "version", "at", "who", "request_id", "operation", "changes"});
  const Block properties(yaml, "properties");
  write_member(yaml, "id", "integer", "Grows with time.", "");
  write_nullable(yaml, "version", "integer", "The row's version after it.");
  {
    const Block at(yaml, "at");
    yaml.plain("type", "string");
    yaml.plain("format", "date-time");
  }
  write_nullable(yaml, "who", "string", "Null: nobody in particular.");
  write_nullable(yaml, "request_id", "string", "To look for in the log.");
  {
    const Block operation(yaml, "operation");
    yaml.plain("type", "string");
    yaml.list("enum", {"create", "update", "delete", "restore", "purge", "link", "unlink"});
  }
  const Block changes(yaml, "changes");
  yaml.plain("type", "object");
  yaml.text("description",
            "By field what was and what is, as a pair; the word changed for what is secret.");
  yaml.plain("additionalProperties", "true");
}

void write_history_list(YamlText& yaml) {
  const Block block(yaml, "KitHistoryList");
  yaml.plain("type", "object");
  yaml.text("description", "One page of the history of a row.");
  yaml.list("required", {"items", "next_cursor"});
  const Block properties(yaml, "properties");
  {
    const Block items(yaml, "items");
    yaml.plain("type", "array");
    const Block element(yaml, "items");
    yaml.reference("schemas", "KitHistoryEntry");
  }
  write_nullable(yaml, "next_cursor", "string",
                 "For the next page as cursor=; null on the last page.");
  write_member(yaml, "total", "integer", "Entries in all; present with total=true.", "");
}

void write_status(YamlText& yaml) {
  const Block block(yaml, "Status");
  yaml.plain("type", "object");
  yaml.text("description", "Why a request failed, in the form of google.rpc.Status.");
  yaml.list("required", {"code", "message", "status", "details"});
  const Block properties(yaml, "properties");
  write_member(yaml, "code", "integer", "google.rpc.Code", "3");
  write_member(yaml, "message", "string", "For people.", "\"the request has invalid fields\"");
  write_member(yaml, "status", "string", "The name of the code.", "\"INVALID_ARGUMENT\"");
  const Block details(yaml, "details");
  yaml.plain("type", "array");
  yaml.text(
      "description",
      "google.rpc.ErrorInfo (reason, stable), google.rpc.BadRequest (one violation per field), "
      "google.rpc.RequestInfo (the id to look for in the log).");
  const Block items(yaml, "items");
  yaml.plain("type", "object");
  yaml.plain("required", "[\"@type\"]");
  const Block inner(yaml, "properties");
  write_member(yaml, "@type", "string", "Which of the details this is.",
               "\"type.googleapis.com/google.rpc.BadRequest\"");
  write_member(yaml, "reason", "string", "Of ErrorInfo.", "");
  write_member(yaml, "domain", "string", "Of ErrorInfo.", "");
  write_member(yaml, "requestId", "string", "Of RequestInfo.", "");
  const Block violations(yaml, "fieldViolations");
  yaml.plain("type", "array");
  const Block element(yaml, "items");
  yaml.plain("type", "object");
  yaml.list("required", {"field", "description"});
  const Block members(yaml, "properties");
  write_member(yaml, "field", "string", "Path of the field or name of the parameter.", "\"email\"");
  write_member(yaml, "description", "string", "What is wrong with it.",
               "\"must be an e-mail address\"");
}

/// Links of relations with fields, and the pages that show them.
void write_links(YamlText& yaml, const Service& service) {
  for (const Entity& entity : service.entities) {
    for (const Relation& relation : entity.relations) {
      if (!relation.pivot || !relation.pivot->has_link()) continue;
      const std::string& link = relation.pivot->link_type;
      std::vector<Field> fields;
      for (const Field* field : relation.pivot->link_fields()) fields.push_back(*field);
      write_object(yaml, service, link, "What " + relation.name + " says of each link.", fields,
                   Shape::create, nullptr);
      const Block block(yaml, link + "List");
      const Block all(yaml, "allOf");
      {
        const YamlText::Item item(yaml);
        yaml.reference("schemas", service.entities[relation.target].name + "List");
      }
      const YamlText::Item item(yaml);
      yaml.plain("type", "object");
      const Block properties(yaml, "properties");
      const Block items(yaml, "items");
      yaml.plain("type", "array");
      const Block element(yaml, "items");
      yaml.plain("type", "object");
      yaml.list("required", {"link"});
      const Block members(yaml, "properties");
      const Block member(yaml, "link");
      yaml.reference("schemas", link);
    }
  }
}

}  // namespace

bool is_in(const Field& field, Shape shape) {
  switch (shape) {
    case Shape::response:
      return field.in_response;
    case Shape::create:
      return field.in_create;
    case Shape::update:
    case Shape::patch:
      break;
  }
  return field.in_update;
}

bool is_required(const Field& field, Shape shape) {
  if (shape == Shape::response) return true;
  return shape != Shape::patch && field.required_in_create;
}

bool may_be_null(const Service& service, const Relation& relation) {
  if (!relation.is_to_one()) return false;
  const Entity& target = service.entities[relation.target];
  const bool hides_rows = target.access && !target.access->rows.empty();
  return relation.optional || relation.kind == model::RelationKind::has_one || target.soft_delete ||
         hides_rows;
}

std::vector<Field> shown_fields(const Entity& entity) {
  std::vector<Field> fields = entity.fields;
  for (const model::ComputedField& each : entity.computed) fields.push_back(each.field);
  return fields;
}

Field element_of(const Field& array) {
  Field element = array;
  element.is_array = false;
  element.optional = false;
  element.default_value.reset();
  element.min_length = array.item_min_length;
  element.max_length = array.item_max_length;
  element.ts_type = array.ts_type.substr(0, array.ts_type.size() - std::string_view("[]").size());
  return element;
}

std::string filter_parameter(const Field& field, const std::string& op) {
  constexpr std::array<std::string_view, 9> taken = {
      "sort", "limit", "cursor", "page", "total", "search", "expand", "fields", "deleted"};
  const bool bare = op == "eq" && std::ranges::find(taken, field.name) == taken.end();
  return bare ? field.name : field.name + "." + op;
}

void write_type(YamlText& yaml, const Service& service, const Field& field) {
  if (!field.is_array) {
    write_scalar(yaml, service, field);
    if (field.min_length && field.is_text()) {
      yaml.plain("minLength", std::to_string(*field.min_length));
    }
    if (field.max_length && field.is_text()) {
      yaml.plain("maxLength", std::to_string(*field.max_length));
    }
    return;
  }
  yaml.plain("type", "array");
  if (field.min_length) yaml.plain("minItems", std::to_string(*field.min_length));
  if (field.max_length) yaml.plain("maxItems", std::to_string(*field.max_length));
  if (field.unique_items) yaml.plain("uniqueItems", "true");
  const Block items(yaml, "items");
  if (field.is_enum()) {
    yaml.reference("schemas", service.enums[field.enum_index].name);
  } else {
    write_type(yaml, service, element_of(field));
  }
}

void write_schemas(YamlText& yaml, const Service& service) {
  const Block schemas(yaml, "schemas");
  for (const auto& type : service.enums) write_enum(yaml, type);
  write_row_schemas(yaml);
  for (const Entity& entity : service.entities) {
    write_object(yaml, service, entity.name, entity.doc, shown_fields(entity), Shape::response,
                 &entity);
    write_object(yaml, service, entity.name + "Create", "What POST takes.", entity.fields,
                 Shape::create, nullptr, &entity);
    for (const Relation* relation : entity.nested_lists()) {
      const Entity& target = service.entities[relation->target];
      write_object(yaml, service, nested_item(entity, *relation),
                   target.label + " that is created with its " + entity.label + ".",
                   nested_fields(target, *relation), Shape::create, nullptr);
    }
    write_nested_schemas(yaml, service, entity);
    write_object(yaml, service, entity.name + "Update",
                 "What PUT takes: what is left out becomes empty or its default.", entity.fields,
                 Shape::update, nullptr);
    write_object(yaml, service, entity.name + "Patch",
                 "What PATCH takes (RFC 7396): what is left out stays, null empties.",
                 entity.fields, Shape::patch, nullptr);
    write_list(yaml, entity);
    write_bulk_schemas(yaml, entity);
    for (const auto& action : entity.actions) {
      if (!action.input_type.empty()) {
        write_object(yaml, service, action.input_type, "What " + action.label + " takes.",
                     action.input, Shape::create, nullptr);
      }
      if (!action.result_type.empty()) {
        write_object(yaml, service, action.result_type, "What " + action.label + " answers with.",
                     action.result, Shape::response, nullptr);
      }
    }
  }
  write_links(yaml, service);
  const auto has_lists = [](const Entity& entity) {
    return std::ranges::any_of(entity.relations,
                               [](const Relation& relation) { return !relation.is_to_one(); });
  };
  if (std::ranges::any_of(service.entities, has_lists)) write_next(yaml);
  if (std::ranges::any_of(service.entities, &Entity::audit)) {
    write_history_entry(yaml);
    write_history_list(yaml);
  }
  write_status(yaml);
}

}  // namespace kitgen::render
