// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/base/result.hpp"
#include "kit/db/database.hpp"

namespace kit::postgres {

struct PostgresOptions {
  /// "postgresql://user:password@host:5432,host2:5432/name?sslmode=verify-full&sslrootcert=FILE".
  /// Of several hosts the one that takes writes is used, now and after a fail-over; names are
  /// looked up for each connection. Hosts elsewhere have to prove who they are (`verify-full`)
  /// unless `sslmode` says `require` or `disable`, the default for this machine. Besides, the DSN
  /// may say libpq's `hostaddr`, `verify-ca`, `sslcert`, `sslkey`, `sslcrl`, `channel_binding`,
  /// `application_name`, `connect_timeout`, `keepalives_...` and `tcp_user_timeout`, nothing else.
  std::string dsn = {};
  /// Where `replica()` reads; empty: a standby of `dsn` when there is one. While none of these
  /// answers it reads from `dsn`.
  std::string replica_dsn = {};
  /// Where `listen` listens; empty: at `dsn`. With `prepared` off it has to lead past pgbouncer.
  std::string listen_dsn = {};
  /// Whether statements are kept prepared under a name by each connection. Off for pgbouncer in
  /// transaction mode, which hands connections on.
  bool prepared = true;
  std::size_t cached_statements = 256;          ///< Prepared statements kept by each connection.
  std::size_t shared_connections = 2;           ///< Of each thread, for single statements.
  std::size_t pipeline_depth = 64;              ///< Single statements under way on each of these.
  std::size_t transaction_connections = 8;      ///< Of each thread, one for each transaction.
  std::size_t queue = 1'024;                    ///< Tasks of a thread that wait for one of them.
  std::chrono::milliseconds wait_limit{5'000};  ///< How long they wait.
  std::chrono::milliseconds connect_timeout{5'000};  ///< For each host; whole seconds, at least 2.
  /// A statement that runs longer is ended by the server; not in `begin_bulk` and `begin_schema`.
  std::chrono::milliseconds statement_limit{30'000};
  /// A transaction in which nothing happens for so long is ended by the server.
  std::chrono::milliseconds idle_transaction_limit{60'000};
  /// How long a server may take to end a statement it was asked to cancel, before the connection
  /// is given up.
  std::chrono::milliseconds cancel_limit{2'000};
  /// Of one answer, or one row where rows are taken as they come, about: past it the connection is
  /// given up.
  std::size_t most_answer_bytes = 256 * 1024 * 1024;
  std::chrono::milliseconds idle_limit{300'000};          ///< Unused connections are closed then.
  std::chrono::milliseconds connection_limit{1'800'000};  ///< Older ones are replaced.
};

/// Counters since the database was opened.
struct PostgresStats {
  std::uint64_t connects = 0;
  std::uint64_t failed_connects = 0;
  std::uint64_t lost = 0;        ///< Connections that broke or were given up.
  std::uint64_t cancels = 0;     ///< Statements the server was asked to end.
  std::uint64_t retries = 0;     ///< Statements sent again, which had had no effect.
  std::uint64_t prepares = 0;    ///< Statements prepared, on whatever connection.
  std::uint64_t refused = 0;     ///< Tasks that got no connection: DATABASE_BUSY.
  std::int64_t connections = 0;  ///< Open now.
  std::int64_t in_use = 0;   ///< Of these, by transactions. 0 when nothing runs, else they leak.
  std::int64_t waiting = 0;  ///< Tasks, for a connection.
};

/// Longest payload of a notification and longest name of a channel, in bytes.
inline constexpr std::size_t most_payload_bytes = 7'999;
inline constexpr std::size_t most_channel_bytes = 63;

/// Hears a channel until it is destroyed. Thread safety: the thread of the loop it was made on.
class Listener {
 public:
  virtual ~Listener() = default;
};

/// Sends a notification when what it is part of is committed. Equal ones of a transaction arrive
/// once. Fails with `invalid_argument` for a payload or channel that is too long.
/// Lifetime: `session` and the texts until it has ended.
Task<> notify(db::Session& session, std::string_view channel, std::string_view payload);

/// PostgreSQL 15 or later. Single statements of a thread's tasks share few connections, in
/// libpq's pipeline mode with a sync after each, so that each is a transaction of its own;
/// transactions have a connection each. No thread of a loop ever waits for the network: connecting
/// and cancelling run on the pool of blocking work. Thread safety: any thread that runs a loop.
/// Lifetime: longer than its transactions and tasks.
class PostgresDatabase : public db::Database {
 public:
  /// For readiness probes: fails with why the last connection could not be made, until one can.
  /// Thread safety: any thread.
  virtual Result<> health() const = 0;
  virtual PostgresStats stats() const = 0;
  /// Calls `received` with the payload of each notification on `channel`, over a connection of its
  /// own that is made anew when it breaks, and `missed` whenever it is there (again): what was
  /// notified before that was not heard. Both are called on the loop that runs on this thread and
  /// may end the listener. Fails with `invalid_argument` (the channel's name) and
  /// `failed_precondition` (LISTEN_UNSUPPORTED: over pgbouncer, see `listen_dsn`); a server that is
  /// not there is waited for.
  virtual Result<std::unique_ptr<Listener>> listen(std::string_view channel,
                                                   Function<void(std::string_view)> received,
                                                   Function<void()> missed) = 0;
};

/// Reads the options and connects once, so that a wrong DSN is found at the start. Fails with
/// `invalid_argument` (options), `unavailable` (no server takes it). Blocks: for the start of a
/// program.
Result<std::unique_ptr<PostgresDatabase>> open(const PostgresOptions& options);

}  // namespace kit::postgres
