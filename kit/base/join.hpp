// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kit {

/// The texts of a range, one after the other, with `between` between them.
template <class Texts>
std::string join(const Texts& texts, std::string_view between) {
  std::string all;
  bool is_first = true;
  for (const auto& text : texts) {
    if (!is_first) all += between;
    all += text;
    is_first = false;
  }
  return all;
}

}  // namespace kit
