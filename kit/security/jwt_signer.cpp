// SPDX-License-Identifier: Apache-2.0
#include "kit/security/jwt_signer.hpp"

#include <set>

#include "kit/base/join.hpp"
#include "kit/base/uuid.hpp"
#include "kit/json/writer.hpp"
#include "kit/security/jws.hpp"

namespace kit::security {
namespace {

Result<> check_claims(const JwtClaims& claims) {
  if (claims.subject.empty()) return invalid("subject", "must not be empty");
  std::set<std::string_view> names = {"iss", "sub", "aud", "exp",   "nbf",
                                      "iat", "jti", "tv",  "scope", "roles"};
  for (const auto& [name, value] : claims.more) {
    if (!names.insert(name).second)
      return invalid("more", "the claim '" + name + "' is written already");
  }
  return {};
}

std::int64_t seconds_of(std::chrono::microseconds time) {
  return std::chrono::floor<std::chrono::seconds>(time).count();
}

}  // namespace

Result<std::string> JwtSigner::sign(const JwtClaims& claims, Timestamp now) const {
  KIT_TRY(check_claims(claims));
  std::string payload;
  json::Writer writer(payload);
  writer.begin_object();
  if (!options_.issuer.empty()) writer.member("iss", options_.issuer);
  writer.member("sub", claims.subject);
  if (options_.audience.size() == 1) writer.member("aud", options_.audience[0]);
  if (options_.audience.size() > 1) writer.member("aud", options_.audience);
  writer.member("iat", seconds_of(now.since_epoch));
  writer.member("exp", seconds_of(now.since_epoch + options_.lifetime));
  writer.member("jti", claims.token_id.empty() ? Uuid::make_v7().to_string() : claims.token_id);
  writer.member("tv", claims.token_version);
  if (!claims.scopes.empty()) writer.member("scope", join(claims.scopes, " "));
  if (!claims.roles.empty()) writer.member("roles", claims.roles);
  for (const auto& [name, value] : claims.more) {
    writer.key(name);
    value.write(writer);
  }
  writer.end_object();
  Result<std::string> token = sign_jws(payload, key_);
  if (token && token->size() > max_token_bytes)
    return invalid("more", "makes the token larger than 8 KiB, which nobody takes");
  return token;
}

}  // namespace kit::security
