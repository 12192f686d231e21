// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/transaction.hpp"

#include <utility>

#include "kit/adapters/postgres/detail/copy.hpp"
#include "kit/db/insert_rows.hpp"

namespace kit::postgres::detail {

Transaction::~Transaction() {
  if (!lease_) return;
  LoopPool& pool = *lease_->pool;
  pool.give_back(std::move(*lease_), false);
}

Result<> Transaction::usable() const {
  if (!lease_) {
    return Error(Code::internal, "the transaction has ended already")
        .with_reason("TRANSACTION_ENDED");
  }
  return refuse_ended_task();
}

Task<db::Session::Changed> Transaction::run(std::string_view sql,
                                            std::span<const db::Parameter> parameters,
                                            const db::RowSink* sink) {
  co_await usable();
  Result<Changed> result = co_await as_result(
      lease_->pool->run_on(lease_->connection, sql, parameters, sink, sink != nullptr));
  if (!result && result.error().reason() == "READ_ONLY" && !reads_only_ &&
      lease_->pool->server().role == Role::primary) {
    co_return connection_error("the server takes no writes any more: " + result.error().message());
  }
  co_return std::move(result);
}

Task<> Transaction::run_query(std::string_view sql, std::span<const db::Parameter> parameters,
                              db::RowSink sink) {
  co_await run(sql, parameters, &sink);
}

Task<db::Session::Changed> Transaction::run_execute(std::string_view sql,
                                                    std::span<const db::Parameter> parameters) {
  return run(sql, parameters, nullptr);
}

Task<std::int64_t> Transaction::run_insert_rows(db::Session& session, std::string_view table,
                                                std::span<const std::string_view> columns,
                                                db::RowSource next) {
  co_await usable();
  const std::shared_ptr<LoopPool> pool = lease_->pool;
  const std::shared_ptr<Connection> connection = lease_->connection;
  const std::string insert = db::insert_text(table, columns, 1);
  auto describing = pool->types_of(connection, insert, columns.size());
  const std::shared_ptr<const Statement> statement = co_await std::move(describing);
  if (!can_copy(statement->types)) {
    Task<std::int64_t> storing = db::insert_rows_by_statements(session, table, columns, next);
    co_return co_await std::move(storing);
  }
  const std::string copy = "COPY " + db::quoted_name(table) + " (" + db::name_list(columns) +
                           ") FROM STDIN (FORMAT binary)";
  Task<std::int64_t> copying = pool->copy_in(connection, copy, statement, next);
  Result<std::int64_t> stored = co_await as_result(std::move(copying));
  if (!stored) pool->drop(insert, *statement);
  co_return std::move(stored);
}

/// Going back to the savepoint undoes the change of the constraints' mode, and what failed.
Task<> Transaction::run_check() {
  co_await usable();
  const std::shared_ptr<Connection> connection = lease_->connection;
  connection->run_plain("SAVEPOINT kit_check", Request::Kind::control);
  const auto checked =
      connection->run_plain("SET CONSTRAINTS ALL IMMEDIATE", Request::Kind::statement);
  connection->run_plain("ROLLBACK TO SAVEPOINT kit_check", Request::Kind::control);
  const auto released =
      connection->run_plain("RELEASE SAVEPOINT kit_check", Request::Kind::control);
  ReplyWait wait(connection, released);
  co_await wait;
  if (checked->failure) co_await to_error(*checked->failure, "SET CONSTRAINTS");
  if (released->failure) co_await to_error(*released->failure, "RELEASE SAVEPOINT");
  if (released->lost) co_await released->lost->clone();
}

Task<> Transaction::run_commit() {
  if (Result<> fit = usable(); !fit) {
    if (lease_) lease_->pool->give_back(std::move(*std::exchange(lease_, std::nullopt)), false);
    co_await std::move(fit);
  }
  const std::shared_ptr<Connection> connection = lease_->connection;
  const auto request = connection->run_plain("COMMIT", Request::Kind::control);
  ReplyWait wait(connection, request);
  co_await wait;
  // A failed COMMIT has rolled back: nothing is open any more.
  Lease lease = std::move(*std::exchange(lease_, std::nullopt));
  LoopPool& pool = *lease.pool;
  pool.give_back(std::move(lease), true);
  if (request->failure) co_await to_error(*request->failure, "COMMIT");
  if (request->lost) {
    co_await Error(Code::unavailable,
                   "the connection was lost while the transaction was made "
                   "durable: whether it was is not known")
        .with_reason("COMMIT_UNKNOWN")
        .with_cause(request->lost->clone());
  }
  for (const ResultPtr& result : request->results) {
    if (std::string_view(PQcmdStatus(result.get())) != "ROLLBACK") continue;
    co_await Error(Code::failed_precondition,
                   "an earlier statement of the transaction failed: it was rolled back")
        .with_reason("TRANSACTION_FAILED");
  }
}

void Transaction::undo(std::string_view roll_back, std::string_view release) {
  if (!lease_ || lease_->connection->broken()) return;
  for (std::string_view sql : {roll_back, release}) {
    const std::shared_ptr<Connection> connection = lease_->connection;
    const auto request = connection->run_plain(sql, Request::Kind::control);
    if (request->done) return;
    // Nothing of it may stay when that is not possible.
    request->then = [weak = std::weak_ptr(connection)](Request& ended) {
      const auto there = weak.lock();
      if (ended.failure && there != nullptr) there->fail(to_error(*ended.failure, "ROLLBACK TO"));
    };
  }
}

AutocommitSession::AutocommitSession(Lease lease) : lease_(std::move(lease)) {
  lease_->connection->retire();
}

void AutocommitSession::end() {
  if (!lease_) return;
  Lease lease = std::move(*std::exchange(lease_, std::nullopt));
  LoopPool& pool = *lease.pool;
  pool.give_back(std::move(lease), true);
}

Result<> AutocommitSession::usable() const {
  if (!lease_) {
    return Error(Code::internal, "the session has ended already").with_reason("TRANSACTION_ENDED");
  }
  return refuse_ended_task();
}

Task<> AutocommitSession::run_query(std::string_view sql, std::span<const db::Parameter> parameters,
                                    db::RowSink sink) {
  co_await usable();
  co_await lease_->pool->run_on(lease_->connection, sql, parameters, &sink, true);
}

Task<db::Session::Changed> AutocommitSession::run_execute(
    std::string_view sql, std::span<const db::Parameter> parameters) {
  co_await usable();
  co_return co_await lease_->pool->run_on(lease_->connection, sql, parameters, nullptr, false);
}

Task<> AutocommitSession::run_check() {
  co_await usable();
}

Task<> AutocommitSession::run_commit() {
  co_await usable();
  end();
}

}  // namespace kit::postgres::detail
