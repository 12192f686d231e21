// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "kit/adapters/redis/detail/dsn.hpp"
#include "kit/adapters/redis/detail/slots.hpp"
#include "kit/adapters/redis/options.hpp"
#include "kit/adapters/redis/redis.hpp"
#include "kit/async/live.hpp"
#include "kit/net/tls.hpp"
#include "kit/telemetry/counter.hpp"

namespace kit::redis::detail {

/// What is counted of a client. Thread safety: any thread.
struct Counts {
  telemetry::Counter commands, errors, lost, abandoned, latency_us, repeated, redirected, refreshes,
      failed_connects, refused;
  LiveCounter connections, in_flight, in_use;

  RedisStats stats() const;
};

/// What the threads of a client share.
struct Shared {
  Shared(Dsn where, RedisOptions how, std::shared_ptr<net::TlsStore> encryption)
      : dsn(std::move(where)),
        options(std::move(how)),
        name(dsn.shown()),
        tls(std::move(encryption)),
        slots(dsn.hosts) {}

  const Dsn dsn;
  const RedisOptions options;
  const std::string name;
  const std::shared_ptr<net::TlsStore> tls;
  /// Of connections that one task has to itself, as `live_counts` lists them; gone with the client.
  std::weak_ptr<ListedCounter> listed;
  Counts counts;
  SlotTable slots;  ///< Of a cluster.
};

/// A connection while it is open, as it is counted.
class OpenConnection {
 public:
  explicit OpenConnection(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {
    shared_->counts.connections.add();
  }
  ~OpenConnection() { shared_->counts.connections.remove(); }
  OpenConnection(const OpenConnection&) = delete;
  OpenConnection& operator=(const OpenConnection&) = delete;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace kit::redis::detail
