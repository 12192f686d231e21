// SPDX-License-Identifier: Apache-2.0
#include "kit/security/secret_token.hpp"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"
#include "kit/security/detail/openssl.hpp"

namespace kit::security {
namespace {

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  KIT_ASSERT(RAND_bytes(detail::bytes_of(bytes), static_cast<int>(count)) == 1,
             "the system has random bytes");
  return bytes;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace

Secret<std::string> random_token() {
  return Secret<std::string>(base64url_encode(random_bytes(32)));
}

std::string random_id(std::size_t bytes) {
  return hex(random_bytes(bytes));
}

std::string token_hash(std::string_view token) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> sum{};
  SHA256(detail::bytes_of(token), token.size(), sum.data());
  return hex({reinterpret_cast<const char*>(sum.data()), sum.size()});
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace kit::security
