// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "kit/base/context.hpp"

namespace kit::http::detail {

/// Fills trace id, span id and request id of a request: the trace goes on when `trace_parent` (W3C
/// Trace Context) is valid, otherwise it begins here; the span is new; the request id is
/// `request_id` when it is 1 to 128 harmless characters, otherwise the span id. Lifetime:
/// `log.request_id` points into `request_id` or into `log`. Cost: some 100 instructions, no system
/// call after the thread's first.
void identify(LogContext& log, std::string_view trace_parent, std::string_view request_id);

/// Whether a client's request id is taken over.
bool is_safe_request_id(std::string_view id);

}  // namespace kit::http::detail
