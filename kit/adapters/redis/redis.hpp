// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/adapters/redis/options.hpp"
#include "kit/adapters/redis/reply.hpp"
#include "kit/adapters/redis/script.hpp"
#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/base/result.hpp"

namespace kit::redis {

/// A command and its arguments: {"SET", "key", "value"}.
using Command = std::span<const std::string_view>;

/// Of one client, all its threads together, since it was opened.
struct RedisStats {
  std::uint64_t commands = 0;    ///< Answered, with an error of the server too.
  std::uint64_t errors = 0;      ///< Answered with an error of the server.
  std::uint64_t lost = 0;        ///< Not answered: the connection was lost or there was none.
  std::uint64_t abandoned = 0;   ///< Whose task had ended before the answer came.
  std::uint64_t latency_us = 0;  ///< Of the answered, together.
  std::uint64_t repeated = 0;    ///< Reads that were sent again on another connection.
  std::uint64_t redirected = 0;  ///< Sent to another node of the cluster.
  std::uint64_t refreshes = 0;   ///< Of what is known of the cluster.
  std::uint64_t opened = 0;      ///< Connections, of every kind.
  std::uint64_t closed = 0;
  std::uint64_t failed_connects = 0;
  std::uint64_t refused = 0;    ///< Tasks: too many waited, or too long.
  std::uint64_t in_use = 0;     ///< Connections that one task has to itself, now.
  std::uint64_t in_flight = 0;  ///< Commands that wait for an answer or to be sent, now.
};

struct SetOptions {
  std::chrono::milliseconds time_to_live{0};  ///< 0: for ever.
  enum class Only : std::uint8_t { always, if_missing, if_present };
  Only only = Only::always;
};

struct CommandOptions {
  /// Cluster: the key that says which node, for commands that this client does not know the keys
  /// of.
  std::optional<std::string_view> key{};
};

namespace detail {
class Lease;
class Engine;
}  // namespace detail

/// A connection that a task has to itself, for what is of one connection: MULTI, WATCH. It goes
/// back when this ends; is closed instead when it may be in a state. After a failure of anything
/// but the server it is of no use (REDIS_SESSION_LOST). Thread safety: one task at a time.
/// Lifetime: the client's.
class Session {
 public:
  explicit Session(std::unique_ptr<detail::Lease> lease);
  Session(Session&& other) noexcept;
  Session& operator=(Session&& other) noexcept;
  ~Session();

  /// `server_wait`: how long the command may block on the server (BLPOP), max(): for ever. Fails as
  /// `Client::command`; an error of the server is an error. Never sent again. Lifetime: `words`
  /// until the task has ended. Cancellation: closes the connection; the command may have been done.
  Task<Reply> command(Command words, std::chrono::milliseconds server_wait = {});
  /// All in one write. An error of the server is a reply.
  Task<std::vector<Reply>> pipeline(std::span<const Command> commands);
  /// MULTI, `commands`, EXEC in one write; what EXEC answered, or nothing when a key changed since
  /// WATCH. Fails with `aborted` (REDIS_EXECABORT) when the server refused one: none was done.
  Task<std::optional<std::vector<Reply>>> transaction(std::span<const Command> commands);

 private:
  Task<std::vector<Reply>> exchange(std::span<const Command> commands,
                                    std::chrono::milliseconds server_wait);

