// SPDX-License-Identifier: Apache-2.0
// Three texts, separated by bytes of 1: the laws of a merge hold for whatever a person's editor
// left, and the differences between them can be shown.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"
#include "kitgen/cli/diff.hpp"
#include "kitgen/cli/lines.hpp"
#include "kitgen/cli/merge.hpp"

namespace {

using kitgen::cli::merge;

std::string merged(std::string_view before, std::string_view yours, std::string_view now) {
  auto result = merge({.before = before, .yours = yours, .now = now});
  return result ? std::move(result->text) : std::string(yours);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto parts = kit::split(bytes, '\1');
  if (parts.size() < 3) return 0;
  const std::string_view before = parts[0];
  const std::string_view yours = parts[1];
  const std::string_view now = parts[2];
  KIT_ASSERT(merged(before, before, now) == now, "nothing of yours");
  KIT_ASSERT(merged(before, yours, before) == yours, "nothing new");
  KIT_ASSERT(merged(before, yours, yours) == yours, "the same change");
  const auto result = merge({.before = before, .yours = yours, .now = now});
  if (result && !result->conflicts.empty()) {
    KIT_ASSERT(kitgen::cli::find_marker(result->text).has_value(), "conflicts are marked");
  }
  const auto diff = kitgen::cli::unified_diff(before, now, 1000);
  KIT_ASSERT(diff.empty() == (before == now), "a difference shows");
  const std::string plain = kitgen::cli::plain_text(yours);
  KIT_ASSERT(
      kitgen::cli::plain_text(kitgen::cli::in_the_form_of(before, plain)).size() <= plain.size(),
      "line ends only");
  return 0;
}
