// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "kit/base/error.hpp"
#include "kit/http/message.hpp"

namespace kit::http {

/// The HTTP status of an error: its own when it has one, otherwise that of its code
/// (google.rpc.Code).
int http_status(const Error& error);

/// The status that `code` has when an error names no other.
int http_status(Code code);

/// The answer to a request that failed, as google.rpc.Status in JSON:
///
///     {"code": 3, "message": "...", "status": "INVALID_ARGUMENT", "details": [
///       {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "...", "domain": "kit"},
///       {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field":
///       "...", "description": "..."}]},
///       {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "..."}]}
///
/// A server error (5xx) shows neither message, reason nor cause but the request id only: the rest
/// is for the log. With `Error::retry_after` the answer has Retry-After, in whole seconds.
Response error_response(const Error& error, std::string_view request_id);

}  // namespace kit::http
