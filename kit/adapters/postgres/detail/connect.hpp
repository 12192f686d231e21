// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kit/adapters/postgres/postgres.hpp"

namespace kit::postgres::detail {

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using ConnectionPtr = std::unique_ptr<PGconn, FinishConnection>;

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, FreeResult>;

/// Which of the hosts is wanted, and for what.
enum class Role : std::uint8_t { primary, replica, listener };

/// How connections are made; what a thread of the blocking pool needs. Thread safety: any thread.
class ConnectSettings {
 public:
  /// Fails with `invalid_argument`, without the password.
  static Result<std::shared_ptr<const ConnectSettings>> read(const PostgresOptions& options,
                                                             Role role);

  /// A connection whose session is set up, to the host that was right the last time if it still is.
  /// Blocks. Fails with `unavailable`.
  Result<ConnectionPtr> connect() const;
  /// Runs a statement without result. Blocks until `limit`.
  Result<> run(PGconn& connection, const std::string& sql) const;

  /// For people: "db1,db2:5432/shop".
  const std::string& shown() const { return shown_; }

 private:
  struct Option {
    std::string keyword;
    std::string value;
  };
  /// One of the hosts: as libpq's lists have them, each text may be empty.
  struct Endpoint {
    std::string host, address, port;
  };

  Result<> take(const std::string& keyword, const std::string& value);
  Result<> read_hosts();
  Result<> read_tls();
  void complete(const PostgresOptions& options, Role role);
  bool has(std::string_view keyword) const;
  void add_unless_set(std::string_view keyword, std::string_view value);
  std::string joined(std::string Endpoint::* part, std::size_t first) const;
  void note_host(const PGconn& connection) const;

  std::vector<Option> options_;
  std::string hosts_, addresses_, ports_, tls_mode_;
  std::vector<Endpoint> endpoints_;
  mutable std::atomic<std::size_t> first_{0};  // of `endpoints_`: the one to ask first
  std::string set_up_;                         // what a new session runs
  std::string shown_;
  std::chrono::milliseconds limit_{};
};

}  // namespace kit::postgres::detail
