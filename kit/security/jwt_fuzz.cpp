// SPDX-License-Identifier: Apache-2.0
// Tokens, their parts and key sets of any bytes: no crash, and nothing is taken that was not
// signed. The first byte chooses what the others are.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"
#include "kit/security/jws.hpp"
#include "kit/security/jwt_verifier.hpp"

namespace {

using namespace kit::security;

const SigningKey& key() {
  static const SigningKey made =
      SigningKey::from_secret("uX8fP2mQ0vT5yR7kLw3nZ1cJ6hB9dG4s", "k1").value();
  return made;
}

const JwtVerifier& verifier() {
  static const auto made = [] {
    std::vector<VerificationKey> keys = {key().verification_key()};
    auto store = std::make_shared<KeyStore>(KeySet::of(std::move(keys)).value());
    JwtOptions options;
    options.roles_claim = "roles";
    return JwtVerifier::make(std::move(store), std::move(options)).value();
  }();
  return *made;
}

const kit::Timestamp noon = kit::Timestamp::parse("2026-03-04T12:00:00Z").value();

std::string signed_text(std::string_view header, std::string_view payload) {
  const std::string text = kit::base64url_encode(header) + '.' + kit::base64url_encode(payload);
  return text + '.' + kit::base64url_encode(key().sign(text).value());
}

void check_token(std::string_view token) {
  const auto identity = verifier().verify(token, noon);
  if (!identity) {
    KIT_ASSERT(identity.error().code() == kit::Code::unauthenticated, "a refusal is one");
    KIT_ASSERT(!identity.error().reason().empty(), "a refusal has a reason");
    return;
  }
  KIT_ASSERT(token.size() <= max_token_bytes, "a token is not too long");
  KIT_ASSERT(!(*identity)->subject.empty(), "somebody is somebody");
  KIT_ASSERT((*identity)->expires_at.has_value(), "a token ends");
  const std::size_t end = token.rfind('.');
  KIT_ASSERT(
      token.substr(end + 1) == kit::base64url_encode(key().sign(token.substr(0, end)).value()),
      "what is taken was signed");
}

void check_keys(std::string_view json, KeySource source) {
  std::vector<std::string> left_out;
  const kit::Result<KeySet> keys = parse_jwks(json, source, &left_out);
  if (!keys) return;
  KIT_ASSERT(!keys->keys().empty() && keys->keys().size() <= max_keys, "a set has keys");
  for (const VerificationKey& each : keys->keys()) {
    KIT_ASSERT(each.id().empty() || is_key_id(each.id()), "an id is one");
    KIT_ASSERT(source == KeySource::file || each.algorithm() != Algorithm::hs256,
               "no secret comes from the network");
    KIT_ASSERT(!each.verifies("message", "signature"), "no key takes everything");
  }
  const std::string again = public_jwks(keys->keys());
  const kit::Result<KeySet> reread = parse_jwks(again, KeySource::network);
  const bool is_public = keys->keys()[0].algorithm() != Algorithm::hs256;
  KIT_ASSERT(!is_public || (reread && reread->same_as(*keys)), "a round trip");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string text(data + 1, data + size);
  switch (data[0] % 5) {
    case 0:
      check_token(text);
      break;
    case 1:
      check_token(signed_text(R"({"alg":"HS256","kid":"k1"})", text));
      break;
    case 2:
      check_token(signed_text(text, R"({"sub":"ann","exp":1772625900})"));
      break;
    case 3:
      check_keys(text, KeySource::file);
      break;
    default:
      check_keys(text, KeySource::network);
      break;
  }
  return 0;
}
