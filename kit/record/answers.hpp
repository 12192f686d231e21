// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"

namespace kit::record {

/// Empties the answers that are stored for requests with an Idempotency-Key and show the row: of a
/// purged one nothing may stay. A repeat gets such an answer as status and headers. `row`:
/// `row_key`. Lifetime: everything borrowed lives until the task has ended.
Task<> forget_answers(db::Session& session, std::string_view entity, std::string_view row);

}  // namespace kit::record
