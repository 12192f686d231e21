// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/openapi_answers.hpp"

#include <string_view>

namespace kitgen::render {
namespace {

using Block = YamlText::Block;

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

}  // namespace

void write_history_schemas(YamlText& yaml) {
  write_history_entry(yaml);
  write_history_list(yaml);
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

}  // namespace kitgen::render
