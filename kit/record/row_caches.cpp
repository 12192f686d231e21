// SPDX-License-Identifier: Apache-2.0
#include "kit/record/row_caches.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"
#include "kit/log/log.hpp"
#include "kit/record/detail/watched_database.hpp"
#include "kit/record/row_cache.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::record {
namespace {

log::Module cache_log{"record.cache"};

/// Texts of statements that are kept with their effects; others are read anew each time.
constexpr std::size_t most_statements = 1'000;
/// Changes that could not be announced; more become "everything of the table".
constexpr std::size_t most_unannounced = 10'000;
/// An answer waits no longer for others to be told.
constexpr std::chrono::milliseconds announce_limit{250};
constexpr std::chrono::seconds again_interval{1};
constexpr std::chrono::milliseconds last_pause{100};
constexpr std::string_view all_rows = "*";

}  // namespace

std::size_t row_bytes(std::span<const db::Parameter> values) {
  std::size_t bytes = 0;
  for (const db::Parameter& value : values) {
    if (const auto* const text = std::get_if<std::string_view>(&value)) bytes += text->size();
    if (const auto* const blob = std::get_if<db::Blob>(&value)) bytes += blob->bytes.size();
  }
  return bytes;
}

RowCaches::RowCaches(db::Database& inner, std::string_view scope,
                     std::span<const CachedTable> tables)
    : scope_(scope), tables_(tables) {
  for (const CachedTable& table : tables) {
    cache::LocalOptions options;
    options.max_entries = table.max_rows;
    options.time_to_live = table.time_to_live;
    options.negative_time_to_live = table.negative_time_to_live;
    stores_.push_back(std::make_unique<cache::LocalStore>(options));
  }
  database_ = std::make_unique<WatchedDatabase>(inner, *this);
}

RowCaches::~RowCaches() = default;

db::Database& RowCaches::database() {
  return *database_;
}

void RowCaches::clear() {
  for (const auto& store : stores_) store->clear();
}

RowCaches::Effects RowCaches::effects(std::string_view sql) {
  const std::lock_guard lock(mutex_);
  if (const auto found = statements_.find(sql); found != statements_.end()) return found->second;
  Effects made = std::make_shared<const std::vector<Effect>>(effects_of(sql, tables_));
  if (statements_.size() < most_statements) statements_.emplace(std::string(sql), made);
  return made;
}

/// "store:customers:42", "store:customers:*"
std::string RowCaches::announced(std::size_t table, std::string_view key) const {
  std::string text = scope_;
  text.append(":").append(tables_[table].table).append(":").append(key);
  return text;
}

void RowCaches::forget_announced(std::string_view announced) {
  if (!announced.starts_with(scope_ + ":")) return;  // another service's
  announced.remove_prefix(scope_.size() + 1);
  const std::size_t colon = announced.find(':');
  const auto table = std::ranges::find(tables_, announced.substr(0, colon), &CachedTable::table);
  if (colon == std::string_view::npos || table == tables_.end()) return;  // a newer version's
  cache::LocalStore& store = *stores_[static_cast<std::size_t>(table - tables_.begin())];
  const std::string_view key = announced.substr(colon + 1);
  key == all_rows ? store.clear() : store.invalidate(key);
}

void RowCaches::keep_for_later(std::vector<std::string> keys) {
  const std::lock_guard lock(mutex_);
  for (std::string& key : keys) unannounced_.insert(std::move(key));
  if (unannounced_.size() <= most_unannounced) return;
  unannounced_.clear();
  for (std::size_t i = 0; i < tables_.size(); ++i) unannounced_.insert(announced(i, all_rows));
}

Task<> RowCaches::announce(std::vector<std::string> keys) {
  cache::Shared* const shared = shared_.load();
  if (shared == nullptr || keys.empty()) co_return;
  // What is announced by a task that is dropped meanwhile may not have been.
  keep_for_later(keys);
  {
    const std::lock_guard lock(mutex_);
    if (Loop::current().now() < announces_again_from_) co_return;
  }
  Task<> announcing = shared->announce(keys);
  Task<> limited = with_deadline(Clock::duration(announce_limit), std::move(announcing));
  const Result<> done = co_await as_result(std::move(limited));
  if (!done) {
    log::debug(cache_log, "a change could not be announced yet", {{"error", done.error()}});
    const std::lock_guard lock(mutex_);
    announces_again_from_ = Loop::current().now() + again_interval;
    co_return;
  }
  const std::lock_guard lock(mutex_);
  for (const std::string& key : keys) {
    if (const auto found = unannounced_.find(key); found != unannounced_.end()) {
      unannounced_.erase(found);
    }
  }
}

