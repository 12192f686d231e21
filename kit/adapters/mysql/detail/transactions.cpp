// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/transactions.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace kit::mysql::detail {
namespace {

std::string_view level(db::Isolation isolation) {
  switch (isolation) {
    case db::Isolation::repeatable_read:
      return "REPEATABLE READ";
    case db::Isolation::serializable:
      return "SERIALIZABLE";
    default:
      return "READ COMMITTED";
  }
}

Error lost_error() {
  return Error(Code::aborted, "the database has rolled this transaction back: begin it again")
      .with_reason("TRANSACTION_LOST");
}

}  // namespace

Task<std::unique_ptr<db::Transaction>> OwningTransaction::begin(std::shared_ptr<Pool> pool,
                                                                Work work,
                                                                db::Isolation isolation) {
  const MysqlOptions& options = pool->shared()->server->options();
  for (;;) {
    Lease lease = co_await pool->acquire();
    const Clock::time_point until = Loop::current().now() + options.statement_limit;
    Task<> opening = open(*lease, work, isolation, until);
    auto opened = co_await as_result(std::move(opening));
    if (opened.ok()) {
      co_return std::unique_ptr<db::Transaction>(
          std::make_unique<OwningTransaction>(std::move(lease), work, options));
    }
    // The server had closed it, and nothing has happened yet.
    const bool was_stale = lease->is_broken() && lease->was_used();
    if (!was_stale || opened.error().code() != Code::unavailable)
      co_return std::move(opened).error();
  }
}

Task<> OwningTransaction::open(Connection& connection, Work work, db::Isolation isolation,
                               Clock::time_point until) {
  if (work == Work::bulk || work == Work::schema) {
    co_await connection.control(connection.session().is_mariadb
                                    ? "SET SESSION max_statement_time = 0"
                                    : "SET SESSION max_execution_time = 0",
                                until);
  }
  if (work == Work::schema) co_return;
  if (work == Work::read) isolation = db::Isolation::repeatable_read;
  if (isolation != db::Isolation::standard && isolation != db::Isolation::read_committed) {
    std::string sql = "SET TRANSACTION ISOLATION LEVEL ";
    sql.append(level(isolation));
    co_await connection.control(std::move(sql), until);
  }
  std::string sql = work == Work::read ? "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
                                       : "START TRANSACTION";
  co_await connection.control(std::move(sql), until);
}

OwningTransaction::OwningTransaction(Lease lease, Work work, const MysqlOptions& options)
    : lease_(std::move(lease)), work_(work), options_(options) {
  // The session's own limits were changed.
  if (work == Work::bulk || work == Work::schema) {
    lease_.retire();
    return;
  }
  until_ = Loop::current().now() + options.transaction_limit;
  timer_.set_action([](void* self) { static_cast<OwningTransaction*>(self)->expire(); }, this);
  Loop::current().start(timer_, until_);
}

OwningTransaction::~OwningTransaction() {
  end();
}

void OwningTransaction::end() {
  timer_.stop();
  if (!lease_) return;
  // A session that is closed is rolled back too, but when the server comes to it.
  if (work_ != Work::schema) lease_->send_rollback();
  lease_.give_back();
}

void OwningTransaction::expire() {
  is_expired_ = is_lost_ = true;
  lease_->interrupt();
  auto& counts = lease_->counts();
  counts.expired.fetch_add(1, std::memory_order_relaxed);
}

Result<> OwningTransaction::usable() const {
  if (!lease_) {
    return Error(Code::internal, "the transaction has ended already")
        .with_reason("TRANSACTION_ENDED");
  }
  if (is_expired_) {
    return Error(Code::aborted, "the transaction was open for too long and was rolled back")
        .with_reason("TRANSACTION_EXPIRED");
  }
  if (is_lost_) return lost_error();
  return {};
}

Clock::time_point OwningTransaction::limit() const {
  if (work_ == Work::bulk || work_ == Work::schema) return Clock::time_point::max();
  return std::min(until_, Loop::current().now() + options_.statement_limit);
}

Task<> OwningTransaction::run(Request request) {
  co_await usable();
  if (work_ == Work::schema && request.sql.starts_with("SAVEPOINT ")) {
    co_await Error(Code::failed_precondition,
                   "this database commits with every change of a table: there is nothing to go "
                   "back to")
        .with_reason("SCHEMA_CHANGES_STAY");
  }
  request.in_transaction = work_ != Work::schema;
  request.until = limit();
  Task<> running = lease_->run(request);
  auto done = co_await as_result(std::move(running));
  if (done.ok() && (work_ == Work::schema || lease_->is_in_transaction())) co_return;
  if (done.ok()) {
    // What follows would be committed statement by statement.
    is_lost_ = true;
    co_await Error(Code::internal, "a statement has ended the transaction that it is part of")
        .with_reason("TRANSACTION_LOST");
  }
  // Changes of tables are no transaction that could be lost: the next one may be tried.
  const bool is_rolled_back = work_ != Work::schema && lease_->lost_transaction();
  is_lost_ = is_lost_ || is_rolled_back || lease_->is_broken();
  co_await std::move(done).error();
}

Task<> OwningTransaction::run_query(std::string_view sql, std::span<const db::Parameter> parameters,
                                    db::RowSink sink) {
  Request request;
  request.sql = sql;
  request.parameters = parameters;
  request.sink = &sink;
  co_await run(request);
}

Task<db::Session::Changed> OwningTransaction::run_execute(
    std::string_view sql, std::span<const db::Parameter> parameters) {
  Changed changed;
  Request request;
  request.sql = sql;
  request.parameters = parameters;
  request.changed = &changed;
  co_await run(request);
  co_return changed;
}

Task<> OwningTransaction::run_check() {
  co_await usable();
}

Task<> OwningTransaction::run_commit() {
  co_await usable();
  if (work_ != Work::schema) {
    const Context* context = Context::current();
    if (context != nullptr && context->cancelled()) co_await context->why().clone();
    // Once it is sent nobody can say any more what comes of it, so it is waited for.
    Context detached(Context::Detached{});
    Context::Scope scope(detached);
    timer_.stop();
    const Clock::time_point until = Loop::current().now() + options_.statement_limit;
    Task<> committing = lease_->control("COMMIT", until);
    auto done = co_await as_result(std::move(committing));
    scope.leave();
    if (!done.ok()) {
      is_lost_ = true;
      if (!lease_->is_broken()) co_await std::move(done).error();
      std::string message = "whether the transaction was committed is not known: ";
      message.append(done.error().message());
      co_await Error(Code::unavailable, std::move(message))
          .with_reason("COMMIT_UNKNOWN")
          .with_cause(std::move(done).error());
    }
  }
  timer_.stop();
  lease_.give_back();
}

void OwningTransaction::undo(std::string_view roll_back, std::string_view release) {
  if (!lease_ || is_lost_) return;
  lease_->defer(roll_back);
  lease_->defer(release);
}

}  // namespace kit::mysql::detail
