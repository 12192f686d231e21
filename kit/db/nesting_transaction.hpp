// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "kit/db/database.hpp"

namespace kit::db {

/// What adapters derive their transactions from: it keeps the units of work that stand inside one
/// another, each a savepoint of the database, and refuses statements on one that has another open
/// inside. Thread safety: one loop's thread.
class NestingTransaction : public Transaction {
 public:
  NestingTransaction() = default;
  ~NestingTransaction() override;
  NestingTransaction(const NestingTransaction&) = delete;
  NestingTransaction& operator=(const NestingTransaction&) = delete;

  Task<> query(std::string_view sql, std::span<const Parameter> parameters, RowSink sink) final;
  Task<Changed> execute(std::string_view sql, std::span<const Parameter> parameters) final;
  Task<std::int64_t> insert_rows(std::string_view table, std::span<const std::string_view> columns,
                                 RowSource next) final;
  Task<> check() final;
  Task<> commit() final;
  Task<std::unique_ptr<Transaction>> begin_nested() final;

 protected:
  // As the public ones without `run_`, whoever is open inside.
  virtual Task<> run_query(std::string_view sql, std::span<const Parameter> parameters,
                           RowSink sink) = 0;
  virtual Task<Changed> run_execute(std::string_view sql,
                                    std::span<const Parameter> parameters) = 0;
  /// `session`: the unit of work that it is called on.
  virtual Task<std::int64_t> run_insert_rows(Session& session, std::string_view table,
                                             std::span<const std::string_view> columns,
                                             RowSource next);
  virtual Task<> run_check() = 0;
  virtual Task<> run_commit() = 0;
  /// Undoes what happened since a savepoint and forgets that, before any later statement and
  /// without a wait: a destructor calls it. Where that can't be done the transaction must not be
  /// committed any more. Without effect on one that has ended. Lifetime: the texts are constants.
  virtual void undo(std::string_view roll_back, std::string_view release) = 0;

 private:
  class Nested;
  Result<> usable() const;
  Task<std::unique_ptr<Transaction>> begin_inside(Nested* outer);
  void drop(Nested& nested);

  Nested* innermost_ = nullptr;
};

}  // namespace kit::db
