// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "kit/net/stream.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::testing {

struct MemoryNetworkOptions {
  std::size_t capacity =
      64 * 1024;          ///< Bytes in flight in each direction; then writes would block.
  bool one_byte = false;  ///< Every read and write moves one byte: the worst packets there are.
  std::string peer = "192.0.2.1";  ///< What the first end sees as the other's address.
  /// Where the chances below come from: the same number, the same network.
  std::uint64_t seed = 0;
  /// A read or write moves a random number of bytes up to this; 0: as many as fit.
  std::size_t most_moved = 0;
  /// What is written arrives after a random time up to this, in order.
  Clock::duration most_delay{0};
  /// Once so many bytes were written in both directions together the connection breaks, as if a
  /// router forgot it; 0: never.
  std::size_t breaks_after = 0;
};

/// Two connected streams without sockets, on a virtual clock: bytes arrive in the loop's next turn.
/// Destroying an end closes it: the other reads what is left, then the end of the stream, and
/// cannot write any more.
using MemoryPair = std::pair<std::unique_ptr<net::Stream>, std::unique_ptr<net::Stream>>;
MemoryPair make_memory_pair(VirtualLoop& loop, const MemoryNetworkOptions& options = {});

/// The test's end of a connection: sends in the background, collects what comes.
class MemoryClient final : private ReadinessHandler {
 public:
  /// Connects to `server` as a new connection.
  MemoryClient(VirtualLoop& loop, net::AcceptHandler& server,
               const MemoryNetworkOptions& options = {});
  ~MemoryClient();

  /// Queues `text`; it flows as the loop runs and the other end reads.
  void send(std::string_view text);
  /// Ends the sending side after what was sent.
  void half_close();
  /// Vanishes without a goodbye: the other end's next read fails.
  void reset();
  /// Stops (or goes on) taking what the other end writes.
  void pause_reading(bool pause);

  const std::string& received() const { return received_; }
  /// What came since the last call.
  std::string take();
  /// The other end has closed.
  bool closed() const { return closed_; }
  /// It has not closed but broken the connection.
  bool broken() const { return broken_; }
  std::size_t unsent() const { return unsent_.size(); }

 private:
  void on_readiness(Readiness readiness) override;
  void write();
  void read();

  std::unique_ptr<net::Stream> stream_;
  std::string unsent_;
  std::string received_;
  std::size_t taken_ = 0;
  bool closed_ = false;
  bool broken_ = false;
  bool paused_ = false;
  bool ending_ = false;
};

}  // namespace kit::testing
