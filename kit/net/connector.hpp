// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/net/stream.hpp"

namespace kit::net {

/// Whom to connect to.
struct Endpoint {
  std::string host{};  ///< A name or a numeric address; "unix:/path" for a Unix socket.
  int port = 0;
  bool tls = false;
  /// What is offered to a TLS peer (ALPN), best first: {"h2", "http/1.1"}.
  std::vector<std::string> application_protocols{};
};

/// Makes connections: over TCP and TLS in a program (connect.hpp), in memory in tests.
/// Thread safety: the thread of one loop.
class Connector {
 public:
  virtual ~Connector() = default;
  /// Connected, and with `tls` after the handshake. Fails with `unavailable` and a reason:
  /// CONNECTION_REFUSED, HOST_NOT_FOUND, CONNECT_TIMEOUT, TLS_HANDSHAKE_FAILED ...
  virtual Task<std::unique_ptr<Stream>> connect(Endpoint endpoint) = 0;
};

}  // namespace kit::net
