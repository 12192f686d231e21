// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/http/client/client_options.hpp"
#include "kit/http/client/detail/exchange.hpp"
#include "kit/http/client/detail/retry.hpp"
#include "kit/http/client/statistics.hpp"
#include "kit/resilience/dependency.hpp"

namespace kit::http::detail {

class Pool;
struct PoolHost;

/// A connection that the pool keeps. In the list of the idle while it serves nobody.
struct PoolEntry : ListNode<struct IdleTag> {
  PoolHost* host = nullptr;
  std::unique_ptr<ClientConnection> connection;
  std::size_t active = 0;
  bool doomed = false;  // closed once nobody uses it
  bool served = false;  // at least one request
  Clock::time_point opened;
  Clock::time_point idle_since;
};

/// The right to use a connection, or to make one. Gives it back when it ends; a connection on which
/// an exchange began and did not end in order is closed.
class PoolLease {
 public:
  PoolLease() = default;
  PoolLease(std::shared_ptr<Pool> pool, std::shared_ptr<PoolHost> host, PoolEntry* entry)
      : pool_(std::move(pool)), host_(std::move(host)), entry_(entry) {}
  PoolLease(PoolLease&& other) noexcept { *this = std::move(other); }
  PoolLease& operator=(PoolLease&& other) noexcept;
  ~PoolLease() { give_back(); }

  explicit operator bool() const { return pool_ != nullptr; }
  bool has_connection() const { return entry_ != nullptr; }
  /// Fills the place for a new connection.
  void fill(std::unique_ptr<ClientConnection> connection);
  /// Whether the connection has served before.
  bool reused() const { return entry_->served; }
  bool usable();
  /// Gives an unusable connection up for the right to make one in its place; nothing is left when
  /// there is no place.
  void replace();
  /// Begins to use the connection.
  ClientConnection& use();
  /// The exchange has ended in order.
  void finish(bool reusable);

 private:
  void give_back();

  std::shared_ptr<Pool> pool_;
  std::shared_ptr<PoolHost> host_;
  PoolEntry* entry_ = nullptr;  // null: a place
  bool used_ = false;
  bool reusable_ = false;
};

/// Waits for a connection, first come, first served.
class PoolWait final : public Operation<PoolLease>, public ListNode<struct PoolWaitTag> {
 public:
  PoolWait(Pool& pool, PoolHost& host) : pool_(pool), host_(host) {}
  ~PoolWait() { detach(); }
  /// Leaves the queue with a lease.
  void grant(PoolLease lease);

 private:
  void start() override;
  void detach() override;
  Pool& pool_;
  PoolHost& host_;
};

/// Everything known of one scheme, name and port (and proxy).
struct PoolHost {
  PoolHost(std::shared_ptr<ClientStatistics> statistics, std::string host_name,
           net::Endpoint endpoint, resilience::Breakers& breakers);

  std::string name;
  net::Endpoint endpoint;  // of the server itself
  bool through_proxy = false;
  bool multiplexes = false;  // speaks HTTP/2, as far as is known
  std::vector<std::unique_ptr<PoolEntry>> entries;
  std::size_t connecting = 0;
  IntrusiveList<PoolWait, PoolWaitTag> waiters;
  std::shared_ptr<resilience::Dependency> dependency;  // its breaker and its retry budget
  HostCounter counter;
};

/// Keeps connections for reuse. Thread safety: one loop's thread.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(net::Connector& connector, ClientOptions options);
  ~Pool();

  /// The host of `url`. Lifetime: hosts that nobody refers to are forgotten when there are too
  /// many.
  std::shared_ptr<PoolHost> host(const Url& url);
  /// A connection of `host`: an idle one unless `fresh`, a new one, or the next that gets free.
  /// Fails with `resource_exhausted` (reason POOL_EXHAUSTED) when too many wait already.
  Task<PoolLease> acquire(std::shared_ptr<PoolHost> host, bool fresh);
  /// Closes idle connections; `stop` also those that become idle later.
  void close_idle();
  void stop();

  const ClientOptions& options() const { return options_; }
  const std::shared_ptr<ClientStatistics>& statistics() const { return options_.statistics; }

 private:
  friend class PoolLease;
  friend class PoolWait;

  PoolLease try_take(const std::shared_ptr<PoolHost>& host, bool fresh);
  PoolEntry* find_usable(PoolHost& host);
  void take(PoolEntry& entry);
  void release(PoolEntry& entry, bool reusable);
  void release_place(PoolHost& host);
  void close(PoolEntry& entry);
  void close_expired();
  void arm();
  void serve_waiters(const std::shared_ptr<PoolHost>& host);
  void forget_hosts();
  Task<std::unique_ptr<net::Stream>> connect(std::shared_ptr<PoolHost> host);

  net::Connector& connector_;
  ClientOptions options_;
  Result<Url> proxy_;  // looked at only when the options name one
  Loop* loop_ = nullptr;
  std::map<std::string, std::shared_ptr<PoolHost>> hosts_;
  IntrusiveList<PoolEntry, IdleTag> idle_;  // longest idle first
  std::size_t idle_count_ = 0;
  std::size_t waiting_ = 0;
  bool stopped_ = false;
  Timer timer_;
};

}  // namespace kit::http::detail
