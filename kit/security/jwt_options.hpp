// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "kit/base/result.hpp"

namespace kit {
class AccessPolicy;
}

namespace kit::security {

/// What a token has to say, and what is taken from it.
struct JwtOptions {
  /// What `iss` has to be, exactly; empty: it is not looked at.
  std::string issuer{};
  /// One of them has to be in `aud`. Empty: tokens that are for somebody in particular are refused
  /// (RFC 7519 section 4.1.3), and those without `aud` are taken.
  std::vector<std::string> audiences{};
  /// How far the clocks of issuer and server may be apart; at most `max_leeway`.
  std::chrono::seconds leeway{30};
  /// A token without `exp` is refused.
  bool requires_expiry = true;
  /// From `iat` to `exp`; zero: any time. A token without `iat` is refused then.
  std::chrono::seconds max_lifetime{0};
  /// What `typ` may be, in any letters' case, with or without "application/" before it; a token
  /// without is taken. "JWT" and "at+jwt" (RFC 9068).
  std::vector<std::string> types{"JWT", "at+jwt"};
  /// The claim that roles are taken from, a list or words between blanks. Empty: a token brings no
  /// roles; whoever has to know them looks them up (docs/adr/0041).
  std::string roles_claim{};
  /// The claim that scopes are taken from, in the same forms.
  std::string scopes_claim{"scope"};
  /// The claim with the version of the subject's tokens: see `RevocationList`.
  std::string version_claim{"tv"};
  /// Verified tokens that each thread remembers; 0: none. Some kilobytes each.
  std::size_t cached_tokens = 1024;
  /// Put into every identity: see `Caller::policy`. Outlives the verifier.
  const AccessPolicy* policy = nullptr;
};

inline constexpr std::chrono::seconds max_leeway{300};
inline constexpr std::size_t max_cached_tokens = 65'536;

/// Fails with `invalid_argument`, naming the option.
Result<> check(const JwtOptions& options);

}  // namespace kit::security
