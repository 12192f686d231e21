// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "kit/adapters/redis/detail/node.hpp"
#include "kit/async/loop.hpp"
#include "kit/net/connector.hpp"
#include "kit/net/resolver.hpp"

namespace kit::redis::detail {

/// What a client has on one thread: its connections. Thread safety: that thread's.
class Thread final : public std::enable_shared_from_this<Thread>, private LoopEnd {
 public:
  explicit Thread(std::shared_ptr<Shared> shared);
  ~Thread();

  /// Belongs to the loop that runs now, until that ends.
  void bind();
  /// When the client ends, on any thread.
  void close();

  const std::shared_ptr<Shared>& shared() const { return shared_; }
  net::Connector& connector() { return *connector_; }
  /// Where connections read to, one after the other.
  std::span<char> read_buffer() { return read_buffer_; }
  /// From a half of `duration` to all of it.
  Clock::duration jittered(Clock::duration duration);
  /// A number below `end`, which is not 0.
  std::size_t any_below(std::size_t end);

  /// The server, or the one that Sentinels name.
  const std::shared_ptr<Node>& primary();
  std::shared_ptr<Node> node(const Address& address, bool is_replica = false);
  /// Of the cluster, as it is known now.
  const std::shared_ptr<const SlotMap>& map();
  class MapWait;
  void wake_map_waits();

  /// Work that belongs to nobody who waits: it ends with the thread's connections.
  struct Background {
    Context context{Context::Detached()};
    std::optional<Task<>> task{};
    bool is_done = false;
  };
  /// Starts `task`, unless what `place` has still runs.
  void run(std::unique_ptr<Background>& place, Task<> task, std::string_view name);

  std::unique_ptr<Background> refreshing{};  ///< What is known of the cluster.
  std::unique_ptr<Background> watching{};    ///< The Sentinels.
  std::size_t next_sentinel = 0;

 private:
  void on_loop_end() override { shut(); }
  void shut();
  /// Lets go of nodes that are not in the map.
  void keep_only(const SlotMap& map);

  const std::shared_ptr<Shared> shared_;
  const std::thread::id owner_ = std::this_thread::get_id();
  Loop* loop_ = nullptr;
  LoopRemote remote_;
  std::vector<char> read_buffer_;
  std::minstd_rand random_;
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<net::Connector> connector_;
  std::shared_ptr<Node> primary_;
  std::map<std::pair<Address, bool>, std::shared_ptr<Node>> nodes_;
  std::shared_ptr<const SlotMap> map_ = std::make_shared<SlotMap>();
  std::uint64_t map_version_ = 0;
  IntrusiveList<MapWait, struct MapWaitTag> map_waits_;
};

}  // namespace kit::redis::detail
