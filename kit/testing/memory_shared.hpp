// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/loop.hpp"
#include "kit/cache/shared.hpp"

namespace kit::testing {

/// A cache that instances in one process share, with the ways in which a real one fails.
/// Thread safety: any thread that runs a loop. Lifetime: longer than the tasks that listen.
class MemoryShared final : public cache::Shared {
 public:
  Task<std::optional<std::string>> get(std::string_view key) override;
  Task<> set(std::string_view key, std::string_view value,
             std::chrono::milliseconds time_to_live) override;
  Task<> remove(std::span<const std::string> keys) override;
  Task<> announce(std::span<const std::string> keys) override;
  Task<> listen(Function<void(std::string_view key)> changed, Function<void()> missed) override;

  /// Everything but `listen` fails with `unavailable` until it is told otherwise.
  void break_down(bool broken) { broken_ = broken; }
  /// Announcements reach nobody until it is told otherwise, when all listeners are told so.
  void cut_listeners(bool cut);
  /// Those that were announced, to nobody too.
  std::size_t announced() const { return announced_; }

 private:
  struct Listener {
    LoopRemote loop;
    Function<void(std::string_view key)> changed;
    Function<void()> missed;
    bool listening = true;  // its loop's thread
  };
  struct Kept {
    std::string value;
    Clock::time_point until;
  };
  Result<> usable() const;
  std::vector<std::shared_ptr<Listener>> listeners();

  std::atomic<bool> broken_{false};
  std::atomic<bool> cut_{false};
  std::atomic<std::size_t> announced_{0};
  std::mutex mutex_;
  std::map<std::string, Kept, std::less<>> kept_;
  std::vector<std::weak_ptr<Listener>> listeners_;
};

}  // namespace kit::testing
