// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kit/adapters/postgres/postgres.hpp"
#include "kit/async/blocking.hpp"
#include "kit/async/live.hpp"
#include "kit/async/loop.hpp"

namespace kit::postgres::detail {

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using ConnectionPtr = std::unique_ptr<PGconn, FinishConnection>;

class LoopPool;

/// Which of the hosts is wanted, and for what.
enum class Role : std::uint8_t { primary, replica };

/// How connections are made; what a thread of the blocking pool needs.
struct ConnectSettings {
  std::vector<std::string> keywords;
  std::vector<std::string> values;
  std::string set_up;  ///< What a new session runs.
  std::string hosts;   ///< For people: "db1:5432,db2:5432/shop".

  /// Blocks. Fails with `unavailable`.
  Result<ConnectionPtr> connect() const;
};

/// Fails with `invalid_argument`, without the password.
Result<ConnectSettings> read_settings(const PostgresOptions& options, Role role);

/// What the pools of all loops share. Thread safety: any thread.
class Server : public std::enable_shared_from_this<Server> {
 public:
  Server(PostgresOptions wanted, Role of, std::shared_ptr<const ConnectSettings> how);

  /// The pool of the loop that runs on this thread.
  std::shared_ptr<LoopPool> here();
  void remove(const Loop& loop);
  /// Closes every pool on its own thread.
  void close();

  void note_connect(const Result<>& outcome);
  Result<> health() const;

  const PostgresOptions options;
  const Role role;
  const std::shared_ptr<const ConnectSettings> settings;
  BlockingPool blocking;
  ListedCounter live;
  std::atomic<std::uint64_t> connects{0}, failed_connects{0}, lost{0}, cancels{0}, retries{0},
      prepares{0};

 private:
  const std::uint64_t id_;  // never used again, unlike an address
  mutable std::mutex mutex_;
  std::map<const Loop*, std::shared_ptr<LoopPool>> pools_;
  std::optional<Error> failure_;  // of the last connect
};

}  // namespace kit::postgres::detail
