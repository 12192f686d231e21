// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kit::security {

/// How a token is signed. A key has exactly one; what a token says of it only has to agree.
enum class Algorithm : std::uint8_t {
  hs256,  ///< HMAC with SHA-256: who verifies can also sign.
  es256,  ///< ECDSA on P-256 with SHA-256.
  rs256,  ///< RSASSA-PKCS1-v1_5 with SHA-256.
  eddsa,  ///< Ed25519.
};

/// As RFC 7518 and RFC 8037 write it: "ES256", "EdDSA".
constexpr std::string_view name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::hs256:
      return "HS256";
    case Algorithm::es256:
      return "ES256";
    case Algorithm::rs256:
      return "RS256";
    case Algorithm::eddsa:
      break;
  }
  return "EdDSA";
}

/// Nothing for every other name, "none" and names in other letters' case among them.
constexpr std::optional<Algorithm> parse_algorithm(std::string_view text) {
  for (const Algorithm each :
       {Algorithm::hs256, Algorithm::es256, Algorithm::rs256, Algorithm::eddsa}) {
    if (text == name(each)) return each;
  }
  return std::nullopt;
}

}  // namespace kit::security
