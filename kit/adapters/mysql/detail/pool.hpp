// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "kit/adapters/mysql/detail/connection.hpp"
#include "kit/async/blocking.hpp"
#include "kit/async/intrusive_list.hpp"
#include "kit/async/live.hpp"

namespace kit::mysql::detail {

/// What the pools of all threads share.
struct Shared {
  Shared(Dsn dsn, const MysqlOptions& options);

  const std::shared_ptr<Server> server;
  const std::shared_ptr<CurrentCatalogue> catalogue;
  /// Null once the database has ended: threads know their pools for longer.
  std::unique_ptr<ListedCounter> in_use;
  /// Connects, and ends what runs on the server without anybody to wait for it. Null as above.
  std::unique_ptr<BlockingPool> threads;
};

class PlaceWait;
class Pool;

/// A connection, or the right to have one; both go back when it ends. Thread safety: one loop's
/// thread.
class Lease {
 public:
  Lease() = default;
  explicit Lease(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
  Lease(Lease&& other) noexcept = default;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { give_back(); }

  Connection& operator*() const { return *connection_; }
  Connection* operator->() const { return connection_.get(); }
  explicit operator bool() const { return connection_ != nullptr; }
  void give_back();
  /// Nobody else uses it after this.
  void retire() { is_retired_ = true; }

 private:
  friend class Pool;
  std::shared_ptr<Pool> pool_;
  std::unique_ptr<Connection> connection_;
  bool is_retired_ = false;
};

/// The connections of one thread. Thread safety: that thread's.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  explicit Pool(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  /// A connection that the server still knows, made when there is none. Fails with
  /// `resource_exhausted` (CONNECTIONS_EXHAUSTED) when too many wait or it takes too long, and as
  /// `Server::connect`.
  Task<Lease> acquire();
  void close_idle() { idle_.clear(); }
  /// When the database ends.
  void close();
  const std::shared_ptr<Shared>& shared() const { return shared_; }

 private:
  friend class Lease;
  friend class PlaceWait;
  std::unique_ptr<Connection> take_idle();
  Task<std::unique_ptr<Connection>> take_settled();
  bool is_usable(const Connection& connection, Clock::time_point now) const;
  void give_back(std::unique_ptr<Connection> connection, bool is_retired);
  void end_session(const Connection& connection);
  bool try_take_place();
  void give_place_back();
  void sweep();

  const std::shared_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Connection>> idle_;  // used last at the end
  std::size_t taken_ = 0;
  std::size_t waiting_count_ = 0;
  IntrusiveList<PlaceWait, struct PlaceTag> waiting_;
  Timer sweep_timer_;
  std::mutex closing_;  // held by what may run while the database ends on another thread
  bool is_closed_ = false;
};

}  // namespace kit::mysql::detail
