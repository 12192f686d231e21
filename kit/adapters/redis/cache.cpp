// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/cache.hpp"

#include <array>
#include <utility>
#include <vector>

namespace kit::redis {
namespace {

class RedisCache final : public cache::Shared {
 public:
  RedisCache(Client& client, CacheOptions options) : client_(client), options_(std::move(options)) {
    if (options_.channel.empty()) options_.channel = options_.prefix + "changed";
  }

  Task<std::optional<std::string>> get(std::string_view key) override {
    const std::string whole = options_.prefix + std::string(key);
    std::optional<std::string> value = co_await client_.get(whole);
    co_return std::move(value);
  }

  Task<> set(std::string_view key, std::string_view value,
             std::chrono::milliseconds time_to_live) override {
    const std::string whole = options_.prefix + std::string(key);
    // 0 would mean for ever; and what was there before is old in any case.
    if (time_to_live.count() <= 0 || value.size() > options_.largest_value) {
      const std::array<std::string_view, 2> words = {"DEL", whole};
      co_await client_.command(words);
      co_return;
    }
    SetOptions how;
    how.time_to_live = time_to_live;
    co_await client_.set(whole, value, how);
  }

  Task<> remove(std::span<const std::string> keys) override {
    std::vector<std::string> whole;
    whole.reserve(keys.size());
    for (const std::string& key : keys) whole.push_back(options_.prefix + key);
    co_await client_.del(whole);
  }

  Task<> announce(std::span<const std::string> keys) override {
    if (keys.empty()) co_return;
    std::vector<std::array<std::string_view, 3>> lines;
    lines.reserve(keys.size());
    for (const std::string& key : keys) lines.push_back({"PUBLISH", options_.channel, key});
    const std::vector<Command> commands(lines.begin(), lines.end());
    const std::vector<Reply> replies = co_await client_.pipeline(commands);
    for (const Reply& reply : replies) {
      if (reply.is_error()) co_await reply.to_error();
    }
  }

  Task<> listen(Function<void(std::string_view key)> changed, Function<void()> missed) override {
    Subscriber subscriber;
    subscriber.on_message = [&changed](std::string_view, std::string_view key) { changed(key); };
    // Between the first wait and the confirmation too.
    subscriber.on_ready = [&missed] { missed(); };
    subscriber.on_missed = [&missed] { missed(); };
    std::vector<std::string> channels = {options_.channel};
    Task<> listening = client_.subscribe(std::move(channels), {}, std::move(subscriber));
    co_await std::move(listening);
  }

 private:
  Client& client_;
  CacheOptions options_;
};

}  // namespace

std::unique_ptr<cache::Shared> make_cache(Client& client, CacheOptions options) {
  return std::make_unique<RedisCache>(client, std::move(options));
}

}  // namespace kit::redis
