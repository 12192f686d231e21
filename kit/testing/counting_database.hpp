// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "kit/db/database.hpp"

namespace kit::testing {

/// A database that counts the statements it passes on, in transactions too: what tests say "no
/// statement for each row" with. Thread safety: as the database's. Lifetime: `database` outlives
/// it.
class CountingDatabase final : public db::Database {
 public:
  explicit CountingDatabase(db::Database& database) : database_(database) {}

  /// How many since the last call.
  std::int64_t take() { return statements_.exchange(0); }

  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override;
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override;
  Task<std::unique_ptr<db::Transaction>> begin() override;
  Task<std::unique_ptr<db::Transaction>> begin_bulk() override;
  Task<std::unique_ptr<db::Transaction>> begin_schema() override;
  Task<std::unique_ptr<db::Transaction>> begin_autocommit() override;
  Task<std::unique_ptr<db::Transaction>> begin_read() override;
  Task<std::unique_ptr<db::Transaction>> begin_isolated(db::Isolation isolation) override;
  db::Session& replica() override { return replica_; }
  db::Dialect dialect() const override { return database_.dialect(); }
  bool has_transactional_schema() const override { return database_.has_transactional_schema(); }

 private:
  class Counted;
  class CountedReplica final : public db::Session {
   public:
    explicit CountedReplica(CountingDatabase& database) : database_(database) {}
    Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
                 db::RowSink sink) override;
    Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override;
    db::Dialect dialect() const override { return database_.dialect(); }

   private:
    CountingDatabase& database_;
  };
  Task<std::unique_ptr<db::Transaction>> counted(Task<std::unique_ptr<db::Transaction>> begin);

  db::Database& database_;
  std::atomic<std::int64_t> statements_{0};
  CountedReplica replica_{*this};
};

}  // namespace kit::testing
