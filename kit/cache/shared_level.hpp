// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/time.hpp"
#include "kit/cache/local_store.hpp"
#include "kit/cache/shared.hpp"

namespace kit {
class TaskGroup;  // kit/async/task_group.hpp
}

namespace kit::cache {

struct SharedLevelOptions {
  std::string scope;  ///< What keys begin with in the shared cache: "prices:"
  std::chrono::milliseconds time_to_live = std::chrono::minutes(5);
  /// Of what is known to be absent; 0: that is not shared.
  std::chrono::milliseconds negative_time_to_live{0};
  /// Whoever asks waits no longer for the shared cache; without its answer they load.
  std::chrono::milliseconds call_limit{100};
  /// So long after it was put there a value is taken out again when a change of its key is heard:
  /// it may have been read before the change, and put there after it.
  std::chrono::milliseconds settle_time{10'000};
};

/// What `TwoLevelCache` does without knowing its types: texts in a `Shared` under a `LocalStore`,
/// and what instances tell each other. Thread safety: any thread that runs a loop. Lifetime:
/// `shared` and `local` outlive it, and it the tasks that use it.
class SharedLevel {
 public:
  using Options = SharedLevelOptions;
  SharedLevel(Shared& shared, LocalStore& local, Options options);

  /// The text under a key; empty: known to be absent. Nothing where there is none or it can't be
  /// asked.
  Task<std::optional<std::string>> get(std::string key);
  /// Shares what was loaded, if the local store still has `value` under the key: otherwise it was
  /// invalidated since. Never fails.
  Task<> put(std::string key, LocalStore::Value value, std::string text);
  /// Takes a key out of both levels and tells all instances. Fails as `Shared` does: others may
  /// give the old value until its time is over then.
  Task<> invalidate(std::string key);
  /// Hears what other instances invalidate, until it is cancelled or listening fails for good.
  Task<> follow();

 private:
  struct Put {
    Clock::time_point at;
    bool is_under_way = true;
    bool is_wrong = false;  // a change of the key was heard meanwhile
  };
  void heard(std::string_view key, TaskGroup* group);
  bool is_recent_put(std::string_view key);
  bool begin_put(const std::string& key);
  bool end_put(const std::string& key);
  Task<> take_out(std::string key);

  Shared& shared_;
  LocalStore& local_;
  const Options options_;
  std::mutex mutex_;
  std::map<std::string, Put, std::less<>> puts_;  // by shared key
};

}  // namespace kit::cache
