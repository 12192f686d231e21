// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "kit/base/function.hpp"
#include "kit/base/secret.hpp"
#include "kit/net/connector.hpp"

namespace kit::redis {

/// What a reply may be; past that the connection is given up.
struct ReplyLimits {
  std::size_t line = 64 * 1024;              ///< Bytes of a simple string, an error, a number.
  std::size_t bulk = 64 * 1024 * 1024;       ///< Bytes of one string.
  std::size_t elements = 1'000'000;          ///< Values in one reply, all depths together.
  std::size_t depth = 32;                    ///< Arrays and maps inside one another.
  std::size_t whole = 2 * 64 * 1024 * 1024;  ///< Memory of one reply.
};

struct RedisOptions {
  /// `redis://user:password@host:port/0`, `rediss://` for TLS, `redis+cluster://h1:p1,h2:p2`,
  /// `redis+sentinel://s1:p1,s2:p2/name/0`, `redis+unix:///path?db=0`; `rediss+cluster://` and
  /// `rediss+sentinel://` for TLS. Parameters: `sslmode` (`verify-full`, the default of TLS, or
  /// `require`: whoever it is), `ssl-ca` (a file; else the system's), `ssl-cert`, `ssl-key`, `db`,
  /// `client-name`, `protocol` (2 or 3; else 3 where the server has it), `sentinel-user`,
  /// `sentinel-password`.
  Secret<std::string> dsn{};
  /// Connections that all tasks of a thread share to one node. More than one is opened only under
  /// load.
  std::size_t connections_per_node = 2;
  /// Connections of a thread to one node that one task has to itself: sessions, blocking commands,
  /// transactions, subscriptions.
  std::size_t sessions_per_node = 32;
  /// Commands on their way on one shared connection.
  std::size_t pipeline_depth = 1'024;
  /// Tasks of a thread that wait for a node: for a connection or for room on one. More are refused.
  std::size_t waiting_per_node = 4'096;
  std::size_t largest_command = 64 * 1024 * 1024;  ///< Bytes; a larger one is refused.
  std::chrono::milliseconds connect_timeout{
      2'000};  ///< Of connecting, TLS and logging in together.
  /// How long a connection may owe an answer without a byte of any; then it is given up. When a
  /// task gave up on it earlier, after 250 ms of silence, new commands take another one until then.
  std::chrono::milliseconds response_timeout{2'000};
  std::chrono::milliseconds queue_limit{2'000};  ///< How long a task waits for a session.
  std::chrono::milliseconds idle_limit{60'000};  ///< An unused session's connection is closed.
  std::chrono::milliseconds first_backoff{20};   ///< After a failed connect; doubles, with jitter.
  std::chrono::milliseconds longest_backoff{1'000};
  /// How often a quiet subscription asks whether its server is still there.
  std::chrono::milliseconds keep_alive{5'000};
  /// Cluster: reads go to replicas, which may be a little behind.
  bool read_replicas = false;
  ReplyLimits reply{};
  /// What connects, made once for each thread; empty: TCP, TLS and Unix sockets. For tests.
  Function<std::unique_ptr<net::Connector>() const> connector{};
};

}  // namespace kit::redis
