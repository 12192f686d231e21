// SPDX-License-Identifier: Apache-2.0
#include "kit/security/api_key.hpp"

#include "kit/base/text.hpp"
#include "kit/security/secret_token.hpp"

namespace kit::security {
namespace {

constexpr std::size_t id_digits = 16;
constexpr std::size_t secret_bytes = 32;

}  // namespace

NewApiKey make_api_key() {
  NewApiKey key;
  key.id = random_id(id_digits / 2);
  const Secret<std::string> secret = random_token();
  key.hash = token_hash(secret.reveal());
  key.text = Secret<std::string>(std::string(api_key_prefix) + key.id + '_' + secret.reveal());
  return key;
}

std::optional<ApiKeyParts> parse_api_key(std::string_view text) {
  if (!text.starts_with(api_key_prefix)) return std::nullopt;
  text.remove_prefix(api_key_prefix.size());
  if (text.size() <= id_digits || text[id_digits] != '_') return std::nullopt;
  const ApiKeyParts parts{text.substr(0, id_digits), text.substr(id_digits + 1)};
  if (parts.id.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  const std::optional<std::string> secret = base64url_decode(parts.secret);
  if (!secret || secret->size() != secret_bytes) return std::nullopt;
  return parts;
}

}  // namespace kit::security
