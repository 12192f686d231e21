// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

namespace kit {
namespace detail {

/// "00" to "99", one after the other.
inline constexpr std::array<char, 200> digit_pairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[i * 2] = static_cast<char>('0' + i / 10);
    pairs[i * 2 + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

}  // namespace detail

/// Writes the last `Count` digits of `value`, with zeros in front, and returns the place behind
/// them. Cost: one division by 100 for two digits.
template <int Count>
char* put_digits(char* to, std::uint32_t value) {
  int left = Count;
  for (; left >= 2; left -= 2, value /= 100) {
    std::memcpy(to + left - 2, &detail::digit_pairs[std::size_t{value % 100} * 2], 2);
  }
  if (left == 1) *to = static_cast<char>('0' + value % 10);
  return to + Count;
}

}  // namespace kit
