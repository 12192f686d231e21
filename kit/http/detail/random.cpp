// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/random.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "kit/base/assert.hpp"

namespace kit::http::detail {

void fill_random(std::span<unsigned char> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::getrandom(bytes.data(), bytes.size(), 0);
    if (count < 0) {
      KIT_ASSERT(errno == EINTR, "the system has no randomness");
      continue;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

std::string random_boundary() {
  std::array<unsigned char, 16> bytes;
  fill_random(bytes);
  std::string text;
  for (const unsigned char byte : bytes) {
    text.push_back("0123456789abcdef"[byte >> 4]);
    text.push_back("0123456789abcdef"[byte & 15]);
  }
  return text;
}

}  // namespace kit::http::detail
