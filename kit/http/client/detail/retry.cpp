// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/detail/retry.hpp"

#include <algorithm>
#include <chrono>
#include <random>

#include "kit/base/text.hpp"
#include "kit/http/client/client.hpp"

namespace kit::http::detail {

Backoff::Backoff(const RetryOptions& options)
    : first_(options.first_delay), longest_(options.longest_delay), state_(options.seed) {
  if (state_ == 0) {
    std::random_device device;
    state_ = (std::uint64_t{device()} << 32) | device();
  }
}

/// SplitMix64 (Steele, Lea and Flood): spread, not secret.
std::uint64_t Backoff::next() {
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
  return mixed ^ (mixed >> 31);
}

Clock::duration Backoff::delay(std::size_t failures) {
  Clock::duration bound = first_;
  for (std::size_t i = 1; i < failures && bound < longest_; ++i) bound *= 2;
  bound = std::min(bound, longest_);
  if (bound.count() <= 0) return Clock::duration::zero();
  return Clock::duration(
      static_cast<Clock::rep>(next() % (static_cast<std::uint64_t>(bound.count()) + 1)));
}

bool is_idempotent(const Outgoing& outgoing) {
  switch (outgoing.method) {
    case Method::get:
    case Method::head:
    case Method::put:
    case Method::delete_:
    case Method::options:
      return true;
    case Method::post:
    case Method::patch:
    case Method::other:
      break;
  }
  return outgoing.method_name == "TRACE";
}

bool is_transient(const Error& error) {
  const std::string& reason = error.reason();
  return error.code() == Code::unavailable && reason != "MALFORMED_RESPONSE" &&
         reason != "HOST_NOT_FOUND" && !reason.starts_with("TLS_");
}

std::optional<Clock::duration> retry_after(const Response& response) {
  constexpr long long longest = 3600;
  auto value = header(response, "retry-after");
  if (!value) return std::nullopt;
  auto seconds = parse_int(*value);
  if (!seconds || *seconds < 0 || *seconds > longest) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

}  // namespace kit::http::detail
