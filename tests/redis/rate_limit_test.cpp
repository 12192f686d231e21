// SPDX-License-Identifier: Apache-2.0
// Rate limits in a real Redis, which is stopped and killed meanwhile, as run.py says.
#include "kit/adapters/redis/rate_limit.hpp"

#include <set>

#include "kit/async/task_group.hpp"
#include "kit/telemetry/registry.hpp"
#include "tests/redis/server_test_support.hpp"

namespace kit::redis {
namespace {

using namespace std::chrono_literals;

class RateLimitTest : public ServerTest {
 protected:
  /// An instance of a service: its own rules and its own counts.
  struct Instance {
    Instance(Client& client, const resilience::Rate& rate, RateLimitOptions options)
        : limits(client, rules, std::move(options)) {
      use(rate);
    }
    void use(const resilience::Rate& rate) {
      resilience::RateLimitRule rule;
      rule.name = "default";
      rule.key = {resilience::RateKeyPart::user};
      rule.rate = rate;
      EXPECT_TRUE(rules.replace({rule}, Clock::now()).ok());
    }
    resilience::RateLimitRules rules;
    RateLimits limits;
  };
  Task<resilience::RateLimitAnswer> task(Instance& instance, std::string_view user) {
    const resilience::RateLimitRequest request = {.method = "GET",
                                                  .route = "/",
                                                  .address = "192.0.2.1",
                                                  .user = user,
                                                  .api_key = {},
                                                  .header = no_header};
    return instance.limits.ask(request);
  }
  resilience::RateLimitAnswer ask(Instance& instance, std::string_view user = "ada") {
    return run(task(instance, user)).value();
  }
  Instance& instance(const resilience::Rate& rate, RateLimitOptions options = patient()) {
    instances.push_back(std::make_unique<Instance>(*client, rate, std::move(options)));
    return *instances.back();
  }
  /// For tests of what is decided, not of how fast: other programs run beside this one.
  static RateLimitOptions patient() {
    RateLimitOptions options;
    options.deadline = 2s;
    return options;
  }

