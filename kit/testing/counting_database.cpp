// SPDX-License-Identifier: Apache-2.0
#include "kit/testing/counting_database.hpp"

#include <utility>

namespace kit::testing {

class CountingDatabase::Counted final : public db::Transaction {
 public:
  Counted(std::unique_ptr<db::Transaction> transaction, std::atomic<std::int64_t>& statements)
      : transaction_(std::move(transaction)), statements_(statements) {}

  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override {
    ++statements_;
    return transaction_->query(sql, parameters, sink);
  }
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override {
    ++statements_;
    return transaction_->execute(sql, parameters);
  }
  Task<std::unique_ptr<db::Transaction>> begin_nested() override {
    ++statements_;
    std::unique_ptr<db::Transaction> nested = co_await transaction_->begin_nested();
    std::unique_ptr<db::Transaction> wrapped =
        std::make_unique<Counted>(std::move(nested), statements_);
    co_return wrapped;
  }
  Task<> check() override { return transaction_->check(); }
  Task<> commit() override { return transaction_->commit(); }
  db::Dialect dialect() const override { return transaction_->dialect(); }

 private:
  std::unique_ptr<db::Transaction> transaction_;
  std::atomic<std::int64_t>& statements_;
};

Task<> CountingDatabase::query(std::string_view sql, std::span<const db::Parameter> parameters,
                               db::RowSink sink) {
  ++statements_;
  return database_.query(sql, parameters, sink);
}

Task<db::Session::Changed> CountingDatabase::execute(std::string_view sql,
                                                     std::span<const db::Parameter> parameters) {
  ++statements_;
  return database_.execute(sql, parameters);
}

Task<> CountingDatabase::CountedReplica::query(std::string_view sql,
                                               std::span<const db::Parameter> parameters,
                                               db::RowSink sink) {
  ++database_.statements_;
  return database_.database_.replica().query(sql, parameters, sink);
}

Task<db::Session::Changed> CountingDatabase::CountedReplica::execute(
    std::string_view sql, std::span<const db::Parameter> parameters) {
  ++database_.statements_;
  return database_.database_.replica().execute(sql, parameters);
}

Task<std::unique_ptr<db::Transaction>> CountingDatabase::counted(
    Task<std::unique_ptr<db::Transaction>> begin) {
  std::unique_ptr<db::Transaction> transaction = co_await std::move(begin);
  std::unique_ptr<db::Transaction> wrapped =
      std::make_unique<Counted>(std::move(transaction), statements_);
  co_return wrapped;
}

Task<std::unique_ptr<db::Transaction>> CountingDatabase::begin() {
  return counted(database_.begin());
}
Task<std::unique_ptr<db::Transaction>> CountingDatabase::begin_isolated(db::Isolation isolation) {
  return counted(database_.begin_isolated(isolation));
}
Task<std::unique_ptr<db::Transaction>> CountingDatabase::begin_bulk() {
  return counted(database_.begin_bulk());
}
Task<std::unique_ptr<db::Transaction>> CountingDatabase::begin_schema() {
  return counted(database_.begin_schema());
}
Task<std::unique_ptr<db::Transaction>> CountingDatabase::begin_autocommit() {
  return counted(database_.begin_autocommit());
}
Task<std::unique_ptr<db::Transaction>> CountingDatabase::begin_read() {
  return counted(database_.begin_read());
}

}  // namespace kit::testing
