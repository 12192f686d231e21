// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "kit/adapters/postgres/detail/loop_pool.hpp"
#include "kit/db/nesting_transaction.hpp"

namespace kit::postgres::detail {

/// A transaction on a connection of its own. Rows of queries are taken as they come.
class Transaction final : public db::NestingTransaction {
 public:
  Transaction(Lease lease, bool reads_only) : lease_(std::move(lease)), reads_only_(reads_only) {}
  ~Transaction() override;
  db::Dialect dialect() const override { return db::Dialect::postgresql; }

 private:
  Task<> run_query(std::string_view sql, std::span<const db::Parameter> parameters,
                   db::RowSink sink) override;
  Task<Changed> run_execute(std::string_view sql,
                            std::span<const db::Parameter> parameters) override;
  Task<std::int64_t> run_insert_rows(db::Session& session, std::string_view table,
                                     std::span<const std::string_view> columns,
                                     db::RowSource next) override;
  Task<> run_check() override;
  Task<> run_commit() override;
  void undo(std::string_view roll_back, std::string_view release) override;

  Task<Changed> run(std::string_view sql, std::span<const db::Parameter> parameters,
                    const db::RowSink* sink);
  Result<> usable() const;

  std::optional<Lease> lease_;  // empty: it has ended
  const bool reads_only_;
};

/// A connection of its own without a transaction: each statement commits by itself. What was set on
/// it goes with it.
class AutocommitSession final : public db::NestingTransaction {
 public:
  explicit AutocommitSession(Lease lease);
  ~AutocommitSession() override { end(); }
  db::Dialect dialect() const override { return db::Dialect::postgresql; }

 private:
  Task<> run_query(std::string_view sql, std::span<const db::Parameter> parameters,
                   db::RowSink sink) override;
  Task<Changed> run_execute(std::string_view sql,
                            std::span<const db::Parameter> parameters) override;
  Task<> run_check() override;
  Task<> run_commit() override;
  void undo(std::string_view, std::string_view) override {}  // there are no savepoints

  Result<> usable() const;
  void end();

  std::optional<Lease> lease_;  // empty: it has ended
};

}  // namespace kit::postgres::detail
