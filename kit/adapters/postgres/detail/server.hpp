// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "kit/adapters/postgres/detail/connect.hpp"
#include "kit/adapters/postgres/postgres.hpp"
#include "kit/async/blocking.hpp"
#include "kit/async/live.hpp"
#include "kit/async/loop.hpp"

namespace kit::postgres::detail {

class LoopPool;

struct CountDown {
  void operator()(std::atomic<std::int64_t>* count) const {
    count->fetch_sub(1, std::memory_order_relaxed);
  }
};
/// One more for as long as it lives.
using Counted = std::unique_ptr<std::atomic<std::int64_t>, CountDown>;
inline Counted count_one(std::atomic<std::int64_t>& count) {
  count.fetch_add(1, std::memory_order_relaxed);
  return Counted(&count);
}

/// What the pools of all loops share. Thread safety: any thread.
class Server : public std::enable_shared_from_this<Server> {
 public:
  Server(PostgresOptions wanted, Role of, std::shared_ptr<const ConnectSettings> how);

  /// The pool of the loop that runs on this thread.
  std::shared_ptr<LoopPool> here();
  void remove(const Loop& loop);
  /// Closes every pool on its own thread.
  void close();

  void note_connect(const Result<>& outcome);
  Result<> health() const;

  const PostgresOptions options;
  const Role role;
  const std::shared_ptr<const ConnectSettings> settings;
  BlockingPool blocking;
  /// Cancels that wait for the server just now, also when this has ended.
  const std::shared_ptr<std::atomic<int>> cancelling = std::make_shared<std::atomic<int>>(0);
  ListedCounter live;
  std::atomic<std::uint64_t> connects{0}, failed_connects{0}, lost{0}, cancels{0}, retries{0},
      prepares{0}, refused{0};
  std::atomic<std::int64_t> in_use{0}, waiting{0};

 private:
  const std::uint64_t id_;  // never used again, unlike an address
  mutable std::mutex mutex_;
  std::map<const Loop*, std::shared_ptr<LoopPool>> pools_;
  std::optional<Error> failure_;  // of the last connect
};

}  // namespace kit::postgres::detail
