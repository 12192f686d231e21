// SPDX-License-Identifier: Apache-2.0
#include "kit/record/locking.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/record/insert.hpp"

namespace kit::record {
namespace {

/// Remembers what it was asked, and refuses what `refusal` says.
class Spoken final : public db::Session {
 public:
  explicit Spoken(db::Dialect dialect) : dialect_(dialect) {}
  Task<> query(std::string_view sql, std::span<const db::Parameter>, db::RowSink) override {
    texts.emplace_back(sql);
    co_return;
  }
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter>) override {
    texts.emplace_back(sql);
    if (refusal) co_return refusal->clone();
    co_return Changed{.rows = rows, .last_id = 7};
  }
  db::Dialect dialect() const override { return dialect_; }

  std::vector<std::string> texts;
  std::optional<Error> refusal;
  std::int64_t rows = 1;

 private:
  db::Dialect dialect_;
};

class Dialects : public ::testing::Test {
 protected:
  template <class T>
  Result<T> run(Task<T> task) {
    return kit::run(*loop_, std::move(task));
  }
  Spoken sqlite_{db::Dialect::sqlite};
  Spoken postgresql_{db::Dialect::postgresql};
  Spoken mysql_{db::Dialect::mysql};

 private:
  std::unique_ptr<Loop> loop_ = make_epoll_loop().value();
};

TEST_F(Dialects, RowsAreLockedWhereWritersRunSideBySide) {
  const auto text = [&](Spoken& session, Purpose purpose) {
    auto ignore = [](const db::Row&) -> Result<> { return {}; };
    session.texts.clear();
    EXPECT_TRUE(run(select(session, "SELECT 1", {}, ignore, purpose)));
    return session.texts.at(0);
  };
  for (const Purpose purpose :
       {Purpose::reading, Purpose::changing, Purpose::referring, Purpose::removing}) {
    EXPECT_EQ(text(sqlite_, purpose), "SELECT 1");
  }
  EXPECT_EQ(text(postgresql_, Purpose::reading), "SELECT 1");
  EXPECT_EQ(text(postgresql_, Purpose::changing), "SELECT 1 FOR NO KEY UPDATE");
  EXPECT_EQ(text(postgresql_, Purpose::referring), "SELECT 1 FOR SHARE");
  EXPECT_EQ(text(postgresql_, Purpose::removing), "SELECT 1 FOR UPDATE");
  EXPECT_EQ(text(mysql_, Purpose::reading), "SELECT 1");
  EXPECT_EQ(text(mysql_, Purpose::changing), "SELECT 1 FOR UPDATE");
  EXPECT_EQ(text(mysql_, Purpose::referring), "SELECT 1 LOCK IN SHARE MODE");
  EXPECT_EQ(text(mysql_, Purpose::removing), "SELECT 1 FOR UPDATE");
  EXPECT_TRUE(run(lock_for_removal(sqlite_, "SELECT 2", {})));
  EXPECT_EQ(sqlite_.texts.back(), "SELECT 1") << "where others wait anyway";
}

constexpr EntityName box = {.label = "box", .upper = "BOX"};
constexpr db::Sql add = {.sqlite = "ADD", .postgresql = "ADD RETURNING id"};

TEST_F(Dialects, OnlyPostgresqlHasToBeToldOfIdsThatWereGiven) {
  const std::array<db::Parameter, 1> next = {nullptr};
  const std::array<db::Parameter, 1> given = {std::int64_t{5}};
  for (Spoken* session : {&sqlite_, &postgresql_, &mysql_}) {
    const auto added = run(insert(*session, "boxes", add, next, box, {}));
    ASSERT_TRUE(added);
    EXPECT_EQ(added->last_id, 7);
    EXPECT_EQ(session->texts.size(), 1U);
    EXPECT_TRUE(run(insert(*session, "boxes", add, given, box, {})));
  }
  EXPECT_EQ(sqlite_.texts.size(), 2U);
  EXPECT_EQ(mysql_.texts.size(), 2U);
  EXPECT_EQ(mysql_.texts.front(), "ADD") << "what is left out is as SQLite has it";
  ASSERT_EQ(postgresql_.texts.size(), 3U);
  EXPECT_EQ(postgresql_.texts.front(), "ADD RETURNING id");
  EXPECT_NE(postgresql_.texts.back().find("setval"), std::string::npos);
}

TEST_F(Dialects, ALinkThatIsThereIsNoneThatWasMade) {
  mysql_.rows = 2;
  EXPECT_EQ(run(link(mysql_, add, {}, box))->rows, 1) << "one that was changed";
  mysql_.refusal = Error(Code::already_exists, "twice").with_reason("UNIQUE_VIOLATION");
  EXPECT_EQ(run(link(mysql_, add, {}, box))->rows, 0);
  mysql_.refusal = Error(Code::failed_precondition, "no").with_reason("FOREIGN_KEY_VIOLATION");
  EXPECT_EQ(run(link(mysql_, add, {}, box)).error().reason(), "FOREIGN_KEY_VIOLATION");
}

}  // namespace
}  // namespace kit::record
