// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/security/identity.hpp"
#include "kit/security/jwt_options.hpp"

namespace kit::security::detail {

inline constexpr std::size_t max_subject_bytes = 255;
inline constexpr std::size_t max_claim_items = 256;

/// What the payload of a token says, still to be judged.
struct Claims {
  Identity identity;
  std::optional<Timestamp> not_before;
};

/// Fails with `unauthenticated`: TOKEN_MALFORMED (no JSON object, a member twice), TOKEN_CLAIM (a
/// claim of another type, out of range, or `sub` missing).
Result<Claims> read_claims(std::string_view payload, const JwtOptions& options);

/// Fails with `unauthenticated`: TOKEN_ISSUER, TOKEN_AUDIENCE, TOKEN_CLAIM (`exp` or `iat`
/// missing), TOKEN_EXPIRED, TOKEN_NOT_YET_VALID.
Result<> judge(const Claims& claims, const JwtOptions& options, Timestamp now);

}  // namespace kit::security::detail
