// SPDX-License-Identifier: Apache-2.0
// How long an import waits for its turn; what locks it on real databases is tried by
// tests/warm/imports_test.py.
#include "kit/db/import_lock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/db/joint_work.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::db {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct EmptyRow : Row {
  bool is_null(int) const override { return true; }
  std::int64_t int64(int) const override { return 0; }
  double real(int) const override { return 0; }
  std::int64_t scaled(int, int) const override { return 0; }
  std::string_view text(int) const override { return {}; }
};

/// Somebody is in the way until `free_at`: of beginning, or (`in_statement`) of the first
/// statement.
struct Busy : Database {
  explicit Busy(Dialect kind, Error why) : kind_(kind), error(std::move(why)) {}

  struct Unit : Transaction {
    explicit Unit(Busy& owner) : busy(owner) {}
    Task<> query(std::string_view, std::span<const Parameter>, RowSink sink) override {
      if (busy.in_statement && busy.kind_ == Dialect::postgresql) return busy.tell(sink);
      return busy.in_statement ? busy.wait() : busy.pass();
    }
    Task<Changed> execute(std::string_view sql, std::span<const Parameter>) override {
      busy.executed.emplace_back(sql.substr(0, 6));
      co_return Changed{};
    }
    Task<std::unique_ptr<Transaction>> begin_nested() override {
      co_return Error(Code::unimplemented, "no units of work inside one another");
    }
    Task<> check() override { co_return; }
    Task<> commit() override { co_return; }
    Dialect dialect() const override { return busy.kind_; }
    Busy& busy;
  };

  Task<> pass() { co_return; }
  /// As PostgreSQL does, which is asked who has the lock and does not wait for it.
  Task<> tell(RowSink sink) {
    const EmptyRow row;
    if (Loop::current().now() < free_at) co_await sink(row);
  }
  Task<> wait() {
    if (Loop::current().now() < free_at) co_await error.clone();
  }
  Task<> query(std::string_view, std::span<const Parameter>, RowSink) override { co_return; }
  Task<Changed> execute(std::string_view, std::span<const Parameter>) override {
    ADD_FAILURE() << "past the transaction";
    co_return Changed{};
  }
  Task<std::unique_ptr<Transaction>> begin() override {
    ++begun;
    if (!in_statement) co_await wait();
    co_return std::unique_ptr<Transaction>(std::make_unique<Unit>(*this));
  }
  Task<std::unique_ptr<Transaction>> begin_isolated(Isolation) override { return begin(); }
  Task<std::unique_ptr<Transaction>> begin_read() override { return begin(); }
  Session& replica() override { return *this; }
  Dialect dialect() const override { return kind_; }

  Dialect kind_;
  Error error;
  bool in_statement = false;
  Clock::time_point free_at{};
  int begun = 0;
  std::vector<std::string> executed;
};

Error locked(std::string reason) {
  return Error(Code::aborted, "it is locked").with_reason(std::move(reason));
}

Task<> begin_one(Database& database) {
  const std::unique_ptr<Transaction> transaction = co_await begin_import(database);
  EXPECT_NE(transaction, nullptr);
}

struct Outcome {
  Result<> result;
  Clock::duration took;
};

Outcome begin_after(Busy& busy, Clock::duration held) {
  kit::testing::VirtualLoop loop;
  const Clock::time_point begun = loop.now();
  busy.free_at = begun + held;
  Result<> result = run(loop, begin_one(busy));
  return {std::move(result), loop.now() - begun};
}

TEST(ImportLock, waits_for_up_to_ten_minutes) {
  for (const auto& [dialect, reason] :
       {std::pair{Dialect::sqlite, "DATABASE_BUSY"}, std::pair{Dialect::mysql, "LOCK_TIMEOUT"},
        std::pair{Dialect::mysql, "DEADLOCK"}, std::pair{Dialect::postgresql, "LOCK_TIMEOUT"}}) {
    for (const bool in_statement : {false, true}) {
      if (dialect == Dialect::sqlite && in_statement) continue;
      Busy busy(dialect, locked(reason));
      busy.in_statement = in_statement;
      const Outcome at = begin_after(busy, 10min);
      EXPECT_TRUE(at.result.ok()) << reason << at.result.error().describe();
      EXPECT_GT(busy.begun, 1'000);
      const Outcome past = begin_after(busy, 10min + 1s);
      ASSERT_FALSE(past.result.ok()) << reason;
      EXPECT_EQ(past.result.error().reason(), "IMPORT_LOCKED");
      EXPECT_EQ(past.result.error().code(), Code::unavailable);
      EXPECT_THAT(past.result.error().message(), HasSubstr("nothing was imported"));
      const bool is_asked = in_statement && dialect == Dialect::postgresql;
      EXPECT_THAT(past.result.error().message(),
                  HasSubstr(is_asked ? "another import has" : "it is locked"));
      EXPECT_LT(past.took, 10min + 1s);
    }
  }
}

TEST(ImportLock, what_does_not_pass_is_told_at_once) {
  for (const auto& [dialect, reason] :
       {std::pair{Dialect::sqlite, "DISK_FULL"}, std::pair{Dialect::mysql, "DATABASE_BUSY"},
        std::pair{Dialect::postgresql, "DATABASE_BUSY"}}) {
    Busy busy(dialect, locked(reason));
    const Outcome outcome = begin_after(busy, 1h);
    ASSERT_FALSE(outcome.result.ok());
    EXPECT_EQ(outcome.result.error().reason(), reason);
    EXPECT_EQ(busy.begun, 1);
  }
}

TEST(ImportLock, ends_with_its_deadline) {
  Busy busy(Dialect::sqlite, locked("DATABASE_BUSY"));
  busy.free_at = Clock::time_point::max();
  kit::testing::VirtualLoop loop;
  const Clock::time_point begun = loop.now();
  const Result<> result = run(loop, with_deadline(Clock::duration(3s), begin_one(busy)));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), Code::deadline_exceeded);
  EXPECT_LE(loop.now() - begun, 4s);
}

TEST(ImportLock, the_first_import_adds_the_row_that_all_wait_for) {
  Busy busy(Dialect::mysql, locked("LOCK_TIMEOUT"));
  const Outcome outcome = begin_after(busy, 0s);
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.error().describe();
  EXPECT_THAT(busy.executed, ElementsAre("INSERT"));
}

Task<> begin_as_a_part(Busy& busy, int* claimed) {
  JoiningDatabase joining(busy);
  JointWork work([claimed](Transaction&) -> Task<> {
    ++*claimed;
    co_return;
  });
  JointWork::Entry entry(work);
  std::unique_ptr<Transaction> transaction = co_await begin_import(joining);
  co_await transaction->commit();
  transaction.reset();
  EXPECT_TRUE(work.is_ready());
  co_await work.commit();
}

TEST(ImportLock, a_part_of_joint_work_waits_too) {
  for (const bool in_statement : {false, true}) {
    Busy busy(Dialect::mysql, locked("LOCK_TIMEOUT"));
    busy.in_statement = in_statement;
    int claimed = 0;
    kit::testing::VirtualLoop loop;
    busy.free_at = loop.now() + 30s;
    const Result<> result = run(loop, begin_as_a_part(busy, &claimed));
    EXPECT_TRUE(result.ok()) << result.error().describe();
    EXPECT_GT(claimed, 0);
  }
}

}  // namespace
}  // namespace kit::db