  std::unique_ptr<detail::Lease> lease_;
};

/// What a subscription tells. Both are called on the thread that subscribed, and must not wait.
struct Subscriber {
  Function<void(std::string_view channel, std::string_view message)> on_message{};
  /// Messages may have been lost: the connection was, or has been made again.
  Function<void()> on_missed{};
  /// The server has confirmed every channel, first and after each loss; may be empty.
  Function<void()> on_ready{};
};

/// A Redis server, those that Sentinels name, or a cluster. Tasks of a thread share connections;
/// their commands are sent together, once a turn of the loop. Errors of the server are errors of
/// the task: WRONGTYPE `failed_precondition`, OOM `resource_exhausted`, NOAUTH `unauthenticated`,
/// NOPERM `permission_denied`, LOADING, READONLY, CLUSTERDOWN and lost connections `unavailable`;
/// the reason is REDIS_ and the server's word. A command that may have been sent is sent again only
/// when it changes nothing (GET, MGET, HGETALL, LRANGE, XRANGE ...: `is_read`).
/// Thread safety: any thread that runs a loop. Lifetime: longer than its tasks, sessions and
/// scripts' runs; arguments until the task has ended. Cancellation: a command that was sent is done
/// anyway, its answer is skipped.
class Client {
 public:
  explicit Client(std::unique_ptr<detail::Engine> engine);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// One command. Fails as above, and with `failed_precondition` (REDIS_NOT_SHARED) for what
  /// belongs on a connection of its own: blocking commands, MULTI, SUBSCRIBE. In a cluster MGET,
  /// DEL, UNLINK, EXISTS and TOUCH may have keys of several nodes and are then not atomic; for
  /// others that fails with `invalid_argument` (REDIS_CROSSSLOT).
  Task<Reply> command(Command words, CommandOptions options = {});
  /// Sends all without waiting for answers between; those of one key stay in order. An error of the
  /// server is a reply; fails when answers were lost, and any may have been done then.
  Task<std::vector<Reply>> pipeline(std::span<const Command> commands);
  /// A command that waits on the server for up to `server_wait` (max(): for ever), on a connection
  /// of its own. Cancellation: closes it; what the server took meanwhile may be lost (BLPOP).
  Task<Reply> blocking(Command words, std::chrono::milliseconds server_wait);
  /// All or nothing: MULTI, `commands`, EXEC. In a cluster all keys are of one slot.
  Task<std::vector<Reply>> transaction(std::span<const Command> commands);
  /// Fails with `resource_exhausted` when none is free within `queue_limit`. `key`: whose node.
  Task<Session> session(std::string_view key = {});
  /// By its hash; the text is sent when the server does not know it. In a cluster all keys are of
  /// one slot.
  Task<Reply> run(const Script& script, std::span<const std::string_view> keys,
                  std::span<const std::string_view> arguments);
  /// Calls `subscriber` until it is cancelled; `patterns` as PSUBSCRIBE has them. Connects again by
  /// itself. Fails only with what trying again does not mend: `unauthenticated`,
  /// `permission_denied`, `invalid_argument`.
  Task<> subscribe(std::vector<std::string> channels, std::vector<std::string> patterns,
                   Subscriber subscriber);

  Task<std::optional<std::string>> get(std::string_view key);
  /// False: it was not set because of `only`.
  Task<bool> set(std::string_view key, std::string_view value, SetOptions options = {});
  /// How many there were.
  Task<std::int64_t> del(std::span<const std::string> keys);
  Task<bool> exists(std::string_view key);
  Task<std::int64_t> incr(std::string_view key, std::int64_t by = 1);
  /// False: there is no such key.
  Task<bool> expire(std::string_view key, std::chrono::milliseconds time_to_live);
  /// Nothing: there is no such key. max(): it has no end.
  Task<std::optional<std::chrono::milliseconds>> time_to_live(std::string_view key);
  Task<std::vector<std::optional<std::string>>> mget(std::span<const std::string> keys);
  Task<std::optional<std::string>> hget(std::string_view key, std::string_view field);
  /// How many fields are new.
  Task<std::int64_t> hset(std::string_view key,
                          std::span<const std::pair<std::string, std::string>> fields);
  Task<std::int64_t> hdel(std::string_view key, std::span<const std::string> fields);
  Task<std::vector<std::pair<std::string, std::string>>> hgetall(std::string_view key);
  /// How many received it; in a cluster those on the node that was asked.
  Task<std::int64_t> publish(std::string_view channel, std::string_view message);

  /// Thread safety: any thread.
  RedisStats stats() const;
  /// "redis1:6379/0", for messages and metrics; nothing secret.
  const std::string& name() const;

 private:
  std::unique_ptr<detail::Engine> engine_;
};

/// Does not connect yet: a server that is down is an error of the commands, not of the start. Fails
/// with `invalid_argument` for a DSN or options that can't be right, and for TLS files as
/// `net::TlsContext`; no message shows a password.
Result<std::unique_ptr<Client>> open(RedisOptions options);

/// Whether a command changes nothing, so that it may be sent twice.
bool is_read(Command words);

}  // namespace kit::redis
