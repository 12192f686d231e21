// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "kit/async/task.hpp"
#include "kit/base/time.hpp"
#include "kit/http/message.hpp"
#include "kit/rest/backend.hpp"
#include "kit/rest/request.hpp"

namespace kit::rest {

/// The key that a request carries so that it can be repeated (Idempotency-Key, a string of
/// structured fields or the bare text): 1 to 255 visible ASCII characters. Nothing: there is none.
/// Fails with `invalid_argument` (IDEMPOTENCY_KEY_INVALID) for anything else and for two of them.
Result<std::optional<std::string>> idempotency_key(const http::Request& request);

/// Calls the handler so that the request takes effect once, however often it is sent with its key:
/// the answer is stored in the table kit_idempotency_keys by the transaction that makes the change,
/// and a repeat gets it, with `Idempotency-Replayed: true`. While the first one runs a repeat waits
/// for its end. What fails, or changes nothing, is not stored: a repeat does it again. Fails with
/// `invalid_argument` (HTTP 422, IDEMPOTENCY_KEY_REUSED) when the key was another request's; and as
/// the handler does. Without a key this is the call alone.
Task<http::Response> call_once(Backend& backend, Route::Call call, void* object,
                               http::Request& request);

/// Removes at most `batch` keys that are older than the limit, and says how many.
Task<std::int64_t> remove_expired_keys(db::Database& database, std::chrono::seconds keep,
                                       std::int64_t batch);

/// Does that whenever `interval` has passed, until it is cancelled. A failure is logged, and tried
/// again next time. Lifetime: `backend` outlives the task.
Task<> expire_keys(Backend& backend, Clock::duration interval);

}  // namespace kit::rest
