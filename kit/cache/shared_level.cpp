// SPDX-License-Identifier: Apache-2.0
#include "kit/cache/shared_level.hpp"

#include <array>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"

namespace kit::cache {
namespace {

/// In front of a text in the shared cache.
constexpr char present = '+';
constexpr char absent = '-';
/// Puts that are remembered; more are not done.
constexpr std::size_t most_puts = 10'000;

}  // namespace

SharedLevel::SharedLevel(Shared& shared, LocalStore& local, Options options)
    : shared_(shared), local_(local), options_(std::move(options)) {}

Task<std::optional<std::string>> SharedLevel::get(std::string key) {
  const std::string place = options_.scope + key;
  Task<std::optional<std::string>> asking = shared_.get(place);
  Task<std::optional<std::string>> limited =
      with_deadline(Clock::duration(options_.call_limit), std::move(asking));
  Result<std::optional<std::string>> got = co_await as_result(std::move(limited));
  if (!got || !*got || (*got)->empty()) co_return std::nullopt;
  std::string text = std::move(**got);
  if (text[0] == absent) co_return std::string();
  // Something that another program left there.
  if (text[0] != present || text.size() == 1) co_return std::nullopt;
  text.erase(0, 1);
  co_return std::optional<std::string>(std::move(text));
}

/// False: too many are remembered.
bool SharedLevel::begin_put(const std::string& key) {
  const Clock::time_point now = Loop::current().now();
  const std::lock_guard lock(mutex_);
  if (puts_.size() >= most_puts) {
    std::erase_if(puts_, [&](const auto& put) {
      return !put.second.is_under_way && now - put.second.at > options_.settle_time;
    });
  }
  if (puts_.size() >= most_puts) return false;
  puts_[key] = Put{now};
  return true;
}

/// Whether it has to be undone.
bool SharedLevel::end_put(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = puts_.find(key);
  if (found == puts_.end()) return true;
  found->second.is_under_way = false;
  if (!found->second.is_wrong) return false;
  puts_.erase(found);
  return true;
}

Task<> SharedLevel::put(std::string key, LocalStore::Value value, std::string text) {
  const std::chrono::milliseconds time =
      value != nullptr ? options_.time_to_live : options_.negative_time_to_live;
  if (time.count() <= 0) co_return;
  const std::string place = options_.scope + key;
  // In this order: a change that is heard from here on finds it, one before is seen below.
  if (!begin_put(place)) co_return;
  const std::optional<LocalStore::Value> kept = local_.find(key, Loop::current().now());
  if (kept && *kept == value) {
    text.insert(0, 1, value != nullptr ? present : absent);
    Task<> putting = shared_.set(place, text, time);
    Task<> limited = with_deadline(Clock::duration(options_.call_limit), std::move(putting));
    // A value that is not shared is loaded by others too, and that is all.
    (void)co_await as_result(std::move(limited));
  }
  if (end_put(place)) {
    Task<> undoing = take_out(place);
    co_await std::move(undoing);
  }
}

/// Takes out what was put there too late, and tells those who may have read it. Never fails.
Task<> SharedLevel::take_out(std::string key) {
  const std::array<std::string, 1> keys = {std::move(key)};
  (void)co_await as_result(shared_.remove(keys));
  (void)co_await as_result(shared_.announce(keys));
}

Task<> SharedLevel::invalidate(std::string key) {
  local_.invalidate(key);
  const std::array<std::string, 1> keys = {options_.scope + key};
  co_await shared_.remove(keys);
  co_await shared_.announce(keys);
}

void SharedLevel::heard(std::string_view key, TaskGroup* group) {
  if (!key.starts_with(options_.scope)) return;
  local_.invalidate(key.substr(options_.scope.size()));
  if (is_recent_put(key)) group->spawn(take_out(std::string(key)));
}

/// One that is under way takes out by itself what it put there.
bool SharedLevel::is_recent_put(std::string_view key) {
  const std::lock_guard lock(mutex_);
  const auto found = puts_.find(key);
  if (found == puts_.end()) return false;
  if (found->second.is_under_way) {
    found->second.is_wrong = true;
    return false;
  }
  const bool is_recent = Loop::current().now() - found->second.at <= options_.settle_time;
  puts_.erase(found);
  return is_recent;
}

Task<> SharedLevel::follow() {
  local_.clear();
  TaskGroup group("shared level");
  auto changed = [&](std::string_view key) { heard(key, &group); };
  auto missed = [&] { local_.clear(); };
  Task<> listening = shared_.listen(changed, missed);
  Result<> ended = co_await as_result(std::move(listening));
  local_.clear();
  Task<> joining = group.join();
  (void)co_await as_result(std::move(joining));
  co_await std::move(ended);
}

}  // namespace kit::cache
