// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/detail/shown_name.hpp"

#include "kit/base/text.hpp"

namespace kit::rest::detail {

std::string shown_name(std::string_view name) {
  constexpr std::size_t max_characters = 64;
  std::size_t end = 0;
  for (std::size_t i = 0; i < max_characters; ++i) {
    const std::size_t bytes = utf8_sequence(name.substr(end));
    if (bytes == 0) break;
    end += bytes;
  }
  return end == name.size() ? std::string(name) : std::string(name.substr(0, end)) + "...";
}

}  // namespace kit::rest::detail
