// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kitgen/schema/diagnostics.hpp"
#include "kitgen/schema/source.hpp"

namespace kitgen::schema {

inline constexpr std::size_t max_yaml_depth = 32;
inline constexpr std::size_t max_yaml_nodes = 50'000;

struct Entry;

/// A node of the strict part of YAML a schema may use: no aliases, anchors, tags, merge keys,
/// duplicate keys or second documents, so what stands there is what is meant.
struct Node {
  enum class Kind { null, scalar, sequence, map, broken };
  Kind kind =
      Kind::null;  ///< `broken`: an error was already told for it; readers skip it silently.
  Word word;       ///< The text of a scalar; the place of every node.
  std::vector<Node> items;
  std::vector<Entry> entries;
  bool flow = false;  ///< Written as {...} or [...].

  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_map() const { return kind == Kind::map; }
  bool is_sequence() const { return kind == Kind::sequence; }
  bool is_null() const { return kind == Kind::null; }
  bool is_broken() const { return kind == Kind::broken; }
};

struct Entry {
  Word key;
  Node value;
};

/// "a list", "a mapping", "the text 'x'", "nothing", for messages.
std::string describe(const Node& node);

/// Reads one YAML document. Errors go to `diagnostics`; nothing when the text could not be read to
/// its end. In a flow mapping or list `decimal(10,2)` stays one word although YAML would cut it at
/// the comma: a comma inside parentheses does not separate. `nodes` counts on: the files of a
/// schema share one limit.
std::optional<Node> parse_yaml(const Source& source, Diagnostics& diagnostics, std::size_t& nodes);
std::optional<Node> parse_yaml(const Source& source, Diagnostics& diagnostics);

}  // namespace kitgen::schema
