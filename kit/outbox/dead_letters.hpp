// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"
#include "kit/outbox/event.hpp"

namespace kit::outbox {

/// An event that could not be delivered however often it was tried.
struct DeadLetter {
  Event event;
  std::string problem;       ///< Why the last try failed.
  std::int64_t waiting = 0;  ///< Later events of its key that wait for it.
};

/// The oldest ones. Their payloads may be about somebody: for operators only.
Task<std::vector<DeadLetter>> dead_letters(db::Session& session, std::int64_t limit = 100);

/// Has one (by its row, `Event::sequence`) or all of them tried again, as if for the first time;
/// yields how many. Fails with `not_found` when there is no dead letter of that number.
Task<std::int64_t> retry_dead_letters(db::Session& session, std::optional<std::int64_t> sequence);

/// Gives one up; the later events of its key go on. It stays in the table as long as delivered ones
/// do. Fails with `not_found`.
Task<> drop_dead_letter(db::Session& session, std::int64_t sequence);

/// `letters` for people's tools: an array of objects.
std::string to_json(const std::vector<DeadLetter>& letters);

}  // namespace kit::outbox
