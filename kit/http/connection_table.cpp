// SPDX-License-Identifier: Apache-2.0
#include "kit/http/connection_table.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "kit/net/address.hpp"

namespace kit::http {
namespace {

std::size_t connection_limit(std::size_t configured) {
  if (configured != 0) return configured;
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return 256;
  const std::size_t most = std::min<std::size_t>(descriptors.rlim_cur, 1'000'000);
  const std::size_t share = most / 4 * 3;
  return std::clamp<std::size_t>(share > 512 ? share - 512 : 0, 64, 20'000);
}

}  // namespace

ConnectionTable::ConnectionTable(const Limits& limits)
    : most_(connection_limit(limits.connections)), most_of_peer_(limits.connections_per_peer) {}

ConnectionTable::Peer* ConnectionTable::try_enter(std::string_view address) {
  std::string network = net::peer_network(address);
  std::lock_guard lock(mutex_);
  if (count_ >= most_) {
    limit_counts_.hit(Limit::connections);
    return nullptr;
  }
  Peer& peer = *peers_.try_emplace(std::move(network)).first;
  if (peer.first != "unix" && peer.second >= most_of_peer_) {
    limit_counts_.hit(Limit::connections_per_peer);
    if (peer.second == 0) peers_.erase(peer.first);
    return nullptr;
  }
  ++count_;
  ++peer.second;
  return &peer;
}

void ConnectionTable::leave(Peer& peer) {
  std::lock_guard lock(mutex_);
  --count_;
  drop(peer);
}

void ConnectionTable::keep_request(Peer& peer) {
  std::lock_guard lock(mutex_);
  ++peer.second;
}

void ConnectionTable::leave_request(Peer& peer) {
  std::lock_guard lock(mutex_);
  drop(peer);
}

void ConnectionTable::drop(Peer& peer) {
  if (--peer.second == 0) peers_.erase(peers_.find(peer.first));
}

std::size_t ConnectionTable::connections() const {
  std::lock_guard lock(mutex_);
  return count_;
}

}  // namespace kit::http
