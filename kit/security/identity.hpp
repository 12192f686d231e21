// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/caller.hpp"
#include "kit/base/result.hpp"
#include "kit/base/time.hpp"
#include "kit/json/scalar.hpp"

namespace kit::security {

/// What somebody proved who they are with.
enum class IdentityKind : std::uint8_t { token, api_key, certificate };

constexpr std::string_view name(IdentityKind kind) {
  switch (kind) {
    case IdentityKind::token:
      return "token";
    case IdentityKind::api_key:
      return "api_key";
    case IdentityKind::certificate:
      break;
  }
  return "certificate";
}

/// Who a request is from, and how that is known: a `Caller` that was verified.
struct Identity : Caller {
  IdentityKind kind = IdentityKind::token;
  std::string issuer;
  std::vector<std::string> audience;
  std::vector<std::string> scopes;
  /// `jti` of a token, the id of an API key; empty: it has none.
  std::string token_id;
  /// Which of the subject's tokens still count: see `RevocationList`. Nothing: the token says none.
  std::optional<std::int64_t> token_version;
  std::optional<Timestamp> issued_at;
  std::optional<Timestamp> expires_at;
  /// All claims of a token, a JSON object; empty for other kinds.
  std::string claims;

  /// What `RevocationList` knows it by; `seal` sets them.
  std::uint64_t subject_fingerprint = 0;
  std::uint64_t token_fingerprint = 0;
  /// Call once when everything else is set.
  void seal();

  bool has_scope(std::string_view scope) const {
    return std::ranges::find(scopes, scope) != scopes.end();
  }
  /// A further claim: `identity.claim<std::string>("email")`. Nothing where there is none or null.
  /// Fails with `invalid_argument` when it is of another type. Cost: reads the claims each time.
  template <class T>
  Result<std::optional<T>> claim(std::string_view wanted) const {
    json::Reader reader(claims);
    std::optional<T> value;
    if (!find_claim(reader, wanted) || reader.try_null()) return value;
    std::string problem;
    T found{};
    if (json::read_json(reader, found, json::Format{}, problem)) {
      value = std::move(found);
      return value;
    }
    return claim_error(wanted, problem);
  }

  /// That of the work that runs now; null: there is none.
  static const Identity* current() {
    return current_caller == nullptr ? nullptr : of(*current_caller);
  }
  /// What `caller` is; null: somebody else said who that is.
  static const Identity* of(const Caller& caller);

 private:
  static bool find_claim(json::Reader& reader, std::string_view wanted);
  static Error claim_error(std::string_view wanted, const std::string& problem);
};

}  // namespace kit::security
