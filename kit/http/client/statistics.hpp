// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/live.hpp"

namespace kit::telemetry {
class Registry;
}

namespace kit::http {

/// What happened so far, and what there is now.
struct ClientNumbers {
  std::uint64_t opened = 0;    ///< Connections made.
  std::uint64_t reused = 0;    ///< Requests on a connection that was there.
  std::uint64_t stale = 0;     ///< Kept connections that turned out to be gone.
  std::uint64_t retries = 0;   ///< Requests sent again.
  std::uint64_t failures = 0;  ///< Tries that ended without an answer.
  std::uint64_t refused = 0;   ///< Requests that a breaker held back.
  std::int64_t idle = 0;       ///< Connections that wait for a request.
  std::int64_t busy = 0;       ///< Connections that serve one.
  std::int64_t waiters = 0;    ///< Requests that wait for a connection.
};

namespace detail {

/// The numbers as they are counted. Thread safety: any thread.
struct LiveNumbers {
  std::atomic<std::uint64_t> opened{0};
  std::atomic<std::uint64_t> reused{0};
  std::atomic<std::uint64_t> stale{0};
  std::atomic<std::uint64_t> retries{0};
  std::atomic<std::uint64_t> failures{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::int64_t> idle{0};
  std::atomic<std::int64_t> busy{0};
  std::atomic<std::int64_t> waiters{0};

  ClientNumbers read() const;
};

/// Those of a host. Its connections are listed with the live things of the process.
struct HostNumbers : LiveNumbers {
  explicit HostNumbers(std::string_view of) : connections("http_client_connections", of) {}

  ListedCounter connections;
};

}  // namespace detail

/// Counts for the clients of a process, one per loop. Thread safety: any thread.
class ClientStatistics {
 public:
  ClientNumbers total() const { return total_.read(); }
  struct Host {
    std::string name;  ///< "http://host:port", with " via http://proxy:port" behind a proxy.
    ClientNumbers numbers;
  };
  /// Of hosts that a client still remembers, sorted.
  std::vector<Host> hosts() const;

 private:
  friend struct HostCounter;
  detail::LiveNumbers total_;
  mutable std::mutex mutex_;
  std::map<std::string, std::weak_ptr<detail::HostNumbers>> hosts_;
};

/// Counts for one host and the total. Thread safety: any thread.
struct HostCounter {
  /// `name` as in `ClientStatistics::Host`; `of`: "host:port".
  HostCounter(std::shared_ptr<ClientStatistics> statistics, const std::string& name,
              std::string_view of);

  template <class Number>
  void add(std::atomic<Number> detail::LiveNumbers::* number, Number amount = 1) {
    (statistics->total_.*number).fetch_add(amount, std::memory_order_relaxed);
    ((*host).*number).fetch_add(amount, std::memory_order_relaxed);
  }

  std::shared_ptr<ClientStatistics> statistics;
  std::shared_ptr<detail::HostNumbers> host;
};

/// Adds the totals to the metrics: http_client_connections_opened_total,
/// http_client_connections_idle and so on. Once per registry.
void add_metrics(telemetry::Registry& registry, std::shared_ptr<const ClientStatistics> statistics);

}  // namespace kit::http
