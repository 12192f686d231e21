// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/schema/detail/node_reader.hpp"

namespace kitgen::schema {
namespace {

constexpr std::string_view language_version = "1";

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

std::optional<Schema> read_schema(const Source& source, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.error_count();
  const std::optional<Node> root = parse_yaml(source, diagnostics);
  if (!root || root->is_null()) {
    if (diagnostics.error_count() == before)
      diagnostics.error(Position{}, 1, "the schema is empty", "start it with kit: 1");
    return std::nullopt;
  }
  if (!root->is_map()) {
    if (!root->is_broken()) {
      diagnostics.error(root->word,
                        "a schema is a mapping (kit: 1, service: ...), not " + describe(*root));
    }
    return std::nullopt;
  }
  NodeReader reader(diagnostics);
  Schema schema;
  std::optional<Word> version;
  bool has_version = false;
  const std::array<KeyRule, 5> rules{{
      {"kit",
       [&](const Entry& e) {
         has_version = true;
         version = reader.word(e);
       }},
      {"service", [&](const Entry& e) { schema.service = reader.word(e); }},
      {"doc", [&](const Entry& e) { schema.doc = reader.word(e); }},
      {"enums", [&](const Entry& e) { read_enums(reader, e, schema); }},
      {"entities",
       [&](const Entry& e) {
         for (const Entry& each : reader.entries(e.value, "entities")) {
           if (!each.key.text.empty()) schema.entities.push_back(read_entity(reader, each));
         }
       }},
  }};
  reader.map(*root, "the schema", rules);
  if (version || !has_version) check_version(version, *root, diagnostics);
  return schema;
}

}  // namespace kitgen::schema
