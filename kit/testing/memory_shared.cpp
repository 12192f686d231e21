// SPDX-License-Identifier: Apache-2.0
#include "kit/testing/memory_shared.hpp"

#include <algorithm>
#include <utility>

#include "kit/async/operation.hpp"

namespace kit::testing {

Result<> MemoryShared::usable() const {
  if (!broken_) return {};
  return Error(Code::unavailable, "the shared cache is broken");
}

Task<std::optional<std::string>> MemoryShared::get(std::string_view key) {
  co_await usable();
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(key);
  if (found == kept_.end() || found->second.until <= Loop::current().now()) co_return std::nullopt;
  co_return found->second.value;
}

Task<> MemoryShared::set(std::string_view key, std::string_view value,
                         std::chrono::milliseconds time_to_live) {
  co_await usable();
  const std::lock_guard lock(mutex_);
  kept_[std::string(key)] = {std::string(value), Loop::current().now() + time_to_live};
}

Task<> MemoryShared::remove(std::span<const std::string> keys) {
  co_await usable();
  const std::lock_guard lock(mutex_);
  for (const std::string& key : keys) kept_.erase(key);
}

std::vector<std::shared_ptr<MemoryShared::Listener>> MemoryShared::listeners() {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Listener>> all;
  std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
  for (const auto& listener : listeners_) {
    if (auto held = listener.lock()) all.push_back(std::move(held));
  }
  return all;
}

Task<> MemoryShared::announce(std::span<const std::string> keys) {
  co_await usable();
  announced_ += keys.size();
  if (cut_) co_return;
  for (const auto& listener : listeners()) {
    Function<void()> tell = [listener, told = std::vector(keys.begin(), keys.end())] {
      for (const std::string& key : told) {
        if (listener->listening) listener->changed(key);
      }
    };
    (void)listener->loop.post(std::move(tell));  // false: its loop has ended
  }
}

void MemoryShared::cut_listeners(bool cut) {
  cut_ = cut;
  if (cut) return;
  for (const auto& listener : listeners()) {
    Function<void()> tell = [listener] {
      if (listener->listening) listener->missed();
    };
    (void)listener->loop.post(std::move(tell));
  }
}

Task<> MemoryShared::listen(Function<void(std::string_view key)> changed, Function<void()> missed) {
  struct Ends {
    std::shared_ptr<Listener> listener;
    ~Ends() { listener->listening = false; }
  };
  const Ends ends{
      std::make_shared<Listener>(Loop::current().remote(), std::move(changed), std::move(missed))};
  {
    const std::lock_guard lock(mutex_);
    listeners_.push_back(ends.listener);
  }
  while (true) {
    Sleep sleep(std::chrono::hours(1));
    co_await sleep;
  }
}

}  // namespace kit::testing
