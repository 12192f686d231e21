// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

namespace kit::postgres::detail {

/// The first bytes as a number of the protocol; 0 when there are too few.
template <class T>
T read_number(std::string_view bytes) {
  std::array<char, sizeof(T)> raw{};
  if (bytes.size() < raw.size()) return T{};
  std::copy_n(bytes.begin(), raw.size(), raw.begin());
  if constexpr (std::endian::native == std::endian::little) std::ranges::reverse(raw);
  return std::bit_cast<T>(raw);
}

template <class T>
std::array<char, sizeof(T)> write_number(T value) {
  auto raw = std::bit_cast<std::array<char, sizeof(T)>>(value);
  if constexpr (std::endian::native == std::endian::little) std::ranges::reverse(raw);
  return raw;
}

}  // namespace kit::postgres::detail
