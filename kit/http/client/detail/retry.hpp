// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "kit/base/time.hpp"
#include "kit/http/client/client_options.hpp"
#include "kit/http/client/detail/exchange.hpp"

namespace kit::http::detail {

/// Whether sending twice does no more than once (RFC 9110 section 9.2.2).
bool is_idempotent(const Outgoing& outgoing);
/// Whether a failure is one of the connection: another try may end better.
bool is_transient(const Error& error);
/// Whether an answer says that its server is in trouble.
bool is_failing(const Response& response);
/// The pause that an answer asks for with Retry-After, in seconds; nothing for a date.
std::optional<Clock::duration> retry_after(const Response& response);

}  // namespace kit::http::detail
