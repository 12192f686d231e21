// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/result.hpp"

namespace kit::config::detail {

/// Counted from 1.
struct Position {
  int line = 1;
  int column = 1;
};

struct YamlNode {
  enum class Kind : std::uint8_t { text, list, map, empty };
  struct Member;
  Kind kind = Kind::empty;
  Position position;
  std::string text;
  std::vector<YamlNode> items;
  std::vector<Member> members;
};

struct YamlNode::Member {
  std::string name;
  Position position;  // of the name
  YamlNode value;
};

inline constexpr std::size_t max_yaml_bytes = std::size_t{1} << 20;
inline constexpr std::size_t max_yaml_depth = 32;
inline constexpr std::size_t max_yaml_nodes = 50'000;

/// Reads one YAML document whose top is a mapping, or nothing at all. No anchors, aliases, tags,
/// merge keys, duplicate keys, keys that are no texts; within the limits above. Fails with
/// `invalid_argument`, "name:line:column: ...".
Result<YamlNode> read_yaml(std::string_view name, std::string_view text);

}  // namespace kit::config::detail
