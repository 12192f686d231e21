// SPDX-License-Identifier: Apache-2.0
#include "kit/security/fingerprint.hpp"

#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <cstring>

#include "kit/base/assert.hpp"
#include "kit/security/detail/openssl.hpp"

namespace kit::security {
namespace {

const std::array<unsigned char, 32>& process_key() {
  static const std::array<unsigned char, 32> key = [] {
    std::array<unsigned char, 32> random{};
    KIT_ASSERT(RAND_bytes(random.data(), static_cast<int>(random.size())) == 1,
               "the system has random bytes");
    return random;
  }();
  return key;
}

}  // namespace

std::uint64_t fingerprint(std::string_view text) {
  if (text.empty()) return 0;
  const auto& key = process_key();
  std::array<unsigned char, 32> sum{};
  unsigned int size = 0;
  const unsigned char* const made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                         detail::bytes_of(text), text.size(), sum.data(), &size);
  KIT_ASSERT(made != nullptr, "HMAC of any bytes can be made");
  std::uint64_t print = 0;
  std::memcpy(&print, sum.data(), sizeof print);
  return print == 0 ? 1 : print;
}

}  // namespace kit::security
