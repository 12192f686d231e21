// SPDX-License-Identifier: Apache-2.0
// No text crashes the reader or gets past its limits, and every refusal names its place.
#include <algorithm>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"
#include "kit/config/detail/yaml.hpp"

namespace {

std::size_t depth_of(const kit::config::detail::YamlNode& node) {
  std::size_t deepest = 0;
  for (const auto& item : node.items) deepest = std::max(deepest, depth_of(item));
  for (const auto& member : node.members) deepest = std::max(deepest, depth_of(member.value));
  return deepest + (node.items.empty() && node.members.empty() ? 0 : 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto root = kit::config::detail::read_yaml("f.yaml", text);
  if (root) {
    KIT_ASSERT(depth_of(*root) <= kit::config::detail::max_yaml_depth, "the depth is limited");
  } else {
    KIT_ASSERT(root.error().message().starts_with("f.yaml:"), "a refusal names its place");
    KIT_ASSERT(kit::is_utf8(root.error().message()), "a message is fit to show");
  }
  return 0;
}
