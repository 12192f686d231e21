// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/db/database.hpp"
#include "kit/queue/queue.hpp"

namespace kit::outbox {

/// What a consumer of other services' events remembers, so that a message that comes again has no
/// second effect: a row of kit_inbox for each message, written in the transaction of its effect.
/// Thread safety: any thread that runs a loop. Lifetime: `database` outlives it.
class Inbox {
 public:
  using Handler = FunctionRef<Task<>(const queue::Message&, db::Transaction&)>;

  /// `subscriber`: whose effects these are; others get the same messages.
  Inbox(db::Database& database, std::string subscriber);

  /// Runs `handle` in a transaction with the message's row, once for each id whatever is killed
  /// when. False: it had been done. Fails as `handle` does; nothing is left then.
  /// Lifetime: `message` and `handle` until the task has ended.
  Task<bool> consume(const queue::Message& message, Handler handle);

  /// Puts the message into the outbox for the relay's subscriber of this name, which handles it
  /// with all that goes with that: order of its key, retries, dead letters. False: it had been
  /// taken. A broker's next messages need not wait for a handler, nor for one that fails.
  Task<bool> accept(const queue::Message& message);

  /// Accepts whatever `consumer` receives, and acknowledges it. Goes on until it is cancelled; what
  /// fails is tried again. Lifetime: `consumer` until the task has ended.
  Task<> receive(queue::Consumer& consumer, std::size_t batch = 100);

 private:
  Task<> note(db::Transaction& transaction, const queue::Message& message) const;

  db::Database& database_;
  const std::string subscriber_;
};

}  // namespace kit::outbox
