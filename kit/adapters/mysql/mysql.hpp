// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"
#include "kit/db/database.hpp"

namespace kit::mysql {

struct MysqlOptions {
  /// `mysql://user:password@host:port,host2:port2/database?sslmode=verify-full`, or `mariadb://`.
  /// Parameters: `sslmode` (`disable`, `require`: encrypted, whoever it is, `verify-full`; the
  /// default is `verify-full`, and `disable` where all hosts are this machine), `ssl-ca` (a file;
  /// else the system's), `ssl-cert`, `ssl-key`, `socket` (a path, instead of a host).
  Secret<std::string> dsn{};
  /// Where reads go that may be a little behind; empty, or while none of these answers: to `dsn`.
  Secret<std::string> replica_dsn{};
  std::size_t connections_per_thread = 8;
  /// Tasks of a thread that wait for a connection; more are refused.
  std::size_t queue_per_thread = 1'024;
  std::chrono::milliseconds queue_limit{5'000};  ///< How long one waits.
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds idle_limit{60'000};              ///< An unused one is closed.
  std::chrono::milliseconds connection_lifetime{1'800'000};  ///< One is not used for longer.
  /// A statement that runs longer is ended, sooner when its task's deadline is. Those of
  /// `begin_bulk` and `begin_schema` end at their task's deadline only.
  std::chrono::milliseconds statement_limit{30'000};
  /// A transaction that is open longer is rolled back.
  std::chrono::milliseconds transaction_limit{60'000};
  std::chrono::seconds lock_wait{5};    ///< For a row that another transaction holds.
  std::size_t cached_statements = 256;  ///< For each connection.
};

/// Of this database, all its threads together, since it was opened.
struct MysqlStats {
  std::uint64_t opened = 0;  ///< Connections.
  std::uint64_t closed = 0;
  std::uint64_t failed_connects = 0;
  std::uint64_t lost = 0;         ///< Connections that broke or were given up.
  std::uint64_t in_use = 0;       ///< Now. 0 when nothing runs, else something leaks them.
  std::uint64_t waiting = 0;      ///< Tasks, for a connection.
  std::uint64_t refused = 0;      ///< Tasks that got none: too many waited, or too long.
  std::uint64_t ended = 0;        ///< Statements ended on the server before they were done.
  std::uint64_t failed_ends = 0;  ///< Those for which the server could not be asked to.
  std::uint64_t expired = 0;      ///< Transactions rolled back for being open too long.
  std::uint64_t prepared = 0;     ///< Statements, each time a connection did not have it yet.
};

/// MariaDB 10.11 and MySQL 8: statements take a connection of the loop's thread for as long as they
/// run, transactions own one. Thread safety: any thread that runs a loop. Lifetime: longer than its
/// transactions and tasks.
class MysqlDatabase : public db::Database {
 public:
  /// Thread safety: any thread.
  virtual MysqlStats stats() const = 0;
  /// Closes the connections of this thread that nobody uses.
  virtual void close_idle() = 0;
};

/// Does not connect yet: a server that is down is an error of the statements, not of the start.
/// Fails with `invalid_argument` for a DSN or options that can't be right; the message does not
/// show the password.
Result<std::unique_ptr<MysqlDatabase>> open(const MysqlOptions& options);

}  // namespace kit::mysql
