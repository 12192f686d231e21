// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/security/key_set.hpp"

namespace kit::security {

inline constexpr std::size_t max_token_bytes = 8 * 1024;

/// A signed text in the compact form of RFC 7515, taken apart; nothing of it is to be believed
/// before `verify_jws`.
struct Jws {
  Algorithm algorithm = Algorithm::hs256;  ///< As the token says.
  std::optional<std::string> key_id;
  std::optional<std::string> type;  ///< `typ`
  std::string_view signed_part;     ///< Lifetime: the token's.
  std::string payload;
  std::string signature;
};

/// Strict: three parts, base64url without anything else, a header that is a JSON object without
/// a member twice. Where the header says to take a key from (jku, x5u, jwk, x5c) is not looked at.
/// Fails with `unauthenticated`: TOKEN_TOO_LARGE, TOKEN_MALFORMED, TOKEN_ALGORITHM (none of ours),
/// TOKEN_CRITICAL (it asks for something that is not understood).
Result<Jws> parse_jws(std::string_view token);

/// Fails with `unauthenticated`: TOKEN_KEY_UNKNOWN, TOKEN_ALGORITHM (not that of the key),
/// TOKEN_SIGNATURE.
Result<> verify_jws(const Jws& jws, const KeySet& keys);

/// `payload` signed, in the compact form. `type` becomes `typ`; empty: none. Fails with `internal`.
Result<std::string> sign_jws(std::string_view payload, const SigningKey& key,
                             std::string_view type = "JWT");

}  // namespace kit::security
