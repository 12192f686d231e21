// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/resilience/rate_limit_rules.hpp"

namespace kit::net {
struct TlsPeer;  // kit/net/stream.hpp
}
namespace kit::security {
struct Identity;  // kit/security/identity.hpp
}

namespace kit::middleware {

/// What the guard has to wait for somebody for. Lifetime: longer than the servers that ask.
struct Outside {
  /// Of an API key ("kit_..."). Fails with `unauthenticated`. Null: there are none.
  Function<Task<std::shared_ptr<const security::Identity>>(std::string key) const> api_key;
  /// Of a client's certificate, where there is no token; null: of nobody in particular.
  Function<std::shared_ptr<const security::Identity>(const net::TlsPeer*) const> certificate;
  /// Looks for the keys of the issuer again, for a token whose key is not known; where keys are an
  /// issuer's. Null: they are not.
  Function<Task<bool>() const> fetch_keys;
  /// Decides about limits that instances share, instead of the rules of this one. Null: they do
  /// not share them. Lifetime: the request's for what it is given.
  Function<Task<resilience::RateLimitAnswer>(resilience::RateLimitRequest) const> shared_limits;
};

}  // namespace kit::middleware
