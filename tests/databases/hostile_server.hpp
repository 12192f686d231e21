// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace kit::tests {

/// A server that answers as a test likes. Each connection has a thread, which `behaviour` runs on.
/// It ends when the server does: reads and writes fail then.
class HostileServer {
 public:
  using Behaviour = std::function<void(int connection)>;
  explicit HostileServer(Behaviour behaviour);
  ~HostileServer();
  HostileServer(const HostileServer&) = delete;
  HostileServer& operator=(const HostileServer&) = delete;
  int port() const;

  /// What the peer sends next, at most `most` bytes; "" at its end.
  static std::string receive(int connection, std::size_t most = 65'536);
  /// False: the peer is gone.
  static bool send(int connection, std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kit::tests
