// SPDX-License-Identifier: Apache-2.0
// An action of an entity whose version a request demands: checked where it changes something.
#include "kit/rest/at_version.hpp"

#include <array>
#include <optional>
#include <thread>

#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/base/function.hpp"

namespace kit::sqlite {
namespace {

struct Thing {
  std::int64_t id = 0;
  std::int64_t version = 0;
};

/// As generated ones are: every use case has transactions of its own.
class Things {
 public:
  explicit Things(db::Database& database) : database_(database) {}

  Task<Thing> get(std::int64_t id) {
    ++reads;
    const std::array<db::Parameter, 1> parameters = {id};
    std::optional<Thing> found;
    auto sink = [&](const db::Row& row) -> Result<> {
      found = {row.int64(0), row.int64(1)};
      return {};
    };
    co_await database_.query("SELECT id, version FROM things WHERE id = ?1", parameters, sink);
    if (after_read) after_read();
    if (!found) co_return Error(Code::not_found, "no such thing");
    co_return *found;
  }
  Task<std::int64_t> bump(bool commits) {
    ++acts;
    const std::unique_ptr<db::Transaction> work = co_await database_.begin();
    co_await work->execute("UPDATE things SET version = version + 1", {});
    if (commits) co_await work->commit();
    co_return 7;
  }
  Task<> bump_twice_and_fail() {
    co_await bump(true);
    co_await bump(true);
    co_await Error(Code::failed_precondition, "not like this");
  }
  Task<> touch_nothing() {
    ++acts;
    co_return;
  }

  int reads = 0;
  int acts = 0;
  Function<void()> after_read;

 private:
  db::Database& database_;
};

class AtVersion : public ::testing::Test {
 protected:
  AtVersion() {
    EXPECT_TRUE(test_.execute("CREATE TABLE things(id INTEGER PRIMARY KEY, version INTEGER)"));
    EXPECT_TRUE(test_.execute("INSERT INTO things VALUES(1, 3)"));
  }
  template <class Act>
  auto act(std::optional<std::int64_t> version, Act act, std::int64_t id = 1) {
    return test_.run(rest::at_version(things_, id, version, act));
  }
  Task<std::int64_t> bump() { return things_.bump(true); }
  std::string version() { return test_.text("SELECT version FROM things"); }

  TestDatabase test_;
  db::JoiningDatabase database_{*test_};
  Things things_{database_};
};

TEST_F(AtVersion, TheOneThatIsThereLetsItPass) {
  const auto done = act(3, [&] { return bump(); });
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_EQ(*done, 7);
  EXPECT_EQ(version(), "4");
  EXPECT_EQ(things_.reads, 2) << "before it, and in its transaction";
}

TEST_F(AtVersion, WithoutOneNothingIsLookedAt) {
  EXPECT_TRUE(act(std::nullopt, [&] { return bump(); }));
  EXPECT_EQ(things_.reads, 0);
}

TEST_F(AtVersion, AnotherOneEndsItBeforeItBegins) {
  for (const std::int64_t other : {2, 4, -1}) {
    const auto done = act(other, [&] { return bump(); });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().reason(), "VERSION_MISMATCH");
    EXPECT_EQ(done.error().http_status(), 412);
  }
  EXPECT_EQ(things_.acts, 0);
  EXPECT_EQ(version(), "3");
}

TEST_F(AtVersion, OneThatComesBetweenIsSeenInTheTransaction) {
  // Another writer, between the first look and the turn to write.
  things_.after_read = [&] {
    if (things_.reads != 1) return;
    std::thread([&] { EXPECT_TRUE(test_.execute("UPDATE things SET version = 10")); }).join();
  };
  const auto done = act(3, [&] { return bump(); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().http_status(), 412);
  EXPECT_EQ(things_.acts, 1);
  EXPECT_EQ(version(), "10");
}

TEST_F(AtVersion, WhatFailsLaterIsUndoneAsAWhole) {
  const auto done = act(3, [&] { return things_.bump_twice_and_fail(); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::failed_precondition);
  EXPECT_EQ(version(), "3");
}

TEST_F(AtVersion, AnActionThatCommitsNothingIsDone) {
  EXPECT_TRUE(act(3, [&] { return things_.bump(false); }));
  EXPECT_EQ(version(), "3");
  EXPECT_TRUE(act(3, [&] { return things_.touch_nothing(); }));
  const auto stale = act(4, [&] { return things_.touch_nothing(); });
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().http_status(), 412);
}

TEST_F(AtVersion, WhatIsNotThereIsForTheActionToSay) {
  EXPECT_TRUE(act(3, [&] { return things_.touch_nothing(); }, 99));
  EXPECT_EQ(things_.acts, 1);
}

}  // namespace
}  // namespace kit::sqlite
