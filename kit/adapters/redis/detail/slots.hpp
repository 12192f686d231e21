// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "kit/adapters/redis/detail/dsn.hpp"
#include "kit/adapters/redis/reply.hpp"
#include "kit/base/function.hpp"
#include "kit/base/result.hpp"
#include "kit/base/time.hpp"

namespace kit::redis::detail {

inline constexpr std::size_t slot_count = 16'384;

/// Where a key is in a cluster: CRC16 (XMODEM) of the key, or of what stands between its first '{'
/// and the next '}' when that is something, modulo 16384.
std::uint16_t slot_of(std::string_view key);

/// Who has which slots.
struct SlotMap {
  static constexpr std::uint16_t nobody = 0xFFFF;
  struct Shard {
    Address primary{};
    std::vector<Address> replicas{};
  };
  std::vector<Shard> shards{};
  std::array<std::uint16_t, slot_count> shard_of{};  ///< Index into `shards`, or `nobody`.

  SlotMap() { shard_of.fill(nobody); }
  const Shard* find(std::uint16_t slot) const;
};

/// Reads what CLUSTER SLOTS answers. `asked`: whose address stands for an empty one. Fails with
/// `unavailable` for what is no such answer.
Result<SlotMap> parse_slots(const Reply& reply, const Address& asked);

/// "MOVED 3999 127.0.0.1:6381", "ASK ..." without its first word.
struct Redirection {
  std::uint16_t slot = 0;
  Address to{};
};
/// Nothing when it is none. `from`: whose host stands for an empty one.
std::optional<Redirection> parse_redirection(std::string_view error, const Address& from);

/// What is known of a cluster, by all threads. Thread safety: any thread.
class SlotTable {
 public:
  explicit SlotTable(std::vector<Address> seeds) : seeds_(std::move(seeds)) {}

  /// Changes with each change of the map.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  std::shared_ptr<const SlotMap> map() const;
  void replace(SlotMap map);
  /// A node said who has a slot.
  void move(const Redirection& moved);
  /// The map may be old.
  void doubt() { in_doubt_.store(true, std::memory_order_relaxed); }
  /// Whether the caller is to refresh it now: it is in doubt, nobody else does, and the last time
  /// was a second ago. `end_refresh` ends it.
  bool begin_refresh(Clock::time_point now);
  void end_refresh(std::optional<Error> why);
  /// Calls `tell` once, on any thread, when the refresh that runs ends. False: none does.
  bool when_refreshed(Function<void()> tell);
  /// Why the last refresh failed.
  Error last_failure() const;
  /// Whom to ask, the next one each time: nodes of the map, and those to begin with.
  std::vector<Address> whom_to_ask();

 private:
  const std::vector<Address> seeds_;
  std::atomic<std::uint64_t> version_{0};
  std::atomic<bool> in_doubt_{true};
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const SlotMap> map_ = std::make_shared<SlotMap>();
  bool refreshing_ = false;
  std::optional<Clock::time_point> last_refresh_;
  std::vector<Function<void()>> waiting_;
  std::optional<Error> last_failure_;
  std::size_t next_ = 0;
};

}  // namespace kit::redis::detail
