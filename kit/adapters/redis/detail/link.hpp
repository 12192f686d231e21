// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/adapters/redis/detail/resp.hpp"
#include "kit/adapters/redis/detail/shared.hpp"
#include "kit/async/operation.hpp"
#include "kit/net/async_stream.hpp"

namespace kit::redis::detail {

/// Runs `task` for at most `limit`; past that it fails with `unavailable` (`reason`), unless the
/// caller's own deadline is over.
template <class T>
Task<T> within(Clock::duration limit, std::string_view reason, Task<T> task) {
  const bool is_own = limit < Context::current_deadline() - Loop::current().now();
  Task<T> running = with_deadline(limit, std::move(task));
  Result<T> result = co_await as_result(std::move(running));
  if (!result.ok() && is_own && result.error().code() == Code::deadline_exceeded) {
    co_return Error(Code::unavailable, "no answer in time").with_reason(std::string(reason));
  }
  co_return result;
}

/// How long an answer may take of a command that waits on the server.
Clock::duration answer_limit(const RedisOptions& options, std::chrono::milliseconds server_wait);

/// A connection that one task at a time uses. Thread safety: its loop's thread.
class Link {
 public:
  Link(std::unique_ptr<net::Stream> stream, std::shared_ptr<Shared> shared);

  /// Sends `bytes` and reads `count` replies; pushes between are skipped. Fails with `unavailable`
  /// (REDIS_TIMEOUT) when no answer comes within `limit`, and after a failure with
  /// REDIS_SESSION_LOST.
  Task<std::vector<Reply>> exchange(std::string bytes, std::size_t count, Clock::duration limit);
  /// One command. An error of the server is a reply.
  Task<Reply> call(std::span<const std::string_view> words, Clock::duration limit);
  Task<> write(std::string bytes);
  /// The next value, pushes too.
  Task<Reply> read();

  /// Whether every reply was read, so that another task can use it.
  bool is_clean() const { return is_clean_ && !parser_.is_inside() && unread_.empty(); }
  /// The server has closed it, or sent something that nobody asked for.
  bool is_stale() { return stream_.stale(); }
  /// For a `Pipe`. Precondition: clean.
  std::unique_ptr<net::Stream> release() { return stream_.release(); }
  std::unique_ptr<OpenConnection> release_count() { return std::move(counted_); }

  Clock::time_point used_at{};

 private:
  Task<std::vector<Reply>> exchange_now(std::string bytes, std::size_t count);

  std::unique_ptr<OpenConnection> counted_;
  net::AsyncStream stream_;
  RespParser parser_;
  std::string buffer_;
  std::string_view unread_;  // of `buffer_`
  bool is_clean_ = true;
};

}  // namespace kit::redis::detail
