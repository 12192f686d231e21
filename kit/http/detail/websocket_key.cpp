// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/websocket_key.hpp"

#include <openssl/evp.h>

#include <array>
#include <optional>

#include "kit/base/assert.hpp"
#include "kit/base/base64.hpp"

namespace kit::http::detail {

std::string websocket_accept(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 section 1.3
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  const int done = EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  KIT_ASSERT(done == 1, "OpenSSL has SHA-1");
  return base64_encode({reinterpret_cast<const char*>(digest.data()), size});
}

bool is_websocket_key(std::string_view key) {
  const std::optional<std::string> bytes = base64_decode(key);
  return bytes && bytes->size() == 16;
}

}  // namespace kit::http::detail
