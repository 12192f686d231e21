// SPDX-License-Identifier: Apache-2.0
#include "kitgen/model/json_schema.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/text.hpp"
#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/quote.hpp"
#include "kitgen/schema/language.hpp"

namespace kitgen::model {
namespace {

using schema::Key;
using schema::Mapping;
using schema::Shape;

constexpr std::string_view snake = "^[a-z][a-z0-9]*(_[a-z0-9]+)*$";
constexpr std::string_view pascal = "^[A-Z][A-Za-z0-9]*$";

/// JSON under construction, two blanks a level.
class Json {
 public:
  void open(std::string_view name = {}) { begin(name, '{'); }
  void open_list(std::string_view name = {}) { begin(name, '['); }
  void close() { end('}'); }
  void close_list() { end(']'); }
  void text(std::string_view name, std::string_view value) { raw(name, json_string(value)); }
  void raw(std::string_view name, std::string_view value) {
    item(name);
    out_ += value;
  }
  std::string take() { return std::move(out_) + "\n"; }

 private:
  void item(std::string_view name) {
    if (has_items_) out_ += ',';
    if (depth_ > 0) out_ += '\n';
    out_.append(2 * depth_, ' ');
    if (!name.empty()) out_ += json_string(name) + ": ";
    has_items_ = true;
  }
  void begin(std::string_view name, char bracket) {
    item(name);
    out_ += bracket;
    ++depth_;
    has_items_ = false;
  }
  void end(char bracket) {
    --depth_;
    if (has_items_) {
      out_ += '\n';
      out_.append(2 * depth_, ' ');
    }
    out_ += bracket;
    has_items_ = true;
  }

  std::string out_;
  std::size_t depth_ = 0;
  bool has_items_ = false;
};

std::string reference(std::string_view name) {
  return json_string("#/definitions/" + std::string(name));
}

void write_list(Json& json, std::string_view name, const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : ", ") + json_string(word);
  json.raw(name, "[" + text + "]");
}

void write_pattern(Json& json, std::string_view pattern) {
  json.text("type", "string");
  json.text("pattern", pattern);
}

/// The keywords of a shape, inside an open object.
void write_shape(Json& json, Shape shape, std::string_view of, std::string_view choices) {
  switch (shape) {
    case Shape::anything:
      return;
    case Shape::text:
      return json.raw("type", R"(["string", "number", "boolean"])");
    case Shape::number:
      json.text("type", "integer");
      return json.raw("minimum", "0");
    case Shape::flag:
      return json.text("type", "boolean");
    case Shape::name:
      return write_pattern(json, snake);
    case Shape::entity:
      return write_pattern(json, pascal);
    case Shape::choice:
      return write_list(json, "enum", kit::split(choices, ' '));
    case Shape::type:
    case Shape::words:
      return json.raw("$ref", reference(shape == Shape::type ? "type" : "words"));
    case Shape::names:
    case Shape::lists:
      json.text("type", "object");
      json.open("additionalProperties");
      write_shape(json, shape == Shape::names ? Shape::text : Shape::words, {}, {});
      return json.close();
    case Shape::one:
      return json.raw("$ref", reference(of));
    case Shape::many:
      json.text("type", "object");
      json.open("additionalProperties");
      json.raw("$ref", reference(of));
      return json.close();
    case Shape::groups:
      json.text("type", "object");
      json.open("additionalProperties");
      write_shape(json, Shape::many, of, {});
      return json.close();
    case Shape::list:
      json.text("type", "array");
      json.open("items");
      json.raw("$ref", reference(of));
      return json.close();
  }
}

/// `$ref` stands alone in draft 7: what is said beside it needs allOf.
void write_key(Json& json, const Key& key) {
  json.open(key.name);
  json.text("description", key.doc);
  const bool is_reference =
      key.shape == Shape::type || key.shape == Shape::words || key.shape == Shape::one;
  if (is_reference) {
    json.open_list("allOf");
    json.open();
  }
  write_shape(json, key.shape, key.of, key.choices);
  if (is_reference) {
    json.close();
    json.close_list();
  }
  json.close();
}

void write_mapping(Json& json, const Mapping& mapping) {
  json.text("type", "object");
  json.raw("additionalProperties", "false");
  std::vector<std::string_view> required;
  for (const Key& key : mapping.keys) {
    if (key.required) required.push_back(key.name);
  }
  if (!required.empty()) write_list(json, "required", required);
  json.open("properties");
  for (const Key& key : mapping.keys) write_key(json, key);
  json.close();
  if (mapping.name == "field") {
    // {type: decimal(10,2)}: YAML of other tools cuts at the comma, which leaves a key "2)".
    json.open("patternProperties");
    json.open("^[0-9]+\\)$");
    json.text("type", "null");
    json.close();
    json.close();
  }
}

void write_definition(Json& json, const Mapping& mapping) {
  json.open(mapping.name);
  json.text("description", mapping.doc);
  if (mapping.short_form == Shape::one) {
    write_mapping(json, mapping);
    json.close();
    return;
  }
  json.open_list("anyOf");
  json.open();
  write_mapping(json, mapping);
  json.close();
  json.open();
  write_shape(json, mapping.short_form, {}, {});
  json.close();
  json.close_list();
  json.close();
}

void write_types(Json& json) {
  json.open("type_name");
  json.text("description", "A type of the language, an enum of the schema, or Entity.field.");
  json.open_list("anyOf");
  json.open();
  write_list(json, "enum", type_names());
  json.close();
  json.open();
  write_pattern(json, "^(decimal|money) *\\([0-9]+( *, *[0-9]+ *\\))?$");
  json.close();
  json.open();
  write_pattern(json, "^[A-Z][A-Za-z0-9]*(\\.[a-z][a-z0-9_]*)?$");
  json.close();
  json.close_list();
  json.close();

  json.open("type");
  json.open_list("anyOf");
  json.raw({}, "{\"$ref\": " + reference("type_name") + "}");
  json.open();
  json.text("type", "array");
  json.raw("minItems", "1");
  json.raw("maxItems", "1");
  json.raw("items", "{\"$ref\": " + reference("type_name") + "}");
  json.close();
  json.close_list();
  json.close();

  json.open("words");
  json.open_list("anyOf");
  json.raw({}, R"({"type": ["string", "number"]})");
  json.raw({}, R"({"type": "array", "items": {"type": ["string", "number"]}})");
  json.close_list();
  json.close();
}

}  // namespace

std::string json_schema() {
  Json json;
  json.open();
  json.text("$schema", "http://json-schema.org/draft-07/schema#");
  json.text("title", "Kit schema");
  const std::span<const Mapping> all = schema::language();
  json.text("description", all.front().doc);
  write_mapping(json, all.front());
  json.open("definitions");
  write_types(json);
  for (const Mapping& mapping : all.subspan(1)) write_definition(json, mapping);
  json.close();
  json.close();
  return json.take();
}

}  // namespace kitgen::model