  static std::optional<std::string_view> none(std::string_view) { return std::nullopt; }
  std::optional<std::string_view> (*none_)(std::string_view) = none;
  FunctionRef<std::optional<std::string_view>(std::string_view)> no_header{none_};
  std::vector<std::unique_ptr<Instance>> instances;
};

TEST_F(RateLimitTest, InstancesShareTheCounts) {
  const resilience::Rate rate{.requests = 10, .per = 3'600'000ms};
  Instance& a = instance(rate);
  Instance& b = instance(rate);
  int allowed = 0;
  for (int i = 0; i < 30; ++i) allowed += ask(i % 2 == 0 ? a : b).allowed() ? 1 : 0;
  EXPECT_EQ(allowed, 10);
  const resilience::RateLimitAnswer refused = ask(a);
  EXPECT_EQ(refused.rule, "default");
  EXPECT_EQ(refused.policy, "\"default\";q=10;w=3600");
  EXPECT_EQ(refused.decision.remaining, 0U);
  EXPECT_GT(refused.decision.retry_after, 300s);
  EXPECT_LE(refused.decision.retry_after, 360s);
  EXPECT_EQ(refused.error().reason(), "RATE_LIMITED");
  EXPECT_TRUE(ask(a, "bob").allowed());
  EXPECT_EQ(a.limits.counts().shared + b.limits.counts().shared, 32U);
  EXPECT_EQ(a.limits.counts().local + b.limits.counts().local, 0U);
}

TEST_F(RateLimitTest, TheServersClockGivesItBack) {
  Instance& a = instance({.requests = 20, .per = 1s, .burst = 2});
  EXPECT_TRUE(ask(a).allowed());
  EXPECT_TRUE(ask(a).allowed());
  const resilience::RateLimitAnswer refused = ask(a);
  ASSERT_FALSE(refused.allowed());
  EXPECT_TRUE(run([](Clock::duration pause) -> Task<> {
                co_await sleep_for(pause);
              }(refused.decision.retry_after))
                  .ok());
  EXPECT_TRUE(ask(a).allowed());
  // The key goes by itself.
  EXPECT_TRUE(run([]() -> Task<> { co_await sleep_for(200ms); }()).ok());
  const Reply keys = run(client->command(words("DBSIZE"))).value();
  EXPECT_EQ(*keys.as_integer(), 0);
}

TEST_F(RateLimitTest, KeysAreShortAndGarbageInThemIsNoTrouble) {
  Instance& a = instance({.requests = 2, .per = 3'600'000ms});
  EXPECT_TRUE(ask(a, std::string(100'000, 'x') + '\0' + "\r\n").allowed());
  const Reply all = run(client->command(words("KEYS *"))).value();
  const std::vector<std::string> keys = all.as_texts().value();
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0].size(), std::string("limit:default:").size() + 32);
  for (const std::string& value :
       {std::string("nonsense"), std::string("-5"), std::string("1e300")}) {
    run(client->set(keys[0], value)).value();
    const auto answer = ask(a, std::string(100'000, 'x') + '\0' + "\r\n");
    EXPECT_EQ(answer.allowed(), value != "1e300") << value;
    EXPECT_LE(answer.decision.reset, 3'600s);
  }
  EXPECT_EQ(a.limits.counts().local, 0U);
}

TEST_F(RateLimitTest, ANewRateHoldsAtOnce) {
  Instance& a = instance({.requests = 5, .per = 3'600'000ms});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(ask(a).allowed());
  a.use({.requests = 10, .per = 1s});
  const resilience::RateLimitAnswer refused = ask(a);
  EXPECT_FALSE(refused.allowed());
  EXPECT_LE(refused.decision.retry_after, 100ms);  // not an hour
}

Task<> ask_many(RateLimits* limits, resilience::RateLimitRequest request, int count, int* allowed) {
  TaskGroup group("asks");
  for (int i = 0; i < count; ++i) {
    auto one = [](RateLimits* on, resilience::RateLimitRequest of, int* sum) -> Task<> {
      const resilience::RateLimitAnswer answer = co_await on->ask(of);
      if (answer.allowed()) ++*sum;
    };
    group.spawn("ask", one(limits, request, allowed));
  }
  Task<> joined = group.join();
  co_await std::move(joined);
}

TEST_F(RateLimitTest, ManyAtOnceGetNoMoreThanThereIs) {
  Instance& a = instance({.requests = 50, .per = 3'600'000ms});
  int allowed = 0;
  const resilience::RateLimitRequest request = {.method = "GET",
                                                .route = "/",
                                                .address = {},
                                                .user = "ada",
                                                .api_key = {},
                                                .header = no_header};
  ASSERT_TRUE(run(ask_many(&a.limits, request, 200, &allowed)).ok());
  EXPECT_EQ(allowed, 50);
}

TEST_F(RateLimitTest, TheLocalCountsDecideWhileRedisIsAway) {
  RateLimitOptions options;
  options.deadline = 100ms;
  options.pause = 300ms;
  Instance& a = instance({.requests = 10, .per = 3'600'000ms}, options);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ask(a).allowed());
  tests::control_server("pause");
  int allowed = 0;
  const auto before = Clock::now();
  for (int i = 0; i < 100; ++i) allowed += ask(a).allowed() ? 1 : 0;
  const auto took = Clock::now() - before;
  EXPECT_EQ(allowed, 6);  // it has counted along
  EXPECT_LE(took, 1s) << "asks that do not answer more than three times";
  const RateLimits::Counts counts = a.limits.counts();
  EXPECT_EQ(counts.local, 100U);
  EXPECT_EQ(a.limits.dependency().breaker().state(), resilience::BreakerState::open);
  telemetry::Registry registry;
  a.limits.add_metrics(registry);
  std::string text;
  registry.write_text(text);
  EXPECT_NE(text.find("rate_limit_decisions_total{where=\"local\"} 100"), std::string::npos)
      << text;
  tests::control_server("go_on");
  // Asked again by itself.
  const auto end = Clock::now() + 10s;
  while (a.limits.counts().shared == counts.shared && Clock::now() < end) {
    EXPECT_TRUE(run([]() -> Task<> { co_await sleep_for(50ms); }()).ok());
    ask(a, "bob");
  }
  EXPECT_GT(a.limits.counts().shared, counts.shared);
  tests::control_server("kill");
  EXPECT_TRUE(ask(a, "eve").allowed());
  tests::control_server("start");
}

TEST_F(RateLimitTest, ACancelledTaskEnds) {
  Instance& a = instance({.requests = 10, .per = 3'600'000ms});
  tests::control_server("pause");
  const auto asked = run(with_deadline(20ms, task(a, "ada")));
  tests::control_server("go_on");
  ASSERT_FALSE(asked.ok());
  EXPECT_EQ(asked.error().code(), Code::deadline_exceeded);
}

}  // namespace
}  // namespace kit::redis
