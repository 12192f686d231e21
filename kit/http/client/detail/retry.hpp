// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "kit/base/time.hpp"
#include "kit/http/client/client_options.hpp"
#include "kit/http/client/detail/exchange.hpp"

namespace kit::http::detail {

/// Keeps retries a small part of all requests (gRPC A6): a host that answers nobody is not asked
/// three times as often.
class RetryBudget {
 public:
  explicit RetryBudget(const RetryOptions& options)
      : most_(options.tokens), earned_(options.tokens_per_success), tokens_(options.tokens) {}

  void succeeded() { tokens_ = tokens_ + earned_ < most_ ? tokens_ + earned_ : most_; }
  /// Counts a failure; says whether it may be tried again.
  bool failed() {
    tokens_ = tokens_ > 1 ? tokens_ - 1 : 0;
    return tokens_ > most_ / 2;
  }

 private:
  double most_;
  double earned_;
  double tokens_;
};

/// Pauses between tries: anything up to a bound that doubles ("full jitter"), so that clients which
/// failed together do not come back together.
class Backoff {
 public:
  explicit Backoff(const RetryOptions& options);
  /// The pause before the try after `failures` failed ones (at least 1).
  Clock::duration delay(std::size_t failures);

 private:
  std::uint64_t next();

  Clock::duration first_;
  Clock::duration longest_;
  std::uint64_t state_;
};

/// Whether sending twice does no more than once (RFC 9110 section 9.2.2).
bool is_idempotent(const Outgoing& outgoing);
/// Whether a failure is one of the connection: another try may end better.
bool is_transient(const Error& error);
/// The pause that an answer asks for with Retry-After, in seconds; nothing for a date.
std::optional<Clock::duration> retry_after(const Response& response);

}  // namespace kit::http::detail
