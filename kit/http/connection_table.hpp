// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "kit/async/live.hpp"
#include "kit/http/limit_counts.hpp"
#include "kit/http/limits.hpp"

namespace kit::http {

/// Who is connected, counted for all servers (one per thread) that share the table: a client that
/// spreads over the threads gets no more than one that does not. Thread safety: any thread.
class ConnectionTable {
 public:
  /// An IPv4 address or the /64 of an IPv6 one, and how many connections (and requests that
  /// outlived theirs) it has.
  using Peer = std::pair<const std::string, std::uint32_t>;

  /// With `limits.connections` 0: three quarters of the descriptor limit less 512, at most 20 000.
  explicit ConnectionTable(const Limits& limits);

  /// A place for a connection of `address`; null when there are too many, of it or in all.
  /// Lifetime: until as many `leave` as there were entries.
  Peer* try_enter(std::string_view address);
  void leave(Peer& peer);
  /// The connection goes, a request of it stays: counts for the peer, not for the total.
  void leave_request(Peer& peer);
  void keep_request(Peer& peer);

  std::size_t connections() const;
  /// Requests that are under way.
  LiveCounter& requests() { return requests_; }
  const LiveCounter& requests() const { return requests_; }
  /// How often the servers' limits were reached.
  LimitCounts& limit_counts() { return limit_counts_; }
  const LimitCounts& limit_counts() const { return limit_counts_; }

 private:
  void drop(Peer& peer);

  const std::size_t most_;
  const std::size_t most_of_peer_;
  LimitCounts limit_counts_;
  LiveCounter requests_;
  mutable std::mutex mutex_;
  std::size_t count_ = 0;
  std::unordered_map<std::string, std::uint32_t> peers_;
};

}  // namespace kit::http
