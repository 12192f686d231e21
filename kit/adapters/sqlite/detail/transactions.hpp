// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kit/adapters/sqlite/detail/readers.hpp"
#include "kit/adapters/sqlite/detail/writer.hpp"
#include "kit/async/loop.hpp"
#include "kit/db/nesting_transaction.hpp"

namespace kit::sqlite::detail {

/// `co_await`ed in a task: the outermost task that waits for it, which tells one tree of tasks from
/// another.
class TaskRoot {
 public:
  bool begin(kit::detail::PromiseBase& task, bool propagate);
  Result<const void*> take_result() { return root_; }
  const void* take_value() { return root_; }

 private:
  const void* root_ = nullptr;
};

/// Waits for a unit's turn. Cancellation: leaves the queue.
class TurnWait final : public Operation<void>, public UnitWait {
 public:
  TurnWait(Writer& writer, std::shared_ptr<Unit> unit) : writer_(writer), unit_(std::move(unit)) {}
  ~TurnWait();
  void wake() override;

 private:
  void start() override;
  void detach() override;

  Writer& writer_;
  std::shared_ptr<Unit> unit_;
};

/// Waits for a unit to be durable. Cancellation: none, the answer decides what is true.
class DurableWait final : public UnitWait, private Ready {
 public:
  DurableWait(Writer& writer, std::shared_ptr<Unit> unit)
      : writer_(writer), unit_(std::move(unit)) {}
  ~DurableWait();
  DurableWait(const DurableWait&) = delete;
  DurableWait& operator=(const DurableWait&) = delete;

  bool begin(kit::detail::PromiseBase& task, bool propagate);
  Result<> take_result();
  void take_value() {}
  void wake() override;

 private:
  void on_ready() override;

  Writer& writer_;
  std::shared_ptr<Unit> unit_;
  kit::detail::PromiseBase* task_ = nullptr;
  Context* context_ = nullptr;
  bool propagate_ = true;
};

/// A unit of work on the writing connection.
class WriteTransaction final : public db::NestingTransaction {
 public:
  WriteTransaction(std::shared_ptr<Writer> writer, const SqliteOptions& options, Work work,
                   const void* root);
  ~WriteTransaction() override;

  const std::shared_ptr<Unit>& unit() const { return unit_; }
  /// When the unit has its turn.
  Result<> begin();
  void roll_back();
  db::Dialect dialect() const override { return db::Dialect::sqlite; }

 private:
  Task<> run_query(std::string_view sql, std::span<const db::Parameter> parameters,
                   db::RowSink sink) override;
  Task<Changed> run_execute(std::string_view sql,
                            std::span<const db::Parameter> parameters) override;
  Task<> run_check() override;
  Task<> run_commit() override;
  void undo(std::string_view roll_back, std::string_view release) override;
  Result<Changed> run(std::string_view sql, std::span<const db::Parameter> parameters,
                      const db::RowSink* sink);
  Result<> usable() const;
  Result<> check_deferred() const;
  Result<> finish();
  void expire();

  std::shared_ptr<Writer> writer_;
  std::shared_ptr<Unit> unit_;
  const SqliteOptions& options_;
  bool active_ = false;
  bool expired_ = false;
  Clock::time_point ends_ = Clock::time_point::max();
  Timer timer_;
};

/// A snapshot on a connection of its own.
class ReadTransaction final : public db::NestingTransaction {
 public:
  ReadTransaction(std::shared_ptr<ThreadReaders> readers, std::shared_ptr<Writer> writer,
                  const SqliteOptions& options);
  ~ReadTransaction() override;

  /// Fixes the state that is seen. Busy is left to the caller.
  Outcome begin();
  db::Dialect dialect() const override { return db::Dialect::sqlite; }

 private:
  Task<> run_query(std::string_view sql, std::span<const db::Parameter> parameters,
                   db::RowSink sink) override;
  Task<Changed> run_execute(std::string_view sql,
                            std::span<const db::Parameter> parameters) override;
  Task<> run_check() override;
  /// Ends the snapshot.
  Task<> run_commit() override;
  void undo(std::string_view roll_back, std::string_view release) override;
  Result<> usable() const;
  void end();
  void expire();

  std::shared_ptr<ThreadReaders> readers_;
  std::shared_ptr<Writer> writer_;
  const SqliteOptions& options_;
  std::unique_ptr<Connection> connection_;
  bool expired_ = false;
  Timer timer_;
};

}  // namespace kit::sqlite::detail
