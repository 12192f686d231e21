// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/schema/detail/node_reader.hpp"

namespace kitgen::schema {
namespace {

constexpr std::string_view language_version = "1";

constexpr std::array<ForeignWord, 10> foreign_words{{
    {"version", "write kit: 1"},
    {"name", "write service"},
    {"models", "write entities"},
    {"tables", "write entities"},
    {"schemas", "write entities"},
    {"types", "write enums, or mixins"},
    {"imports", "write include: [file.yaml]"},
    {"description", "write doc"},
    {"openapi", "this is an OpenAPI document, not a schema of kit"},
    {"swagger", "this is an OpenAPI document, not a schema of kit"},
}};

/// A key of an entity that is not indented below it stands where the next entity would.
bool is_misplaced(NodeReader& reader, const Entry& entry) {
  if (!is_entity_key(entry.key.text)) return false;
  reader.diagnostics().error(entry.key,
                             in_quotes(entry.key.text) + " stands where an entity's name belongs",
                             "indent it further, so that it is part of the entity above");
  return true;
}

void read_enums(NodeReader& reader, const Entry& entry, Schema& schema) {
  for (const Entry& each : reader.entries(entry.value, "enums")) {
    if (each.key.text.empty()) continue;
    Enum& target = schema.enums.emplace_back();
    target.name = each.key;
    if (each.value.is_map()) {
      const std::array<KeyRule, 2> rules{{
          {"doc", [&](const Entry& e) { target.doc = reader.word(e); }},
          {"values",
           [&](const Entry& e) {
             target.values = e.value.is_scalar()
                                 ? reader.words(e)
                                 : reader.enum_values(e.value, "'values'", target.renamed_values);
           }},
      }};
      reader.map(each.value, "an enum", rules);
    } else {
      target.values = reader.enum_values(each.value, "an enum", target.renamed_values);
    }
  }
}

void read_subscribers(NodeReader& reader, const Entry& entry, Schema& schema) {
  for (const Entry& each : reader.entries(entry.value, "subscribers")) {
    if (each.key.text.empty()) continue;
    Subscriber& target = schema.subscribers.emplace_back();
    target.name = each.key;
    if (!each.value.is_map()) {
      target.on = reader.word(each);
      continue;
    }
    const std::array<KeyRule, 2> rules{{
        {"on", [&](const Entry& e) { target.on = reader.word(e); }},
        {"doc", [&](const Entry& e) { target.doc = reader.word(e); }},
    }};
    reader.map(each.value, "a subscriber", rules);
    if (!target.on)
      reader.diagnostics().error(
          each.key,
          "subscriber " + in_quotes(each.key.text) + " does not say which event it is for",
          "write on: and the event");
  }
}

void check_version(const std::optional<Word>& version, const Node& root, Diagnostics& diagnostics) {
  if (!version) {
    diagnostics.error(root.word.at, 1, "the schema does not say its language version",
                      "start it with kit: 1");
  } else if (version->text != language_version) {
    diagnostics.error(*version,
                      "schema language version " + in_quotes(version->text) + " is not known",
                      "this version of kitgen reads kit: 1");
  }
}

}  // namespace

namespace {

void refuse_in_include(NodeReader& reader, const Entry& entry) {
  reader.diagnostics().error(entry.key, "an included file cannot say '" + entry.key.text + ":'",
                             "it is for the schema that includes this file; take it out here");
}

/// What only the schema itself says; an included file is told so.
KeyRule only_once(NodeReader& reader, std::string_view key, bool is_included,
                  std::optional<Word>& target) {
  const auto read = [&reader, &target, is_included](const Entry& e) {
    if (!is_included) {
      target = reader.word(e);
      if (!target) target = Word{"", e.key.at, e.key.length, false};  // told already
      return;
    }
    refuse_in_include(reader, e);
  };
  return {key, read, is_included};
}

std::optional<Node> read_root(const Source& source, Diagnostics& diagnostics, std::size_t& nodes) {
  const std::size_t before = diagnostics.error_count();
  std::optional<Node> root = parse_yaml(source, diagnostics, nodes);
  if (!root || root->is_null()) {
    if (diagnostics.error_count() == before) {
      const bool is_included = source.index() > 0;
      diagnostics.error(Position{0, 0, source.index()}, 1,
                        is_included ? "the file is empty" : "the schema is empty",
                        "start it with kit: 1");
    }
    return std::nullopt;
  }
  if (root->is_map()) return root;
  if (!root->is_broken()) {
    diagnostics.error(root->word,
                      "a schema is a mapping (kit: 1, service: ...), not " + describe(*root));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Schema> read_one_file(const Source& source, Diagnostics& diagnostics,
                                    std::size_t& nodes) {
  const std::optional<Node> root = read_root(source, diagnostics, nodes);
  if (!root) return std::nullopt;
  const bool is_included = source.index() > 0;
  NodeReader reader(diagnostics);
  Schema schema;
  std::optional<Word> version;
  bool has_version = false;
  const std::array<KeyRule, 9> rules{{
      {"kit",
       [&](const Entry& e) {
         has_version = true;
         version = reader.word(e);
       }},
      only_once(reader, "service", is_included, schema.service),
      only_once(reader, "doc", is_included, schema.doc),
      {"include", [&](const Entry& e) { schema.includes = reader.words(e); }},
      {"jobs",
       [&](const Entry& e) {
         if (is_included) return refuse_in_include(reader, e);
         schema.jobs = read_jobs(reader, e);
       },
       is_included},
      {"enums", [&](const Entry& e) { read_enums(reader, e, schema); }},
      {"mixins",
       [&](const Entry& e) {
         for (const Entry& each : reader.entries(e.value, "mixins")) {
           if (!each.key.text.empty()) schema.mixins.push_back(read_mixin(reader, each));
         }
       }},
      {"entities",
       [&](const Entry& e) {
         for (const Entry& each : reader.entries(e.value, "entities")) {
           if (!each.key.text.empty() && !is_misplaced(reader, each))
             schema.entities.push_back(read_entity(reader, each));
         }
       }},
      {"subscribers", [&](const Entry& e) { read_subscribers(reader, e, schema); }},
  }};
  reader.map(*root, is_included ? "an included file" : "the schema", rules, foreign_words);
  if (version || !has_version) check_version(version, *root, diagnostics);
  return schema;
}

}  // namespace kitgen::schema
