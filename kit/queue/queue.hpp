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
/// published.
struct Message {
  std::string id;       ///< Unique for ever: what a consumer knows a repetition by.
  std::string topic;    ///< `[A-Za-z0-9._-]{1,249}`
  std::string key;      ///< What the order holds for, of at most 1 KiB; usually an aggregate.
  std::string type;     ///< "CustomerEmailChanged"
  std::string payload;  ///< JSON, of at most 1 MiB.
  Timestamp created_at;
  std::vector<std::pair<std::string, std::string>> headers;  ///< traceparent and the like.
};

/// Takes messages for others. Thread safety: any thread that runs a loop.
class Publisher {
 public:
  virtual ~Publisher() = default;
  /// Ends when the broker keeps all of them. Fails with `unavailable`, `deadline_exceeded` and the
  /// like: any of them may be kept then, in their order; publish all of them again.
  /// Lifetime: `messages` until the task has ended.
  virtual Task<> publish(std::span<const Message> messages) = 0;
};

/// A message on its way, and where the broker has it.
struct Delivery {
  Message message;
  std::string position;  ///< The broker's own name of the place, for `acknowledge` and logs.
  int attempt = 1;       ///< How often it was delivered, as far as the broker counts.
};

/// Takes messages of some topics for one group; every group gets every message, each of its
/// members some. A message that was not acknowledged comes again, to this or another member.
/// Thread safety: one task at a time.
class Consumer {
 public:
  virtual ~Consumer() = default;
  /// At least one message as soon as there is one, at most `limit`; none when `wait` is over.
  virtual Task<std::vector<Delivery>> receive(std::size_t limit,
                                              std::chrono::milliseconds wait) = 0;
  /// These, and with some brokers those before them, do not come again.
  virtual Task<> acknowledge(std::span<const Delivery> deliveries) = 0;
};

/// A broker. Thread safety: any thread that runs a loop.
class Queue : public Publisher {
 public:
  /// `group`: as a topic. Lifetime: the queue's.
  virtual Task<std::unique_ptr<Consumer>> subscribe(std::string_view group,
                                                    std::span<const std::string> topics) = 0;
};

}  // namespace kit::queue
