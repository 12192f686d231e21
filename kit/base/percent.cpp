// SPDX-License-Identifier: Apache-2.0
#include "kit/base/percent.hpp"

namespace kit {

std::optional<std::string> percent_decode_bytes(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain.push_back(text[i]);
      continue;
    }
    const int byte = percent_byte(text, i);
    if (byte < 0) return std::nullopt;
    plain.push_back(static_cast<char>(byte));
    i += 2;
  }
  return plain;
}

}  // namespace kit
