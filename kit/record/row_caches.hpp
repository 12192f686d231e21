// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/time.hpp"
#include "kit/cache/local_store.hpp"
#include "kit/cache/shared.hpp"
#include "kit/db/database.hpp"
#include "kit/record/statement_effects.hpp"

namespace kit::telemetry {
class Registry;  // kit/telemetry/registry.hpp
}

namespace kit::record {

/// The caches of a service's rows, and what keeps them true: a database that notices what is
/// written through it. When a `commit` has ended, or a statement outside a transaction, no row that
/// it changed is in the caches any more, and no read that began before is kept by them: on one
/// instance a read sees every write that was answered before. Other instances are told through
/// `follow`; without it, and for writes past this database, a row is as old as its time to live.
/// Thread safety: any thread that runs a loop. Lifetime: longer than the tasks that use it.
class RowCaches {
 public:
  /// `scope`: the service's name, which its announcements begin with. Lifetime: `inner` and
  /// `tables` outlive this.
  RowCaches(db::Database& inner, std::string_view scope, std::span<const CachedTable> tables);
  ~RowCaches();
  RowCaches(const RowCaches&) = delete;
  RowCaches& operator=(const RowCaches&) = delete;

  /// What repositories work on.
  db::Database& database();
  /// Of the table with this place. Keys are `row_key`s.
  cache::LocalStore& store(std::size_t table) { return *stores_[table]; }
  void clear();

  /// Tells other instances through `shared` what changes here, and hears what changes there, until
  /// it is cancelled. What can't be told is told again, at the end for `last_words` and a second at
  /// most; a warning says for how long others have old rows when that was in vain. Lifetime:
  /// `shared` outlives this object's use.
  Task<> follow(cache::Shared& shared, Clock::duration last_words = std::chrono::seconds(1));

  /// row_cache_hits_total and others, by entity. Lifetime: this outlives the registry's use.
  void add_metrics(telemetry::Registry& registry) const;

 private:
  class WatchedDatabase;
  class Changes;

  using Effects = std::shared_ptr<const std::vector<Effect>>;
  Effects effects(std::string_view sql);
  std::string announced(std::size_t table, std::string_view key) const;
  void forget_announced(std::string_view announced);
  Task<> announce(std::vector<std::string> keys);
  Task<> announce_waiting(cache::Shared& shared);
  Task<> announce_again(cache::Shared& shared);
  Task<> announce_last(cache::Shared& shared, Clock::duration limit);
  std::chrono::milliseconds oldest() const;
  Task<> listen(cache::Shared& shared);
  void keep_for_later(std::vector<std::string> keys);

  const std::string scope_;
  const std::span<const CachedTable> tables_;
  std::vector<std::unique_ptr<cache::LocalStore>> stores_;
  std::unique_ptr<WatchedDatabase> database_;
  std::atomic<cache::Shared*> shared_{nullptr};
  std::mutex mutex_;  // of what is below
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  std::unordered_map<std::string, Effects, Hash, std::equal_to<>> statements_;
  std::multiset<std::string> unannounced_;    // what is on its way, and what has to be told again
  Clock::time_point announces_again_from_{};  // after a failure nobody waits for a while
};

}  // namespace kit::record
