// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "kitgen/schema/syntax.hpp"
#include "kitgen/schema/yaml.hpp"

namespace kitgen::schema {

/// What to do with the value of one key of a mapping.
struct KeyRule {
  std::string_view key;
  std::function<void(const Entry&)> read;
  bool is_hidden = false;  ///< Only there for a better message: never suggested.
};

/// A word of another schema language, and what to write instead.
struct ForeignWord {
  std::string_view key;
  std::string_view help;
};

/// Takes nodes apart and tells what is not as expected. Broken nodes were told already and are
/// skipped silently.
class NodeReader {
 public:
  explicit NodeReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  /// Runs each entry of a mapping through its rule; keys without one are refused with the nearest
  /// known. `what` names the mapping in messages: "a field".
  void map(const Node& node, std::string_view what, std::span<const KeyRule> rules,
           std::span<const ForeignWord> foreign = {});
  /// The entries of a mapping, or nothing (told) when it is none. `what`: "fields".
  const std::vector<Entry>& entries(const Node& node, std::string_view what);

  std::optional<Word> word(const Entry& entry);
  Flag flag(const Entry& entry);
  /// A list of words; a single word stands for a list of one.
  std::vector<Word> words(const Entry& entry);
  std::vector<Word> words(const Node& node, std::string_view what);
  /// The values of an enum: words, or {name: ..., renamed_from: ...}.
  std::vector<Word> enum_values(const Node& node, std::string_view what,
                                std::vector<RenamedValue>& renamed);
  /// `backfill: 0` or `backfill: {field: phone}`.
  std::optional<Backfill> backfill(const Entry& entry);

  Diagnostics& diagnostics() { return diagnostics_; }

 private:
  void tell_unknown(const Word& key, std::string_view what, std::span<const KeyRule> rules,
                    std::span<const ForeignWord> foreign);

  Diagnostics& diagnostics_;
};

/// Whether it is one of the sections of an entity: "fields", "belongs_to" ...
bool is_entity_key(std::string_view key);

// The parts of an entity, each in its own place.
Field read_field(NodeReader& reader, const Entry& entry);
std::vector<Field> read_fields(NodeReader& reader, const Node& node, std::string_view what);
std::vector<Relation> read_relations(NodeReader& reader, RelationKind kind, const Node& node);
std::optional<CsvImport> read_import(NodeReader& reader, const Entry& entry);
std::vector<Index> read_indexes(NodeReader& reader, const Entry& entry);
Keep read_keep(NodeReader& reader, const Entry& entry);
std::vector<Use> read_uses(NodeReader& reader, const Entry& entry);
Cache read_cache(NodeReader& reader, const Entry& entry);
std::vector<Job> read_jobs(NodeReader& reader, const Entry& entry);
Mixin read_mixin(NodeReader& reader, const Entry& entry);
Entity read_entity(NodeReader& reader, const Entry& entry);

/// One file alone; `nodes` counts on. What could be read is returned even when there were errors,
/// so that later checks find the rest of them; nothing only when the YAML itself could not be read.
std::optional<Schema> read_one_file(const Source& source, Diagnostics& diagnostics,
                                    std::size_t& nodes);

}  // namespace kitgen::schema
