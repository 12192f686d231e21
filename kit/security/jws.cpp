// SPDX-License-Identifier: Apache-2.0
#include "kit/security/jws.hpp"

#include <utility>

#include "kit/base/text.hpp"
#include "kit/json/reader.hpp"
#include "kit/json/writer.hpp"
#include "kit/security/refusal.hpp"

namespace kit::security {
namespace {

Error malformed(std::string why) {
  return refused("TOKEN_MALFORMED", std::move(why));
}

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
};

std::optional<Parts> take_apart(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  if (token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1)};
}

Result<> read_text(json::Reader& reader, std::optional<std::string>& to, const char* problem) {
  const auto text = reader.try_string();
  if (!text) return malformed(problem);
  to = std::string(*text);
  return {};
}

Result<> read_member(json::Reader& reader, std::string_view name, Jws& jws,
                     std::optional<std::string>& algorithm) {
  if (name == "alg") return read_text(reader, algorithm, "'alg' of the header is no string");
  if (name == "typ") return read_text(reader, jws.type, "'typ' of the header is no string");
  if (name == "kid") {
    KIT_TRY(read_text(reader, jws.key_id, "'kid' of the header is no string"));
    if (!is_key_id(*jws.key_id))
      return refused("TOKEN_KEY_UNKNOWN", "'kid' of the header is no id of a key");
    return {};
  }
  // No extension is understood: neither an unencoded payload (RFC 7797) nor any other.
  if (name == "crit" || name == "b64")
    return refused("TOKEN_CRITICAL", "the header asks for an extension that is not understood");
  return {};
}

Result<> read_header(std::string_view text, Jws& jws) {
  json::Reader reader(text);
  std::optional<std::string> algorithm;
  if (!reader.begin_object()) return malformed("the header is no JSON object");
  while (const auto name = reader.next_key()) KIT_TRY(read_member(reader, *name, jws, algorithm));
  if (!reader.finish()) return malformed("the header is no JSON: " + reader.error().message());
  if (!algorithm) return malformed("the header has no 'alg'");
  const std::optional<Algorithm> known = parse_algorithm(*algorithm);
  if (!known) return refused("TOKEN_ALGORITHM", "'alg' of the header is none that is taken");
  jws.algorithm = *known;
  return {};
}

}  // namespace

Result<Jws> parse_jws(std::string_view token) {
  if (token.size() > max_token_bytes)
    return refused("TOKEN_TOO_LARGE", "the token has more than 8 KiB");
  const std::optional<Parts> parts = take_apart(token);
  if (!parts) return malformed("the token has not three parts");
  const std::optional<std::string> header = base64url_decode(parts->header);
  std::optional<std::string> payload = base64url_decode(parts->payload);
  std::optional<std::string> signature = base64url_decode(parts->signature);
  if (!header || !payload || !signature) return malformed("a part of the token is no base64url");
  Jws jws;
  KIT_TRY(read_header(*header, jws));
  jws.signed_part = token.substr(0, parts->header.size() + 1 + parts->payload.size());
  jws.payload = *std::move(payload);
  jws.signature = *std::move(signature);
  return jws;
}

Result<> verify_jws(const Jws& jws, const KeySet& keys) {
  const VerificationKey* const key = keys.find(jws.key_id);
  if (key == nullptr) return refused("TOKEN_KEY_UNKNOWN", "no key has the id of the token ('kid')");
  if (key->algorithm() != jws.algorithm) {
    return refused("TOKEN_ALGORITHM", "'alg' of the token is " + std::string(name(jws.algorithm)) +
                                          ", its key is for " +
                                          std::string(name(key->algorithm())));
  }
  if (!key->verifies(jws.signed_part, jws.signature))
    return refused("TOKEN_SIGNATURE", "the signature is not that of the key");
  return {};
}

Result<std::string> sign_jws(std::string_view payload, const SigningKey& key,
                             std::string_view type) {
  std::string header;
  json::Writer writer(header);
  writer.begin_object();
  writer.member("alg", name(key.algorithm()));
  if (!type.empty()) writer.member("typ", type);
  if (!key.id().empty()) writer.member("kid", key.id());
  writer.end_object();
  std::string token = base64url_encode(header) + '.' + base64url_encode(payload);
  Result<std::string> signature = key.sign(token);
  if (!signature) return std::move(signature).error();
  return token + '.' + base64url_encode(*signature);
}

}  // namespace kit::security
