// SPDX-License-Identifier: Apache-2.0
// Notifications are heard, and what may have been missed is told.
#include "postgres_support.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;
using postgres::Listener;

class ListenTest : public PostgresTest {
 protected:
  static PostgresOptions listening() {
    PostgresOptions wanted = options();
    wanted.listen_dsn = setting("KIT_TEST_DIRECT_DSN");
    return wanted;
  }
};

/// What one channel has told.
struct Heard {
  std::vector<std::string> payloads;
  int missed = 0;
  std::unique_ptr<Listener> listener;

  void start(PostgresDatabase& database, std::string_view channel) {
    auto made = database.listen(
        channel, [this](std::string_view payload) { payloads.emplace_back(payload); },
        [this] { ++missed; });
    ASSERT_TRUE(made.ok()) << made.error().describe();
    listener = std::move(*made);
  }
};

Task<> until(const std::function<bool()>& holds) {
  const auto end = Clock::now() + 5s;
  while (!holds()) {
    if (Clock::now() > end) co_await Error(Code::internal, "it did not come");
    co_await sleep_for(5ms);
  }
}

Task<> hear(PostgresDatabase& database) {
  Heard heard;
  const std::string channel = "we\"ird Näme";
  heard.start(database, channel);
  const std::function<bool()> is_there = [&] { return heard.missed == 1; };
  co_await until(is_there);
  co_await postgres::notify(database, channel, "one");
  auto dropped = co_await database.begin();
  co_await postgres::notify(*dropped, channel, "never");
  dropped.reset();
  auto kept = co_await database.begin();
  co_await postgres::notify(*kept, channel, "two");
  co_await sleep_for(100ms);
  EXPECT_THAT(heard.payloads, ::testing::ElementsAre("one"));
  co_await kept->commit();
  const std::string longest(postgres::most_payload_bytes, 'x');
  co_await postgres::notify(database, channel, longest);
  co_await postgres::notify(database, channel, "");
  const std::function<bool()> is_all = [&] { return heard.payloads.size() == 4; };
  co_await until(is_all);
  EXPECT_THAT(heard.payloads, ::testing::ElementsAre("one", "two", longest, ""));
  EXPECT_EQ(heard.missed, 1);
}

TEST_F(ListenTest, WhatIsCommittedIsHeard) {
  const auto database = open(listening());
  const auto done = run(hear(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> hear_again(PostgresDatabase& database) {
  Heard heard;
  heard.start(database, "again");
  const std::function<bool()> is_there = [&] { return heard.missed == 1; };
  co_await until(is_there);
  co_await text(
      database,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
  const std::function<bool()> is_back = [&] { return heard.missed == 2; };
  co_await until(is_back);
  co_await postgres::notify(database, "again", "later");
  const std::function<bool()> came = [&] { return heard.payloads.size() == 1; };
  co_await until(came);
}

TEST_F(ListenTest, AConnectionThatBreaksIsMadeAnewAndSaysSo) {
  const auto database = open(listening());
  const auto done = run(hear_again(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_GE(database->stats().lost, 1u);
}

Task<> flood(PostgresDatabase& database) {
  Heard heard;
  heard.start(database, "flood");
  const std::function<bool()> is_there = [&] { return heard.missed == 1; };
  co_await until(is_there);
  co_await text(database,
                "SELECT count(pg_notify('flood', i::text)) FROM generate_series(1, 20000) i");
  const std::function<bool()> came = [&] { return heard.payloads.size() == 20'000; };
  co_await until(came);
  EXPECT_EQ(heard.payloads.back(), "20000");
  EXPECT_EQ(heard.missed, 1);
}

TEST_F(ListenTest, ManyAtOnceAllCome) {
  const auto database = open(listening());
  const auto done = run(flood(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> end_inside(PostgresDatabase& database) {
  std::unique_ptr<Listener> first, second;
  int calls = 0;
  const auto end_first = [&](std::string_view) {
    ++calls;
    first.reset();
  };
  const auto end_second = [&] {
    ++calls;
    second.reset();
  };
  first = std::move(*database.listen("inside", end_first, [] {}));
  second = std::move(*database.listen("inside", [](std::string_view) {}, end_second));
  const std::function<bool()> one_ended = [&] { return second == nullptr; };
  co_await until(one_ended);
  while (first != nullptr) {
    co_await postgres::notify(database, "inside", "x");
    co_await sleep_for(10ms);
  }
  EXPECT_EQ(calls, 2);
}

TEST_F(ListenTest, AListenerMayEndWhereItIsCalled) {
  const auto database = open(listening());
  const auto done = run(with_deadline(10s, end_inside(*database)));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(ListenTest, LimitsAndPoolersAreToldOf) {
  const auto database = open(listening());
  const auto loop = make_epoll_loop().value();
  auto refused = [](PostgresDatabase& where, std::string channel) -> Task<> {
    co_await where.listen(channel, [](std::string_view) {}, [] {});
  };
  const std::string longest(postgres::most_channel_bytes, 'c');
  EXPECT_TRUE(kit::run(*loop, refused(*database, longest)).ok());
  EXPECT_EQ(kit::run(*loop, refused(*database, longest + "c")).error().code(),
            Code::invalid_argument);
  EXPECT_EQ(kit::run(*loop, refused(*database, "")).error().code(), Code::invalid_argument);
  EXPECT_TRUE(kit::run(*loop, postgres::notify(*database, longest, "")).ok());
  EXPECT_EQ(kit::run(*loop, postgres::notify(*database, longest + "c", "")).error().code(),
            Code::invalid_argument);
  const std::string past(postgres::most_payload_bytes + 1, 'x');
  EXPECT_EQ(kit::run(*loop, postgres::notify(*database, "c", past)).error().code(),
            Code::invalid_argument);
  PostgresOptions pooled = options();
  pooled.prepared = false;
  const auto behind = open(pooled);
  EXPECT_EQ(kit::run(*loop, refused(*behind, "c")).error().reason(), "LISTEN_UNSUPPORTED");
}

TEST_F(ListenTest, ALoopThatEndsTakesItsListenersConnection) {
  const auto database = open(listening());
  Heard heard;
  auto wait = [](Heard& one, PostgresDatabase& where) -> Task<> {
    one.start(where, "ends");
    const std::function<bool()> is_there = [&] { return one.missed == 1; };
    co_await until(is_there);
  };
  ASSERT_TRUE(run(wait(heard, *database)).ok());
  EXPECT_EQ(database->stats().connections, 0);
  heard.listener.reset();
}

}  // namespace
}  // namespace kit::tests
