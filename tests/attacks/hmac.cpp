// SPDX-License-Identifier: Apache-2.0
#include "hmac.hpp"

#include <charconv>

#include "kit/base/sha256.hpp"

namespace attacks {
namespace {

constexpr std::size_t block = 64;

std::string sha256(std::string_view bytes) {
  const std::string hex = kit::sha256_hex(bytes);
  std::string sum;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    sum.push_back(static_cast<char>(value));
  }
  return sum;
}

std::string padded(std::string_view key, char with) {
  std::string text(key);
  text.resize(block, '\0');
  for (char& c : text) c = static_cast<char>(c ^ with);
  return text;
}

}  // namespace

std::string hmac_sha256(std::string_view secret, std::string_view message) {
  const std::string key = secret.size() > block ? sha256(secret) : std::string(secret);
  return sha256(padded(key, 0x5C) + sha256(padded(key, 0x36) + std::string(message)));
}

}  // namespace attacks
