// SPDX-License-Identifier: Apache-2.0
#include "kit/db/joint_work.hpp"

#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"

namespace kit::sqlite {
namespace {

using db::JoiningDatabase;
using db::JointWork;
using db::Transaction;

constexpr std::string_view insert = "INSERT INTO t VALUES (1)";
constexpr std::string_view count = "SELECT count(*) FROM t";

struct Fixture {
  Fixture() { EXPECT_TRUE(database.execute("CREATE TABLE t(x)").ok()); }
  TestDatabase database;
  JoiningDatabase joining{*database};
  int begun = 0;
  JointWork work{[this](Transaction&) { return note(); }};

  Task<> note() {
    ++begun;
    co_return;
  }
  Task<> add(bool committing = true) {
    auto part = co_await joining.begin();
    co_await part->execute(insert, {});
    if (committing) co_await part->commit();
  }
};

TEST(JointWork, PartsAreOneTransactionThatItsOwnerCommits) {
  Fixture f;
  auto run = [&]() -> Task<> {
    JointWork::Entry entry(f.work);
    EXPECT_EQ(f.work.transaction(), nullptr) << "nothing is begun before it is needed";
    co_await f.add();
    co_await f.add();
    co_await f.joining.execute(insert, {});
    EXPECT_EQ(co_await read_int(f.joining, count), 3) << "reads see what the parts changed";
    entry.leave();
    EXPECT_EQ(co_await read_int(f.joining, count), 0) << "others do not";
    EXPECT_TRUE(f.work.is_ready());
    co_await f.work.commit();
    EXPECT_EQ(co_await read_int(f.joining, count), 3);
  };
  const Result<> done = f.database.run(run());
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(f.begun, 1);
}

TEST(JointWork, WithoutCommitNothingStays) {
  Fixture f;
  auto run = [&]() -> Task<> {
    JointWork::Entry entry(f.work);
    co_await f.add();
    entry.leave();
    f.work.drop();
    EXPECT_FALSE(f.work.is_ready());
    co_await f.add();  // no longer under the work
  };
  EXPECT_TRUE(f.database.run(run()).ok());
  EXPECT_EQ(f.database.text(count), "1");
}

TEST(JointWork, APartThatIsDroppedFirstBeginsAnew) {
  Fixture f;
  auto run = [&]() -> Task<> {
    JointWork::Entry entry(f.work);
    co_await f.add(false);
    EXPECT_FALSE(f.work.is_ready());
    co_await f.add();
    entry.leave();
    co_await f.work.commit();
  };
  EXPECT_TRUE(f.database.run(run()).ok());
  EXPECT_EQ(f.database.text(count), "1");
  EXPECT_EQ(f.begun, 2);
}

TEST(JointWork, APartThatIsDroppedBehindACommittedOneFailsAll) {
  Fixture f;
  auto run = [&]() -> Task<> {
    JointWork::Entry entry(f.work);
    co_await f.add();
    co_await f.add(false);
    entry.leave();
    const Result<> committed = co_await as_result(f.work.commit());
    EXPECT_FALSE(committed.ok());
    if (!committed.ok()) EXPECT_EQ(committed.error().code(), Code::failed_precondition);
  };
  EXPECT_TRUE(f.database.run(run()).ok());
  EXPECT_EQ(f.database.text(count), "0");
}

TEST(JointWork, KeptPartsGoOnUntilTheOwnerDropsEverything) {
  Fixture f;
  JointWork work([](Transaction&) -> Task<> { co_return; }, JointWork::Dropped::kept);
  auto run = [&]() -> Task<> {
    JointWork::Entry entry(work);
    co_await f.add(false);
    EXPECT_TRUE(work.has_dropped());
    co_await f.add();
    EXPECT_EQ(co_await read_int(f.joining, count), 2);
    entry.leave();
    const Result<> committed = co_await as_result(work.commit());
    EXPECT_FALSE(committed.ok());
  };
  EXPECT_TRUE(f.database.run(run()).ok());
  EXPECT_EQ(f.database.text(count), "0");
}

TEST(JointWork, OneInAnotherIsAPartOfIt) {
  for (const bool committing : {true, false}) {
    Fixture f;
    auto inner = [&]() -> Task<> {
      JointWork work([](Transaction&) -> Task<> { co_return; });
      JointWork::Entry entry(work);
      co_await f.add();
      co_await f.add();
      entry.leave();
      if (committing) co_await work.commit();
    };
    auto run = [&]() -> Task<> {
      JointWork::Entry entry(f.work);
      Task<> inside = inner();
      co_await std::move(inside);
      entry.leave();
      EXPECT_EQ(f.work.is_ready(), committing);
      if (committing) co_await f.work.commit();
    };
    const Result<> done = f.database.run(run());
    EXPECT_TRUE(done.ok()) << done.error().describe();
    EXPECT_EQ(f.database.text(count), committing ? "2" : "0");
    EXPECT_EQ(f.begun, 1);
  }
}

TEST(JointWork, OnePartAtATime) {
  Fixture f;
  auto run = [&]() -> Task<> {
    JointWork::Entry entry(f.work);
    auto part = co_await f.joining.begin();
    auto second = co_await as_result(f.joining.begin());
    EXPECT_FALSE(second.ok());
    co_await part->commit();
    const auto late = co_await as_result(part->execute(insert, {}));
    EXPECT_FALSE(late.ok()) << "a part that was committed has ended";
    entry.leave();
  };
  EXPECT_TRUE(f.database.run(run()).ok());
}

TEST(JointWork, WhatTheOwnerFindsAtTheBeginningMayRefuse) {
  Fixture f;
  JointWork refusing([](Transaction&) -> Task<> { co_await Error(Code::aborted, "no"); });
  auto run = [&]() -> Task<> {
    JointWork::Entry entry(refusing);
    const Result<> added = co_await as_result(f.add());
    EXPECT_FALSE(added.ok());
    if (!added.ok()) EXPECT_EQ(added.error().code(), Code::aborted);
    entry.leave();
    EXPECT_EQ(refusing.transaction(), nullptr);
    co_await f.add();  // the turn to write is free again
  };
  EXPECT_TRUE(f.database.run(run()).ok());
}

TEST(JointWork, TasksBesideItAreNotUnderIt) {
  Fixture f;
  auto under = [&]() -> Task<> {
    JointWork::Entry entry(f.work);
    co_await f.add();
    co_await sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(JointWork::current(), &f.work) << "after a turn of the loop as before";
    entry.leave();
    f.work.drop();
  };
  auto beside = [&]() -> Task<> {
    EXPECT_EQ(JointWork::current(), nullptr);
    EXPECT_EQ(co_await read_int(f.joining, count), 0);
    co_await f.add();  // waits for its turn
    EXPECT_EQ(JointWork::current(), nullptr);
  };
  auto both = [&]() -> Task<> {
    TaskGroup group("both");
    group.spawn("under", under());
    group.spawn("beside", beside());
    Task<> joining = group.join();
    co_await std::move(joining);
  };
  const Result<> done = f.database.run(both());
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(f.database.text(count), "1");
}

}  // namespace
}  // namespace kit::sqlite
