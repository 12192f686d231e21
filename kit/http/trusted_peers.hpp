// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/net/address.hpp"

namespace kit::http {

/// Peers whose word is taken: for the trace that a request belongs to. Thread safety: constant.
class TrustedPeers {
 public:
  /// Nobody.
  TrustedPeers() = default;
  /// Each of `names` is a network ("10.0.0.0/8", "2001:db8::/32", one address), "unix" for
  /// connections over a path, "private" for networks that the Internet does not route (loopback,
  /// RFC 1918, RFC 4193, link-local, and "unix"), "all", or "none", which adds nobody. Fails with
  /// `invalid_argument`.
  static Result<TrustedPeers> parse(std::span<const std::string> names);

  /// Whether the peer of this address (`Request::peer`) is one of them.
  bool contains(std::string_view peer) const;

 private:
  struct Network {
    net::IpAddress address;
    unsigned bits;
  };
  Result<> add(std::string_view name);
  Result<> add_network(std::string_view name);

  bool all_ = false;
  bool unix_ = false;
  std::vector<Network> networks_;
};

}  // namespace kit::http
