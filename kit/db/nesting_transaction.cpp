// SPDX-License-Identifier: Apache-2.0
#include "kit/db/nesting_transaction.hpp"

#include <array>
#include <string>
#include <utility>

#include "kit/db/insert_rows.hpp"

namespace kit::db {
namespace {

/// The statements of one level.
struct Savepoint {
  std::string set;
  std::string release;
  std::string roll_back;
};

/// Of a level from 1. Lifetime: the program's.
const Savepoint& savepoint(int level) {
  static const auto texts = [] {
    std::array<Savepoint, deepest_nesting> all;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::string name = "SAVEPOINT nested_" + std::to_string(i + 1);
      all[i] = {name, "RELEASE " + name, "ROLLBACK TO " + name};
    }
    return all;
  }();
  return texts[static_cast<std::size_t>(level - 1)];
}

Error nested_error() {
  return Error(Code::internal,
               "a unit of work is open inside this transaction: use that one, or commit or drop it "
               "before")
      .with_reason("NESTED_TRANSACTION");
}

Error ended_error() {
  return Error(Code::internal, "the transaction has ended already")
      .with_reason("TRANSACTION_ENDED");
}

Task<> refused(Error why) {
  co_await std::move(why);
}
Task<Session::Changed> refused_change(Error why) {
  co_return why;
}
Task<std::int64_t> refused_rows(Error why) {
  co_return why;
}

}  // namespace

class NestingTransaction::Nested final : public Transaction {
 public:
  Nested(NestingTransaction& outermost, Nested* outer)
      : outermost_(&outermost),
        outer_(outer),
        level_(level_inside(outer)),
        dialect_(outermost.dialect()) {}
  ~Nested() override {
    if (outermost_ != nullptr) outermost_->drop(*this);
  }

  static int level_inside(const Nested* outer) { return outer != nullptr ? outer->level_ + 1 : 1; }

  Task<> query(std::string_view sql, std::span<const Parameter> parameters, RowSink sink) override {
    Result<> fit = usable();
    if (!fit) return refused(std::move(fit).error());
    return outermost_->run_query(sql, parameters, sink);
  }
  Task<Changed> execute(std::string_view sql, std::span<const Parameter> parameters) override {
    Result<> fit = usable();
    if (!fit) return refused_change(std::move(fit).error());
    return outermost_->run_execute(sql, parameters);
  }
  Task<std::int64_t> insert_rows(std::string_view table, std::span<const std::string_view> columns,
                                 RowSource next) override {
    Result<> fit = usable();
    if (!fit) return refused_rows(std::move(fit).error());
    return outermost_->run_insert_rows(*this, table, columns, next);
  }
  Task<> check() override {
    Result<> fit = usable();
    if (!fit) return refused(std::move(fit).error());
    return outermost_->run_check();
  }
  Task<> commit() override {
    co_await usable();
    co_await outermost_->run_execute(savepoint(level_).release, {});
    outermost_->innermost_ = outer_;
    outermost_ = nullptr;
  }
  Task<std::unique_ptr<Transaction>> begin_nested() override {
    co_await usable();
    co_return co_await outermost_->begin_inside(this);
  }
  Dialect dialect() const override { return dialect_; }

 private:
  friend class NestingTransaction;
  Result<> usable() const {
    if (outermost_ == nullptr) return ended_error();
    if (outermost_->innermost_ != this) return nested_error();
    return {};
  }

  NestingTransaction* outermost_;  // null: it has ended
  Nested* const outer_;
  const int level_;
  Dialect dialect_;
};

NestingTransaction::~NestingTransaction() {
  for (Nested* nested = innermost_; nested != nullptr; nested = nested->outer_) {
    nested->outermost_ = nullptr;
  }
}

Result<> NestingTransaction::usable() const {
  if (innermost_ != nullptr) return nested_error();
  return {};
}

Task<> NestingTransaction::query(std::string_view sql, std::span<const Parameter> parameters,
                                 RowSink sink) {
  if (innermost_ != nullptr) return refused(nested_error());
  return run_query(sql, parameters, sink);
}

Task<Session::Changed> NestingTransaction::execute(std::string_view sql,
                                                   std::span<const Parameter> parameters) {
  if (innermost_ != nullptr) return refused_change(nested_error());
  return run_execute(sql, parameters);
}

Task<std::int64_t> NestingTransaction::insert_rows(std::string_view table,
                                                   std::span<const std::string_view> columns,
                                                   RowSource next) {
  if (innermost_ != nullptr) return refused_rows(nested_error());
  return run_insert_rows(*this, table, columns, next);
}

Task<std::int64_t> NestingTransaction::run_insert_rows(Session& session, std::string_view table,
                                                       std::span<const std::string_view> columns,
                                                       RowSource next) {
  return insert_rows_by_statements(session, table, columns, next);
}

Task<> NestingTransaction::check() {
  if (innermost_ != nullptr) return refused(nested_error());
  return run_check();
}

Task<> NestingTransaction::commit() {
  if (innermost_ != nullptr) return refused(nested_error());
  return run_commit();
}

Task<std::unique_ptr<Transaction>> NestingTransaction::begin_nested() {
  co_await usable();
  co_return co_await begin_inside(nullptr);
}

Task<std::unique_ptr<Transaction>> NestingTransaction::begin_inside(Nested* outer) {
  const int level = Nested::level_inside(outer);
  if (level > deepest_nesting) {
    co_return Error(Code::internal, "more than " + std::to_string(deepest_nesting) +
                                        " units of work inside one another")
        .with_reason("NESTED_TOO_DEEP");
  }
  co_await run_execute(savepoint(level).set, {});
  auto nested = std::make_unique<Nested>(*this, outer);
  innermost_ = nested.get();
  co_return std::unique_ptr<Transaction>(std::move(nested));
}

void NestingTransaction::drop(Nested& nested) {
  const Savepoint& undone = savepoint(nested.level_);
  // With it go those that are still open inside.
  while (innermost_ != nested.outer_) {
    innermost_->outermost_ = nullptr;
    innermost_ = innermost_->outer_;
  }
  undo(undone.roll_back, undone.release);
}

}  // namespace kit::db
