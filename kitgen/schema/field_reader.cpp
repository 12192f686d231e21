// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "kitgen/schema/detail/node_reader.hpp"

namespace kitgen::schema {
namespace {

constexpr std::array<ForeignWord, 33> foreign_words{{
    {"required", "fields are required unless they say optional: true"},
    {"not_null", "fields are required unless they say optional: true"},
    {"nullable", "write optional: true"},
    {"null", "write optional: true"},
    {"length", "write max: 40, or max_length: 40"},
    {"size", "write max: 40, or max_length: 40"},
    {"maxlength", "write max_length"},
    {"minlength", "write min_length"},
    {"maximum", "write max"},
    {"minimum", "write min"},
    {"description", "write doc"},
    {"comment", "write doc"},
    {"help", "write doc"},
    {"label", "labels follow from the names; say more with doc"},
    {"primary_key", "every entity has an id; id: uuid beside fields: changes its kind"},
    {"index", "write indexes: [[field]] beside fields:"},
    {"indexed", "write indexes: [[field]] beside fields:"},
    {"references", "write belongs_to: {name: Entity} beside fields:"},
    {"foreign_key", "write belongs_to: {name: Entity} beside fields:"},
    {"belongs_to", "write belongs_to: {name: Entity} beside fields:"},
    {"entity", "write belongs_to: {name: Entity} beside fields:"},
    {"regex", "write pattern"},
    {"enum", "write type: enum, values: [a, b]"},
    {"choices", "write type: enum, values: [a, b]"},
    {"options", "write type: enum, values: [a, b]"},
    {"precision", "write type: decimal(10,2)"},
    {"scale", "write type: decimal(10,2)"},
    {"hidden", "write secret: true"},
    {"private", "write secret: true"},
    {"const", "write immutable: true"},
    {"formula", "write computed"},
    {"expression", "write computed"},
    {"generated", "write computed"},
}};

/// type: string, type: [string]
void read_type(NodeReader& reader, const Entry& entry, Field& field) {
  const Node& node = entry.value;
  if (node.is_sequence() && node.items.size() == 1 && node.items[0].is_scalar()) {
    field.type = node.items[0].word;
    field.is_array = true;
    return;
  }
  if (node.is_sequence()) {
    reader.diagnostics().error(node.word, "an array has exactly one element type",
                               "write type: [string]");
  } else if (const std::optional<Word> type = reader.word(entry)) {
    field.type = *type;
    return;
  }
  field.is_broken = true;
}

Items read_items(NodeReader& reader, const Entry& entry) {
  Items items;
  items.at = entry.key;
  const auto into = [&](std::optional<Word>& target) {
    return [&reader, &target](const Entry& e) { target = reader.word(e); };
  };
  const std::array<KeyRule, 7> rules{{
      {"min", into(items.min)},
      {"max", into(items.max)},
      {"min_length", into(items.min_length)},
      {"max_length", into(items.max_length)},
      {"pattern", into(items.pattern)},
      {"format", into(items.format)},
      {"unique", [&](const Entry& e) { items.unique = reader.flag(e); }},
  }};
  reader.map(entry.value, "items", rules);
  return items;
}

/// default: draft, default: [a, b]
void read_default(NodeReader& reader, const Entry& entry, Field& field) {
  if (entry.value.is_sequence()) {
    field.default_list = {entry.value.word, reader.words(entry)};
  } else {
    field.default_value = reader.word(entry);
  }
}

bool is_without_type(const Node& node) {
  return std::ranges::find(node.entries, "type",
                           [](const Entry& entry) { return entry.key.text; }) == node.entries.end();
}

void read_field_map(NodeReader& reader, const Entry& entry, Field& field) {
  bool has_type = false;
  const auto into_word = [&](std::optional<Word>& target) {
    return [&reader, &target](const Entry& e) { target = reader.word(e); };
  };
  const auto into_flag = [&](Flag& target) {
    return [&reader, &target](const Entry& e) { target = reader.flag(e); };
  };
  const std::array<KeyRule, 20> rules{{
      {"type",
       [&](const Entry& e) {
         has_type = true;
         read_type(reader, e, field);
       }},
      {"min", into_word(field.min)},
      {"max", into_word(field.max)},
      {"min_length", into_word(field.min_length)},
      {"max_length", into_word(field.max_length)},
      {"pattern", into_word(field.pattern)},
      {"format", into_word(field.format)},
      {"default", [&](const Entry& e) { read_default(reader, e, field); }},
      {"computed", into_word(field.computed)},
      {"items", [&](const Entry& e) { field.items = read_items(reader, e); }},
      {"currency", into_word(field.currency)},
      {"values",
       [&](const Entry& e) {
         field.has_values = true;
         field.values = e.value.is_scalar()
                            ? reader.words(e)
                            : reader.enum_values(e.value, "'values'", field.renamed_values);
       }},
      {"unique", into_flag(field.unique)},
      {"optional", into_flag(field.optional)},
      {"immutable", into_flag(field.immutable)},
      {"read_only", into_flag(field.read_only)},
      {"secret", into_flag(field.secret)},
      {"renamed_from", into_word(field.renamed_from)},
      {"backfill", [&](const Entry& e) { field.backfill = reader.backfill(e); }},
      {"doc", into_word(field.doc)},
  }};
  const bool is_section = is_entity_key(entry.key.text) && is_without_type(entry.value);
  if (is_section) {
    reader.diagnostics().error(entry.key, in_quotes(entry.key.text) + " stands among the fields",
                               "indent it less, so that it stands beside fields:");
    field.is_broken = true;
    return;
  }
  reader.map(entry.value, "a field", rules, foreign_words);
  if (!has_type) {
    reader.diagnostics().error(entry.key, "field " + in_quotes(entry.key.text) + " has no type",
                               "write type: string, for example");
    field.is_broken = true;
  }
}

}  // namespace

bool is_entity_key(std::string_view key) {
  static constexpr std::array<std::string_view, 9> keys{"fields",   "belongs_to",   "has_one",
                                                        "has_many", "many_to_many", "indexes",
                                                        "keep",     "list",         "actions"};
  return std::ranges::find(keys, key) != keys.end();
}

Field read_field(NodeReader& reader, const Entry& entry) {
  Field field;
  field.name = entry.key;
  if (entry.value.is_scalar()) {
    field.type = entry.value.word;
  } else if (entry.value.is_sequence()) {
    read_type(reader, entry, field);
  } else if (entry.value.is_null()) {
    reader.diagnostics().error(
        entry.key, "field " + in_quotes(entry.key.text) + " has no type",
        "write " + entry.key.text.substr(0, 40) + ": {type: string}, for example");
    field.is_broken = true;
  } else if (entry.value.is_map()) {
    read_field_map(reader, entry, field);
  } else {
    field.is_broken = true;
  }
  return field;
}

std::vector<Field> read_fields(NodeReader& reader, const Node& node, std::string_view what) {
  std::vector<Field> fields;
  for (const Entry& entry : reader.entries(node, what)) {
    if (!entry.key.text.empty()) fields.push_back(read_field(reader, entry));
  }
  return fields;
}

}  // namespace kitgen::schema
