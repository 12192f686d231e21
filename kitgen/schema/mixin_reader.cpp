// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <utility>

#include "kitgen/schema/detail/node_reader.hpp"

namespace kitgen::schema {
namespace {

List read_mixin_list(NodeReader& reader, const Entry& entry) {
  List list;
  const std::array<KeyRule, 3> rules{{
      {"filter", [&](const Entry& e) { list.filter = reader.words(e); }},
      {"sort", [&](const Entry& e) { list.sort = reader.words(e); }},
      {"search", [&](const Entry& e) { list.search = reader.words(e); }},
  }};
  reader.map(entry.value, "the list of a mixin", rules);
  return list;
}

/// address, {address: billing}
void read_use(NodeReader& reader, const Node& node, std::vector<Use>& uses) {
  if (node.is_scalar()) {
    uses.push_back({node.word, std::nullopt});
  } else if (node.is_map() && node.entries.size() == 1) {
    const Entry& entry = node.entries.front();
    if (std::optional<Word> prefix = reader.word(entry))
      uses.push_back({entry.key, std::move(prefix)});
  } else if (!node.is_broken()) {
    reader.diagnostics().error(node.word,
                               "an entry of 'use' must be a mixin's name, not " + describe(node),
                               "write use: [address], or use: [{address: billing}] for a prefix");
  }
}

}  // namespace

std::vector<Use> read_uses(NodeReader& reader, const Entry& entry) {
  std::vector<Use> uses;
  if (entry.value.is_sequence()) {
    for (const Node& node : entry.value.items) read_use(reader, node, uses);
  } else {
    read_use(reader, entry.value, uses);
  }
  return uses;
}

Mixin read_mixin(NodeReader& reader, const Entry& entry) {
  Mixin mixin;
  mixin.name = entry.key;
  const auto refuse = [&reader](const Entry& e) {
    reader.diagnostics().error(
        e.key, "a mixin cannot say '" + e.key.text + ":'",
        "it has fields, belongs_to, indexes, keep and list; say this in each entity");
  };
  const std::array<KeyRule, 13> rules{{
      {"doc", [&](const Entry& e) { mixin.doc = reader.word(e); }},
      {"use", [&](const Entry& e) { mixin.uses = read_uses(reader, e); }},
      {"fields", [&](const Entry& e) { mixin.fields = read_fields(reader, e.value, "fields"); }},
      {"belongs_to",
       [&](const Entry& e) {
         mixin.relations = read_relations(reader, RelationKind::belongs_to, e.value);
       }},
      {"indexes", [&](const Entry& e) { mixin.indexes = read_indexes(reader, e); }},
      {"keep", [&](const Entry& e) { mixin.keep = read_keep(reader, e); }},
      {"list", [&](const Entry& e) { mixin.list = read_mixin_list(reader, e); }},
      {"has_many", refuse, true},
      {"has_one", refuse, true},
      {"many_to_many", refuse, true},
      {"actions", refuse, true},
      {"events", refuse, true},
      {"import", refuse, true},
  }};
  reader.map(entry.value, "a mixin", rules);
  return mixin;
}

}  // namespace kitgen::schema
