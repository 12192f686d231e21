// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/server.hpp"

#include <array>
#include <utility>

#include "kit/adapters/postgres/detail/loop_pool.hpp"

namespace kit::postgres::detail {
namespace {

constexpr std::size_t connecting_threads = 4;

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

/// The pools a thread used last: it has few loops and databases.
struct Remembered {
  std::uint64_t server = 0;
  const Loop* loop = nullptr;
  std::weak_ptr<LoopPool> pool;
};
thread_local std::array<Remembered, 4> remembered;
thread_local std::size_t next_remembered = 0;

}  // namespace

Server::Server(PostgresOptions wanted, Role of, std::shared_ptr<const ConnectSettings> how)
    : options(std::move(wanted)),
      role(of),
      settings(std::move(how)),
      blocking({.name = "postgres", .threads = connecting_threads}),
      live("postgres_connections", settings->shown()),
      id_(next_id()) {}

std::shared_ptr<LoopPool> Server::here() {
  Loop& loop = Loop::current();
  for (const Remembered& one : remembered) {
    if (one.server != id_ || one.loop != &loop) continue;
    if (auto pool = one.pool.lock(); pool != nullptr && !pool->ended()) return pool;
  }
  std::shared_ptr<LoopPool> pool;
  {
    const std::lock_guard lock(mutex_);
    auto& place = pools_[&loop];
    if (place == nullptr) place = LoopPool::make(shared_from_this(), loop);
    pool = place;
  }
  remembered[next_remembered++ % remembered.size()] = {id_, &loop, pool};
  return pool;
}

void Server::remove(const Loop& loop) {
  std::shared_ptr<LoopPool> pool;  // dropped without the lock
  const std::lock_guard lock(mutex_);
  if (auto found = pools_.find(&loop); found != pools_.end()) {
    pool = std::move(found->second);
    pools_.erase(found);
  }
}

void Server::close() {
  std::map<const Loop*, std::shared_ptr<LoopPool>> pools;
  {
    const std::lock_guard lock(mutex_);
    pools.swap(pools_);
  }
  for (const auto& entry : pools) {
    const std::shared_ptr<LoopPool>& pool = entry.second;
    if (entry.first == Loop::current_or_null()) {
      pool->close();
    } else {
      pool->remote().post([pool] { pool->close(); });
    }
  }
}

void Server::note_connect(const Result<>& outcome) {
  connects.fetch_add(1, std::memory_order_relaxed);
  if (!outcome) failed_connects.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  failure_.reset();
  if (!outcome) failure_ = outcome.error().clone();
}

Result<> Server::health() const {
  const std::lock_guard lock(mutex_);
  if (failure_) return failure_->clone();
  return {};
}

}  // namespace kit::postgres::detail
