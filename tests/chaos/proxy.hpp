// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>

#include "kit/async/task_group.hpp"
#include "kit/net/connector.hpp"
#include "kit/net/resolver.hpp"
#include "kit/net/stream.hpp"

namespace kit::tests {

/// What a network does to those who talk over it.
enum class Fault : std::uint8_t {
  pass,       ///< Nothing.
  delay,      ///< Every part arrives `amount` milliseconds late.
  blackhole,  ///< Nothing arrives and nobody is told; what was sent comes once it has healed.
  corrupt,    ///< One bit of every `amount`-th part is another one.
  reset,      ///< Connections break, new ones as soon as they are made.
  trickle,    ///< Each part arrives byte by byte for its first `trickled_bytes`, then the rest.
  cut,        ///< A connection breaks after `amount` bytes from the server.
  throttle,   ///< `amount` bytes a second each way.
  refuse,     ///< Connections break, and nobody listens.
};

/// "delay" and so on; nothing for anything else.
std::optional<Fault> parse_fault(std::string_view name);

/// A TCP proxy between a client and its server that does to them what it is told. Thread safety:
/// its loop's thread.
class ChaosProxy final : private net::AcceptHandler {
 public:
  static constexpr std::size_t trickled_bytes = 64;

  /// Listens on a free port of the loopback address; asserts that it can.
  ChaosProxy(std::string host, int port);
  ~ChaosProxy();
  ChaosProxy(const ChaosProxy&) = delete;
  ChaosProxy& operator=(const ChaosProxy&) = delete;

  int port() const { return port_; }
  /// For connections that are there too. `amount`: see `Fault`.
  void set(Fault fault, std::uint64_t amount = 0);
  std::size_t connections() const { return open_.size(); }

 private:
  struct Pair;
  /// Ends the connection's tasks; their streams break.
  void on_accept(std::unique_ptr<net::Stream> stream) override;
  void listen();
  Task<> serve(std::unique_ptr<Pair> pair);
  Task<> pump(Pair& pair, bool from_server);
  Task<> forward(Pair& pair, bool from_server, std::string_view bytes);
  Task<> while_held();
  void break_all();

  std::string host_;
  int target_;
  int port_ = 0;
  Fault fault_ = Fault::pass;
  std::uint64_t amount_ = 0;
  std::uint64_t parts_ = 0;
  std::mt19937_64 random_{1};
  net::Resolver resolver_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<net::Listener> listener_;
  std::set<Pair*> open_;
  std::optional<TaskGroup> tasks_;
};

}  // namespace kit::tests
