// SPDX-License-Identifier: Apache-2.0
// Against a primary, two replicas and three Sentinels, which run.py starts.
#include "tests/redis/server_test_support.hpp"

namespace kit::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using SentinelTest = ServerTest;

/// Which process it is, of what INFO says.
std::string run_id(const Reply& info) {
  const std::string& text = info.bytes();
  const std::size_t at = text.find("run_id:");
  return at == text.npos ? "none" : text.substr(at, text.find('\r', at) - at);
}

TEST_F(SentinelTest, AnUnknownNameIsNoServer) {
  std::string dsn = tests::setting("KIT_TEST_DSN");
  dsn.replace(dsn.find("/store"), 6, "/nosuch");
  auto other = open_client(test_options(dsn));
  EXPECT_EQ(shown(run(other->get("x"))), "UNAVAILABLE REDIS_NO_PRIMARY");
}

TEST_F(SentinelTest, ThePrimaryIsFoundAndTheNextOneFollowed) {
  run(client->set("before", "1")).value();
  const std::string first = run_id(run(client->command(words("INFO server"))).value());
  auto session = [&]() -> Task<> {
    Session own = co_await client->session();
    // So that what is written now survives.
    co_await own.command(words("SET kept 1"));
    Reply replicas = co_await own.command(words("WAIT 2 2000"), seconds(2));
    EXPECT_EQ(replicas.as_integer().value(), 2);
  };
  run(session()).value();
  tests::control_server("kill");
  auto go_on = [&]() -> Task<> {
    for (;;) {
      auto was_set = co_await as_result(client->set("after", "1"));
      if (was_set.ok()) co_return;
      EXPECT_EQ(name(was_set.error().code()), "UNAVAILABLE") << was_set.error().describe();
      co_await sleep_for(milliseconds(20));
    }
  };
  run(with_deadline(seconds(30), go_on())).value();
  EXPECT_EQ(run(client->get("kept")).value(), "1");
  const std::string second = run_id(run(client->command(words("INFO server"))).value());
  EXPECT_NE(first, second);
  const Reply role = run(client->command(words("ROLE"))).value();
  EXPECT_EQ(role.items()[0].bytes(), "master");
  // The one that was killed comes back and thinks it takes writes, until it is told.
  tests::control_server("start");
  for (int i = 0; i < 20; ++i) {
    auto other = open_client(test_options());
    EXPECT_EQ(run(other->get("after")).value(), "1");
  }
}

TEST_F(SentinelTest, APrimaryThatIsTakenOffIsLeft) {
  // Asked to by an operator: the old one lives on, as a replica.
  auto swap = [&]() -> Task<> {
    co_await client->set("x", "1");
    std::string dsn = tests::setting("KIT_TEST_DSN");
    const std::size_t begin = dsn.find("://") + 3;
    RedisOptions options = test_options("redis://" + dsn.substr(begin, dsn.find(',') - begin));
    auto sentinel = open_client(std::move(options));
    const auto failover = words("SENTINEL FAILOVER store");
    for (;;) {
      auto asked = co_await as_result(sentinel->command(failover));
      if (asked.ok()) break;
      // While it still looks after the fail-over before.
      co_await sleep_for(milliseconds(100));
    }
    const Reply before = co_await client->command(words("INFO server"));
    for (;;) {
      auto was_set = co_await as_result(client->set("x", "2"));
      auto info = co_await as_result(client->command(words("INFO server")));
      if (was_set.ok() && info.ok() && run_id(*info) != run_id(before)) co_return;
      co_await sleep_for(milliseconds(20));
    }
  };
  EXPECT_EQ(shown(run(with_deadline(seconds(60), swap()))), "fine");
}

}  // namespace
}  // namespace kit::redis
