// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/sqlite/detail/transactions.hpp"

#include <string>
#include <utility>

#include "kit/adapters/sqlite/detail/errors.hpp"

namespace kit::sqlite::detail {
namespace {

Error ended_error() {
  return Error(Code::internal, "the transaction has ended already")
      .with_reason("TRANSACTION_ENDED");
}

Error expired_error(std::chrono::milliseconds limit, std::string_view what) {
  return Error(Code::aborted, std::string(what) + " longer than " + std::to_string(limit.count()) +
                                  " ms and was ended")
      .with_reason("TRANSACTION_EXPIRED");
}

}  // namespace

bool TaskRoot::begin(kit::detail::PromiseBase& task, bool) {
  kit::detail::PromiseBase* root = &task;
  while (root->parent != nullptr) root = root->parent;
  root_ = root;
  return false;
}

TurnWait::~TurnWait() {
  if (unit_->wait == this) unit_->wait = nullptr;
}

void TurnWait::start() {
  unit_->wait = this;
  unit_->loop = &Loop::current();
  writer_.enqueue(unit_);
}

void TurnWait::detach() {
  unit_->wait = nullptr;
  writer_.leave(unit_);
}

void TurnWait::wake() {
  unit_->wait = nullptr;
  if (unit_->error) {
    fail(std::move(*unit_->error));
  } else {
    succeed();
  }
}

DurableWait::~DurableWait() {
  if (unit_->wait != this) return;
  unit_->wait = nullptr;
  writer_.leave(unit_);
}

bool DurableWait::begin(kit::detail::PromiseBase& task, bool propagate) {
  task_ = &task;
  propagate_ = propagate;
  context_ = Context::current();
  unit_->wait = this;
  writer_.commit(unit_);
  return true;
}

void DurableWait::wake() {
  unit_->wait = nullptr;
  Loop::current().schedule(*this);
}

void DurableWait::on_ready() {
  Context::Entry entry(context_);
  if (propagate_ && unit_->error) {
    kit::detail::PromiseBase::fail(task_, std::move(*unit_->error));
  } else {
    task_->self.resume();
  }
}

Result<> DurableWait::take_result() {
  if (unit_->error) return std::move(*unit_->error);
  return {};
}

WriteTransaction::WriteTransaction(std::shared_ptr<Writer> writer, const SqliteOptions& options,
                                   Work work, const void* root)
    : writer_(std::move(writer)), unit_(std::make_shared<Unit>()), options_(options) {
  unit_->work = work;
  unit_->root = root;
}

WriteTransaction::~WriteTransaction() {
  roll_back();
}

void WriteTransaction::roll_back() {
  active_ = false;
  timer_.stop();
  writer_->leave(unit_);
}

Result<> WriteTransaction::begin() {
  if (unit_->work == Work::ordinary) {
    Outcome outcome = writer_->connection().control("SAVEPOINT unit");
    if (!outcome.result.ok()) {
      writer_->check_group(unit_, outcome.code, outcome.result.error());
      roll_back();
      return std::move(outcome.result).error();
    }
    unit_->in_savepoint = true;
    ends_ = Clock::now() + options_.write_limit;
    timer_.set_action([](void* self) { static_cast<WriteTransaction*>(self)->expire(); }, this);
    Loop::current().start(timer_, Loop::current().now() + options_.write_limit);
  }
  active_ = true;
  return {};
}

void WriteTransaction::expire() {
  writer_->count_expired();
  roll_back();
  expired_ = true;
}

Result<> WriteTransaction::usable() const {
  if (expired_) return expired_error(options_.write_limit, "a transaction held the writer");
  if (unit_->lost) {
    return Error(Code::unavailable, "the transaction was rolled back after an error of the storage")
        .with_reason("GROUP_ROLLED_BACK");
  }
  if (!active_) return ended_error();
  return refuse_cancelled();
}

Result<db::Session::Changed> WriteTransaction::run(std::string_view sql,
                                                   std::span<const db::Parameter> parameters,
                                                   const db::RowSink* sink) {
  KIT_TRY(usable());
  Limits limits = statement_limits(options_.statement_limit);
  limits.read = std::min(limits.read, ends_);
  limits.write = unit_->work == Work::ordinary ? ends_ : task_deadline(limits.now);
  Outcome outcome = writer_->connection().run(sql, parameters, sink, limits);
  if (!outcome.result.ok()) writer_->check_group(unit_, outcome.code, outcome.result.error());
  return std::move(outcome.result);
}

Task<> WriteTransaction::run_query(std::string_view sql, std::span<const db::Parameter> parameters,
                                   db::RowSink sink) {
  auto done = run(sql, parameters, &sink);
  if (!done) co_await std::move(done).error();
}

Task<db::Session::Changed> WriteTransaction::run_execute(
    std::string_view sql, std::span<const db::Parameter> parameters) {
  co_return run(sql, parameters, nullptr);
}

void WriteTransaction::undo(std::string_view roll_back, std::string_view release) {
  if (!active_) return;
  Outcome outcome = writer_->connection().control(roll_back);
  if (outcome.result.ok()) outcome = writer_->connection().control(release);
  if (outcome.result.ok()) return;
  writer_->check_group(unit_, outcome.code, outcome.result.error());
  this->roll_back();
}

Result<> WriteTransaction::check_deferred() const {
  if (!writer_->connection().has_deferred_violations()) return {};
  return Error(Code::failed_precondition, "FOREIGN KEY constraint failed")
      .with_reason("FOREIGN_KEY_VIOLATION")
      .with_http_status(409);
}

Task<> WriteTransaction::run_check() {
  co_await usable();
  co_await check_deferred();
}

/// Closes the unit's savepoint, so that its work is a part of the group.
Result<> WriteTransaction::finish() {
  if (auto fit = usable(); !fit) {
    roll_back();
    return fit;
  }
  timer_.stop();
  if (unit_->work == Work::ordinary) {
    // Left to the group's COMMIT, they would fail everyone in it.
    if (auto held = check_deferred(); !held) {
      roll_back();
      return held;
    }
    Outcome released = writer_->connection().control("RELEASE unit");
    if (!released.result.ok()) {
      writer_->check_group(unit_, released.code, released.result.error());
      roll_back();
      return std::move(released.result).error();
    }
    unit_->in_savepoint = false;
  }
  active_ = false;
  return {};
}

Task<> WriteTransaction::run_commit() {
  co_await finish();
  DurableWait durable(*writer_, unit_);
  co_await durable;
}

ReadTransaction::ReadTransaction(std::shared_ptr<ThreadReaders> readers,
                                 std::shared_ptr<Writer> writer, const SqliteOptions& options)
    : readers_(std::move(readers)), writer_(std::move(writer)), options_(options) {}

ReadTransaction::~ReadTransaction() {
  end();
  readers_->give_place_back();
}

Outcome ReadTransaction::begin() {
  if (connection_ == nullptr) {
    auto taken = readers_->take();
    if (!taken) return {std::move(taken).error(), 0, false};
    connection_ = std::move(taken).value();
  }
  Outcome outcome = connection_->control("BEGIN");
  // The state is the one of the first read.
  if (outcome.result.ok()) outcome = connection_->control("SELECT 1 FROM sqlite_schema LIMIT 1");
  if (!outcome.result.ok()) {
    if (!connection_->autocommit()) connection_->control("ROLLBACK");
    return outcome;
  }
  timer_.set_action([](void* self) { static_cast<ReadTransaction*>(self)->expire(); }, this);
  Loop::current().start(timer_, Loop::current().now() + options_.snapshot_limit);
  return outcome;
}

void ReadTransaction::end() {
  timer_.stop();
  if (connection_ == nullptr) return;
  if (!connection_->autocommit()) connection_->control("ROLLBACK");
  readers_->give_back(std::move(connection_));
}

void ReadTransaction::expire() {
  expired_ = true;
  end();
}

Result<> ReadTransaction::usable() const {
  if (expired_) return expired_error(options_.snapshot_limit, "a snapshot was kept");
  if (connection_ == nullptr) return ended_error();
  return refuse_cancelled();
}

Task<> ReadTransaction::run_query(std::string_view sql, std::span<const db::Parameter> parameters,
                                  db::RowSink sink) {
  co_await usable();
  Outcome outcome =
      connection_->run(sql, parameters, &sink, statement_limits(options_.statement_limit));
  if (outcome.result.ok()) co_return;
  writer_->note(outcome.code, outcome.result.error());
  co_await std::move(outcome.result).error();
}

Task<db::Session::Changed> ReadTransaction::run_execute(std::string_view sql,
                                                        std::span<const db::Parameter> parameters) {
  co_await usable();
  Outcome outcome =
      connection_->run(sql, parameters, nullptr, statement_limits(options_.statement_limit));
  co_return std::move(outcome.result);
}

void ReadTransaction::undo(std::string_view roll_back, std::string_view release) {
  if (connection_ == nullptr) return;
  Outcome outcome = connection_->control(roll_back);
  if (outcome.result.ok()) outcome = connection_->control(release);
  if (!outcome.result.ok()) end();
}

Task<> ReadTransaction::run_check() {
  co_await usable();
}

Task<> ReadTransaction::run_commit() {
  co_await usable();
  end();
}

}  // namespace kit::sqlite::detail
