// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/link.hpp"

#include <utility>

namespace kit::redis::detail {
namespace {

constexpr std::size_t buffer_size = 16 * 1024;

}  // namespace

Clock::duration answer_limit(const RedisOptions& options, std::chrono::milliseconds server_wait) {
  constexpr auto most = std::chrono::hours(24 * 365);
  if (server_wait > most) return most;
  return options.response_timeout + server_wait;
}

Link::Link(std::unique_ptr<net::Stream> stream, std::shared_ptr<Shared> shared)
    : counted_(std::make_unique<OpenConnection>(shared)),
      stream_(std::move(stream)),
      parser_(shared->options.reply) {}

Task<std::vector<Reply>> Link::exchange(std::string bytes, std::size_t count,
                                        Clock::duration limit) {
  return within(limit, "REDIS_TIMEOUT", exchange_now(std::move(bytes), count));
}

Task<std::vector<Reply>> Link::exchange_now(std::string bytes, std::size_t count) {
  // The next value may be the answer to something else.
  if (!is_clean()) {
    co_return Error(Code::unavailable, "the connection has an answer that was not waited for")
        .with_reason("REDIS_SESSION_LOST");
  }
  is_clean_ = false;
  co_await write(std::move(bytes));
  std::vector<Reply> replies;
  while (replies.size() < count) {
    Reply reply = co_await read();
    if (reply.kind() != Reply::Kind::push) replies.push_back(std::move(reply));
  }
  is_clean_ = true;
  co_return std::move(replies);
}

Task<Reply> Link::call(std::span<const std::string_view> words, Clock::duration limit) {
  std::string bytes;
  write_command(bytes, words);
  std::vector<Reply> replies = co_await exchange(std::move(bytes), 1, limit);
  co_return std::move(replies.front());
}

Task<> Link::write(std::string bytes) {
  co_await stream_.write(bytes);
}

Task<Reply> Link::read() {
  for (;;) {
    std::optional<Reply> reply = co_await parser_.next(unread_);
    if (reply) co_return std::move(*reply);
    buffer_.resize(buffer_size);
    const std::size_t count = co_await stream_.read(buffer_);
    if (count == 0) {
      co_return Error(Code::unavailable, "the server closed the connection")
          .with_reason("CONNECTION_LOST");
    }
    unread_ = std::string_view(buffer_).substr(0, count);
  }
}

}  // namespace kit::redis::detail