/// Tells what is not told yet, once.
Task<> RowCaches::announce_waiting(cache::Shared& shared) {
  std::vector<std::string> keys;
  {
    const std::lock_guard lock(mutex_);
    keys.assign(unannounced_.begin(), unannounced_.end());
    unannounced_.clear();
  }
  if (keys.empty()) co_return;
  Task<> announcing = shared.announce(keys);
  Task<> limited = with_deadline(Clock::duration(again_interval), std::move(announcing));
  Result<> done = co_await as_result(std::move(limited));
  if (!done) keep_for_later(std::move(keys));
  co_await std::move(done);
}

Task<> RowCaches::announce_again(cache::Shared& shared) {
  bool was_told = false;
  while (true) {
    Sleep sleep(again_interval);
    co_await sleep;
    Task<> telling = announce_waiting(shared);
    const Result<> done = co_await as_result(std::move(telling));
    if (!done && !was_told) {
      log::warn(cache_log, "changes can't be announced to other instances; trying again",
                {{"error", done.error()}});
    }
    was_told = !done.ok();
  }
}

/// Whoever stops says what it has not said yet.
Task<> RowCaches::announce_last(cache::Shared& shared, Clock::duration limit) {
  const Clock::time_point end = Loop::current().now() + limit;
  while (true) {
    Task<> telling = announce_waiting(shared);
    const Result<> told = co_await as_result(std::move(telling));
    if (told) co_return;
    if (Loop::current().now() + last_pause >= end) co_await told.error().clone();
    Sleep sleep(last_pause);
    co_await sleep;
  }
}

/// How old a row may be that nobody says has changed.
std::chrono::milliseconds RowCaches::oldest() const {
  std::chrono::milliseconds age{0};
  for (const CachedTable& table : tables_)
    age = std::max({age, table.time_to_live, table.negative_time_to_live});
  return age;
}

Task<> RowCaches::listen(cache::Shared& shared) {
  while (true) {
    auto changed = [this](std::string_view key) { forget_announced(key); };
    auto missed = [this] { clear(); };
    Task<> listening = shared.listen(changed, missed);
    const Result<> ended = co_await as_result(std::move(listening));
    // What was announced meanwhile is not known.
    clear();
    const Context* const context = Context::current();
    if (context != nullptr && context->cancelled()) co_await context->why().clone();
    log::error(cache_log, "changes of other instances are not heard; trying again",
               {{"error", ended ? std::string("the listener ended") : ended.error().describe()}});
    Sleep sleep(again_interval);
    co_await sleep;
  }
}

Task<> RowCaches::follow(cache::Shared& shared, Clock::duration last_words) {
  shared_.store(&shared);
  clear();
  TaskGroup group("row caches");
  group.spawn("listen", listen(shared));
  group.spawn("announce", announce_again(shared));
  Task<> joining = group.join();
  const Result<> ended = co_await as_result(std::move(joining));
  shared_.store(nullptr);
  Context outside{Context::Detached{}};
  Context::Scope scope(outside);
  Task<> telling = announce_last(shared, last_words);
  const Result<> told = co_await as_result(std::move(telling));
  scope.leave();
  if (!told) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(oldest());
    log::warn(cache_log,
              "the last changes were not announced: others have old rows, for as long as the "
              "schema's cache: says at most",
              {{"at_most_s", seconds.count()}, {"error", told.error()}});
  }
  if (!ended) co_await ended.error().clone();
}

void RowCaches::add_metrics(telemetry::Registry& registry) const {
  const auto add = [&](std::string_view name, std::string_view help,
                       std::uint64_t cache::LocalFigures::* figure) {
    registry.add_readings(name, help, {"table"}, [this, figure] {
      std::vector<telemetry::Reading> readings;
      for (std::size_t i = 0; i < tables_.size(); ++i) {
        const cache::LocalFigures figures = stores_[i]->figures();
        readings.push_back({{std::string(tables_[i].table)}, static_cast<double>(figures.*figure)});
      }
      return readings;
    });
  };
  using cache::LocalFigures;
  add("row_cache_hits_total", "Rows, or that there is none, found in the cache.",
      &LocalFigures::hits);
  add("row_cache_misses_total", "Rows looked for in the cache that were not there.",
      &LocalFigures::misses);
  add("row_cache_loads_total", "Rows read from the database for the cache.", &LocalFigures::loads);
  add("row_cache_load_failures_total", "Such reads that failed.", &LocalFigures::failures);
  add("row_cache_discarded_total", "Rows read that changed meanwhile and were not kept.",
      &LocalFigures::discarded);
  add("row_cache_evictions_total", "Rows that went for want of room.", &LocalFigures::evictions);
  add("row_cache_invalidations_total", "Rows told to have changed.", &LocalFigures::invalidations);
  add("row_cache_rows", "Rows in the cache.", &LocalFigures::entries);
  add("row_cache_bytes", "Room that they take.", &LocalFigures::bytes);
}

}  // namespace kit::record
