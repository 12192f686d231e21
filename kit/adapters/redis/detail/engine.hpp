// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kit/adapters/redis/detail/commands.hpp"
#include "kit/adapters/redis/detail/subscription.hpp"
#include "kit/adapters/redis/detail/thread.hpp"
#include "kit/adapters/redis/redis.hpp"
#include "kit/async/per_thread.hpp"

namespace kit::redis::detail {

using Commands = Call::Commands;

/// Sends `commands` to `node`, once more when nothing of them can have been done: they were not
/// sent, or change nothing (`are_reads`). An error of the server is a reply.
Task<std::vector<Reply>> send(std::shared_ptr<Node> node, Commands commands, bool are_reads);

/// Every command of a client. Thread safety: any thread that runs a loop.
class Engine {
 public:
  explicit Engine(std::shared_ptr<Shared> shared);
  ~Engine();

  Task<Reply> command(Command words, CommandOptions options);
  Task<std::vector<Reply>> pipeline(Commands commands);
  Task<Reply> blocking(Command words, std::chrono::milliseconds server_wait);
  Task<std::vector<Reply>> transaction(Commands commands);
  Task<Session> session(std::string_view key);
  Task<> subscribe(Listening listening);

  Shared& shared() const { return *shared_; }

 private:
  std::shared_ptr<Thread> here();
  Task<std::shared_ptr<Node>> node_of(std::shared_ptr<Thread> thread,
                                      std::optional<std::string_view> key);
  Task<Line> subscriber_line(std::shared_ptr<Thread> thread);

  const std::shared_ptr<Shared> shared_;
  std::shared_ptr<ListedCounter> listed_;
  PerThread<Thread> threads_;
};

}  // namespace kit::redis::detail
