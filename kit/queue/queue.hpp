// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/time.hpp"

namespace kit::queue {

/// What one service tells others. Messages of one topic and key arrive in the order they were
/// published. limits.hpp has the bounds of each part.
struct Message {
  std::string id;       ///< Unique for ever: what a consumer knows a repetition by.
  std::string topic;    ///< `[A-Za-z0-9._-]{1,249}`, not beginning with "__".
  std::string key;      ///< What the order holds for, of 1 byte to 1 KiB; usually an aggregate.
  std::string type;     ///< "CustomerEmailChanged"
  std::string payload;  ///< JSON, of at most 1 MiB.
  Timestamp created_at;
  std::vector<std::pair<std::string, std::string>> headers;  ///< traceparent and the like.
};

/// Takes messages for others. Thread safety: any thread that runs a loop.
class Publisher {
 public:
  virtual ~Publisher() = default;
  /// Ends when the broker keeps all of them. Fails with `invalid_argument` for one that is past a
  /// limit, and nothing is kept then; with `unavailable`, `deadline_exceeded` and the like: the
  /// first few of them may be kept, now or a little later; publish all of them again, in their
  /// order. Cancellation: as a failure. Lifetime: `messages` until the task has ended.
  virtual Task<> publish(std::span<const Message> messages) = 0;
};

/// A message on its way, and where the broker has it.
struct Delivery {
  Message message;
  std::string position;  ///< The broker's own name of the place, for `acknowledge` and logs.
  int attempt = 1;       ///< How often it was delivered, as far as the broker counts.
};

/// Takes messages of some topics for one group; every group gets every message, each of its
/// members some, and those of a key go to one member at a time. A message that was not acknowledged
/// in time, or whose member is gone, comes again, to this or another member, and after it those of
/// its key that were not acknowledged either. A new group begins with what the broker still has.
/// Thread safety: one task at a time, on the loop where it was made. Lifetime: the queue's; one
/// that is dropped lets go of what it holds.
class Consumer {
 public:
  virtual ~Consumer() = default;
  /// At least one message as soon as there is one, at most `limit`; none when `wait` is over.
  virtual Task<std::vector<Delivery>> receive(std::size_t limit,
                                              std::chrono::milliseconds wait) = 0;
  /// These do not come again. Fails with `aborted` (DELIVERY_LOST) when one of them has been taken
  /// from this member meanwhile, for it comes or came again; the others are acknowledged all the
  /// same.
  virtual Task<> acknowledge(std::span<const Delivery> deliveries) = 0;
  /// Leaves the group: others get at once what was not acknowledged. Nothing can be received
  /// afterwards.
  virtual Task<> close() = 0;
};

/// A broker. Thread safety: any thread that runs a loop.
class Queue : public Publisher {
 public:
  /// A member of `group`, which is named like a topic. Fails with `invalid_argument` for a name
  /// that is none.
  virtual Task<std::unique_ptr<Consumer>> subscribe(std::string_view group,
                                                    std::span<const std::string> topics) = 0;
  /// Takes no more messages, and ends when the broker has those that are under way. Fails with
  /// `deadline_exceeded` when that is not before the task's deadline, and gives them up.
  virtual Task<> close() = 0;
};

}  // namespace kit::queue
