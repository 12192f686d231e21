// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/subscription.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/adapters/redis/detail/errors.hpp"

namespace kit::redis::detail {
namespace {

constexpr std::size_t most_at_once = 256;

/// One connection of a subscription.
class Listener {
 public:
  Listener(Link& link, Listening& listening, const RedisOptions& options)
      : link_(link), listening_(listening), options_(options) {}

  bool was_ready() const { return is_ready_; }

  /// Ends with an error only.
  Task<> receive(bool is_first) {
    co_await ask();
    for (;;) {
      Task<Reply> reading = link_.read();
      Task<Reply> limited = within(options_.keep_alive, "REDIS_QUIET", std::move(reading));
      auto reply = co_await as_result(std::move(limited));
      if (reply.ok()) {
        is_asked_ = false;
        co_await take(*reply, is_first);
        // A fast publisher does not take the loop from others.
        if (++taken_ % most_at_once == 0) co_await sleep_for(Clock::duration::zero());
      } else if (reply.error().reason() != "REDIS_QUIET" || is_asked_) {
        co_await std::move(reply).error();
      } else {
        is_asked_ = true;
        co_await ping();
      }
    }
  }

 private:
  Task<> send(std::vector<std::string_view> words, const std::vector<std::string>& names) {
    words.insert(words.end(), names.begin(), names.end());
    std::string bytes;
    write_command(bytes, words);
    return link_.write(std::move(bytes));
  }

  Task<> ping() {
    std::vector<std::string_view> words = {"PING"};
    const std::vector<std::string> no_names;
    co_await send(std::move(words), no_names);
  }

  Task<> ask() {
    unconfirmed_ = listening_.channels.size() + listening_.patterns.size();
    std::vector<std::string_view> words = {"SUBSCRIBE"};
    if (!listening_.channels.empty()) co_await send(words, listening_.channels);
    words = {"PSUBSCRIBE"};
    if (!listening_.patterns.empty()) co_await send(words, listening_.patterns);
  }

  Result<> take(const Reply& reply, bool is_first) {
    if (reply.is_error()) return reply.to_error();
    const std::vector<Reply>& items = reply.items();
    if (items.empty()) return {};  // PONG
    const std::string& kind = items[0].bytes();
    if (kind == "message" && items.size() == 3) {
      listening_.subscriber.on_message(items[1].bytes(), items[2].bytes());
    } else if (kind == "pmessage" && items.size() == 4) {
      listening_.subscriber.on_message(items[2].bytes(), items[3].bytes());
    } else if (kind == "subscribe" || kind == "psubscribe") {
      confirm(is_first);
    } else if (kind == "unsubscribe" || kind == "punsubscribe") {
      return Error(Code::unavailable, "the server ended the subscription")
          .with_reason("CONNECTION_LOST");
    }
    return {};
  }

  void confirm(bool is_first) {
    if (is_ready_ || --unconfirmed_ > 0) return;
    is_ready_ = true;
    Subscriber& subscriber = listening_.subscriber;
    if (!is_first && subscriber.on_missed) subscriber.on_missed();
    if (subscriber.on_ready) subscriber.on_ready();
  }

  Link& link_;
  Listening& listening_;
  const RedisOptions& options_;
  std::size_t unconfirmed_ = 0;
  std::size_t taken_ = 0;
  bool is_ready_ = false;
  bool is_asked_ = false;  // whether it is still there
};

bool can_mend(const Error& why) {
  constexpr std::array mending = {Code::unavailable, Code::resource_exhausted, Code::unknown};
  return std::ranges::find(mending, why.code()) != mending.end();
}

/// One connection, from connecting to its end; whether every channel was confirmed on it.
Task<bool> listen_once(Listening& listening, const RedisOptions& options, bool is_first,
                       std::optional<Error>& why) {
  Task<Line> opening = listening.open();
  auto line = co_await as_result(std::move(opening));
  if (!line.ok()) {
    why.emplace(std::move(line).error());
    co_return false;
  }
  Listener listener(line->link(), listening, options);
  Task<> receiving = listener.receive(is_first);
  auto ended = co_await as_result(std::move(receiving));
  why.emplace(std::move(ended).error());
  co_return listener.was_ready();
}

}  // namespace

Task<> listen(std::shared_ptr<Thread> thread, Listening listening) {
  const std::shared_ptr<Shared> shared = thread->shared();
  const RedisOptions& options = shared->options;
  Clock::duration backoff = options.first_backoff;
  bool is_first = true;
  for (;;) {
    std::optional<Error> why;
    Task<bool> once = listen_once(listening, options, is_first, why);
    const bool was_ready = co_await std::move(once);
    if (!can_mend(*why)) co_await std::move(*why);
    if (was_ready) {
      is_first = false;
      backoff = options.first_backoff;
      if (listening.subscriber.on_missed) listening.subscriber.on_missed();
    }
    co_await sleep_for(thread->jittered(backoff));
    backoff = std::min<Clock::duration>(backoff * 2, options.longest_backoff);
  }
}

}  // namespace kit::redis::detail
