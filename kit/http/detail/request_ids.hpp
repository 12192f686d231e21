// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kit/base/context.hpp"
#include "kit/http/parser.hpp"
#include "kit/telemetry/tracer.hpp"

namespace kit::http::detail {

/// Fills trace id, span id and request id of a request: the trace goes on when `trace_parent` (W3C
/// Trace Context) is valid, otherwise it begins here; the span is new; the request id is
/// `request_id` when it is 1 to 128 harmless characters, otherwise the span id. Lifetime:
/// `log.request_id` points into `request_id` or into `log`. Cost: some 100 instructions, no system
/// call after the thread's first.
void identify(LogContext& log, std::string_view trace_parent, std::string_view request_id);

/// The same where `tracer` says whose traces go on.
void identify(LogContext& log, telemetry::Tracer& tracer, const telemetry::IncomingTrace& incoming,
              std::string_view request_id);

/// What `head` says of the trace that its request belongs to; nothing when it says nothing or
/// `tracer` does not trust `peer`. Lifetime: points into `head` and `joined`, which has what came
/// in several fields.
telemetry::IncomingTrace incoming_trace(const RequestHead& head, std::string_view peer,
                                        telemetry::Tracer& tracer, std::string& joined);

/// Whether a client's request id is taken over.
bool is_safe_request_id(std::string_view id);

}  // namespace kit::http::detail
