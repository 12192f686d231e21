// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "kit/adapters/mysql/detail/pool.hpp"
#include "kit/db/nesting_transaction.hpp"

namespace kit::mysql::detail {

enum class Work : std::uint8_t {
  ordinary,
  read,    ///< One state throughout.
  bulk,    ///< Without limits but the task's.
  schema,  ///< As bulk; no transaction: each statement is committed by itself.
};

/// Owns a connection. Its end without `commit` rolls back, unless it is for changes of the schema.
class OwningTransaction final : public db::NestingTransaction {
 public:
  /// Fails as `Pool::acquire`.
  static Task<std::unique_ptr<db::Transaction>> begin(std::shared_ptr<Pool> pool, Work work,
                                                      db::Isolation isolation);

  OwningTransaction(Lease lease, Work work, const MysqlOptions& options);
  ~OwningTransaction() override;
  db::Dialect dialect() const override { return db::Dialect::mysql; }

 private:
  static Task<> open(Connection& connection, Work work, db::Isolation isolation,
                     Clock::time_point until);
  Task<> run_query(std::string_view sql, std::span<const db::Parameter> parameters,
                   db::RowSink sink) override;
  Task<Changed> run_execute(std::string_view sql,
                            std::span<const db::Parameter> parameters) override;
  /// Nothing is left unchecked: each statement checks its foreign keys.
  Task<> run_check() override;
  Task<> run_commit() override;
  void undo(std::string_view roll_back, std::string_view release) override;

  Task<> run(Request request);
  Result<> usable() const;
  Clock::time_point limit() const;
  void expire();
  void end();

  Lease lease_;
  const Work work_;
  const MysqlOptions& options_;
  Clock::time_point until_ = Clock::time_point::max();
  Timer timer_;
  bool is_lost_ = false;
  bool is_expired_ = false;
};

}  // namespace kit::mysql::detail
