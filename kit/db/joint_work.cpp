// SPDX-License-Identifier: Apache-2.0
#include "kit/db/joint_work.hpp"

#include <utility>

namespace kit::db {

const char JointWork::key = 0;

/// What code under the work has for its transaction.
class JointWork::Part final : public Transaction {
 public:
  Part(JointWork& work, Dialect dialect) : work_(work), dialect_(dialect) {}
  ~Part() override { end(false); }

  Task<> query(std::string_view sql, std::span<const Parameter> parameters, RowSink sink) override {
    co_await usable();
    co_await work_.innermost()->query(sql, parameters, sink);
  }
  Task<Changed> execute(std::string_view sql, std::span<const Parameter> parameters) override {
    co_await usable();
    co_return co_await work_.innermost()->execute(sql, parameters);
  }
  Task<std::unique_ptr<Transaction>> begin_nested() override {
    co_await usable();
    co_return co_await work_.innermost()->begin_nested();
  }
  Task<> check() override {
    co_await usable();
    co_await work_.innermost()->check();
  }
  Task<> commit() override {
    co_await usable();
    co_await work_.innermost()->check();
    if (work_.unit_ != nullptr) co_await work_.unit_->commit();
    end(true);
  }
  Dialect dialect() const override { return dialect_; }

 private:
  Result<> usable() const {
    if (!ended_ && work_.transaction_ != nullptr) return {};
    return Error(Code::failed_precondition, "the transaction has ended");
  }
  void end(bool committed) {
    if (!std::exchange(ended_, true)) work_.end_part(committed);
  }

  JointWork& work_;
  Dialect dialect_;
  bool ended_ = false;
};

Task<std::unique_ptr<Transaction>> JointWork::begin_part(Database& database, Kind kind,
                                                         Isolation isolation) {
  if (open_) {
    co_return Error(Code::failed_precondition, "this task has a transaction already");
  }
  if (transaction_ == nullptr) {
    parts_ = 0;
    Task<std::unique_ptr<Transaction>> beginning = begin_whole(database, kind, isolation);
    isolation_ = isolation;
    transaction_ = co_await std::move(beginning);
    Result<> begun = co_await as_result(begun_(*transaction_));
    if (!begun) {
      drop();
      co_return std::move(begun).error();
    }
  } else if (isolation > isolation_) {
    co_return Error(Code::failed_precondition,
                    "a part of a transaction that has begun asks for more isolation than it has")
        .with_reason("ISOLATION_TOO_LOW");
  }
  if (dropped_ == Dropped::apart) unit_ = co_await transaction_->begin_nested();
  open_ = true;
  co_return std::unique_ptr<Transaction>(std::make_unique<Part>(*this, database.dialect()));
}

Task<std::unique_ptr<Transaction>> JointWork::begin_whole(Database& database, Kind kind,
                                                          Isolation isolation) {
  if (outer_ != nullptr) return outer_->begin_part(database, kind, isolation);
  if (kind == Kind::bulk) return database.begin_bulk();
  return isolation == Isolation::standard ? database.begin() : database.begin_isolated(isolation);
}

void JointWork::end_part(bool committed) {
  open_ = false;
  unit_.reset();
  if (committed) {
    ++parts_;
  } else if (parts_ == 0 && dropped_ == Dropped::undone) {
    transaction_.reset();
  } else {
    torn_ = true;
  }
}

Task<> JointWork::commit() {
  KIT_ASSERT(is_ready(), "there is nothing to commit");
  if (torn_) {
    transaction_.reset();
    co_await Error(Code::failed_precondition,
                   "a transaction was undone behind one that was committed, and both are parts of "
                   "one");
  }
  co_await transaction_->commit();
  for (Function<void()>& action : std::exchange(after_commit_, {})) action();
}

void JointWork::after_commit(Function<void()> action) {
  if (outer_ != nullptr) return outer_->after_commit(std::move(action));
  after_commit_.push_back(std::move(action));
}

Task<> JoiningDatabase::query(std::string_view sql, std::span<const Parameter> parameters,
                              RowSink sink) {
  JointWork* const work = JointWork::current();
  if (work != nullptr && work->transaction_ != nullptr) {
    return work->innermost()->query(sql, parameters, sink);
  }
  return inner_.query(sql, parameters, sink);
}

Task<Session::Changed> JoiningDatabase::execute(std::string_view sql,
                                                std::span<const Parameter> parameters) {
  JointWork* const work = JointWork::current();
  return work != nullptr ? execute_part(*work, sql, parameters) : inner_.execute(sql, parameters);
}

Task<Session::Changed> JoiningDatabase::execute_part(JointWork& work, std::string_view sql,
                                                     std::span<const Parameter> parameters) {
  const std::unique_ptr<Transaction> part =
      co_await work.begin_part(inner_, JointWork::Kind::ordinary);
  const Changed changed = co_await part->execute(sql, parameters);
  co_await part->commit();
  co_return changed;
}

Task<std::unique_ptr<Transaction>> JoiningDatabase::begin() {
  JointWork* const work = JointWork::current();
  return work != nullptr ? work->begin_part(inner_, JointWork::Kind::ordinary) : inner_.begin();
}

Task<std::unique_ptr<Transaction>> JoiningDatabase::begin_isolated(Isolation isolation) {
  JointWork* const work = JointWork::current();
  return work != nullptr ? work->begin_part(inner_, JointWork::Kind::ordinary, isolation)
                         : inner_.begin_isolated(isolation);
}

Task<std::unique_ptr<Transaction>> JoiningDatabase::begin_bulk() {
  JointWork* const work = JointWork::current();
  return work != nullptr ? work->begin_part(inner_, JointWork::Kind::bulk) : inner_.begin_bulk();
}

}  // namespace kit::db
