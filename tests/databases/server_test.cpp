// SPDX-License-Identifier: Apache-2.0
// The server goes and comes back.
#include "suite.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;

class ServerTest : public DatabaseTest {
 protected:
  void SetUp() override {
    if (!backend().has_server()) GTEST_SKIP() << "the database is no server";
    make_counter();
  }
};

Task<> end_it_meanwhile(db::Database& database, Backend& backend) {
  TaskGroup group("slow");
  auto sleeps = [](db::Database& where, std::string sql) -> Task<> {
    const auto done = co_await as_result(text(where, std::move(sql)));
    EXPECT_EQ(done.error().code(), Code::unavailable) << done.error().describe();
  };
  for (int i = 0; i < 8; ++i) group.spawn(sleeps(database, backend.slow_query(30)));
  auto transaction = co_await database.begin();
  co_await change(*transaction, "INSERT INTO t (id, n) VALUES (5, 5)");
  co_await sleep_for(300ms);
  backend.kill();
  co_await group.join();
  const Result<> committed = co_await as_result(transaction->commit());
  EXPECT_EQ(committed.error().code(), Code::unavailable) << committed.error().describe();
}

TEST_F(ServerTest, AKilledServerIsUnavailableUntilItIsBack) {
  set_up("INSERT INTO t (id, n) VALUES (1, 1)");
  const auto done = run(with_deadline(10s, end_it_meanwhile(database(), backend())));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  const auto begun = Clock::now();
  const auto gone = run(with_deadline(5s, text(database(), "SELECT 1")));
  EXPECT_EQ(gone.error().code(), Code::unavailable) << gone.error().describe();
  EXPECT_LT(Clock::now() - begun, 5s);
  backend().start();
  const auto up = Clock::now();
  Result<std::string> back = run(text(database(), "SELECT id FROM t"));
  while (!back && Clock::now() - up < 10s) {
    EXPECT_EQ(back.error().code(), Code::unavailable) << back.error().describe();
    EXPECT_TRUE(run([]() -> Task<> { co_await sleep_for(20ms); }()).ok());
    back = run(text(database(), "SELECT id FROM t"));
  }
  EXPECT_LT(Clock::now() - up, 2s);
  EXPECT_EQ(*back, "1");
}

}  // namespace
}  // namespace kit::tests
