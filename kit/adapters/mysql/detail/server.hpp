// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mysql.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kit/adapters/mysql/detail/dsn.hpp"
#include "kit/adapters/mysql/detail/errors.hpp"
#include "kit/adapters/mysql/mysql.hpp"

namespace kit::mysql::detail {

struct CloseHandle {
  void operator()(MYSQL* handle) const { mysql_close(handle); }
};
using Handle = std::unique_ptr<MYSQL, CloseHandle>;

/// A session that is set up, and what is known of its server.
struct OpenSession {
  Handle handle;
  std::size_t host = 0;          ///< Of the DSN.
  std::uint64_t generation = 0;  ///< Of `Server` when it was opened.
  unsigned long id = 0;          ///< On the server.
  std::size_t most_bytes = 0;    ///< max_allowed_packet
  bool is_mariadb = false;
};

/// What all connections of a database share: where its server is, who is connected, what is
/// counted. Thread safety: any thread.
class Server {
 public:
  Server(Dsn dsn, const MysqlOptions& options) : dsn_(std::move(dsn)), options_(options) {}

  /// Connects and sets the session up, to the first host that answers and takes writes; to one that
  /// only takes reads when no other answers. Blocks. Fails with `unavailable` or
  /// `resource_exhausted`.
  Result<OpenSession> connect() const;
  /// Ends what the session `id` on `host` does, and the session. Blocks.
  Result<> end_session(std::size_t host, unsigned long id) const;

  /// The server only takes reads: later connections look for another, and those that are open are
  /// not used any more.
  void look_elsewhere(std::uint64_t generation);
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  const Dsn& dsn() const { return dsn_; }
  const MysqlOptions& options() const { return options_; }

  struct Counts {
    std::atomic<std::uint64_t> opened{0}, closed{0}, failed_connects{0}, lost{0}, waiting{0},
        refused{0}, ended{0}, failed_ends{0}, expired{0}, prepared{0}, in_use{0};
  };
  Counts& counts() const { return counts_; }

 private:
  Result<OpenSession> connect_to(std::size_t host) const;
  Result<Handle> log_in(std::size_t host) const;
  void set_options(MYSQL* handle) const;
  Result<> set_up(OpenSession& session) const;
  Result<> verify(OpenSession& session) const;

  const Dsn dsn_;
  const MysqlOptions options_;
  std::atomic<std::uint64_t> generation_{0};
  mutable Counts counts_;
};

}  // namespace kit::mysql::detail
