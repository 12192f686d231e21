// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/dependency.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/log/capture.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::resilience {
namespace {

using namespace std::chrono_literals;

std::string shown(const Error& error) {
  return std::string(name(error.code())) + " " + error.reason();
}

class DependencyTest : public ::testing::Test {
 protected:
  void make(DependencyOptions options = {}) {
    dependency = std::make_shared<Dependency>("http", "http://stock", options);
  }
  Task<int> answer(Clock::duration after = 0s) {
    ++reached;
    ++inside;
    most_inside = std::max(most_inside, inside);
    auto slept = co_await as_result(sleep_for(after));
    --inside;
    co_await std::move(slept);
    if (!healthy) co_return Error(code, "down");
    co_return 1;
  }
  std::string call(Clock::duration after = 0s) {
    const Result<int> result = run(loop, dependency->call(answer(after)));
    return result.ok() ? "fine" : shown(result.error());
  }

  testing::VirtualLoop loop;
  std::shared_ptr<Dependency> dependency;
  bool healthy = true;
  Code code = Code::unavailable;
  int reached = 0;
  int inside = 0;
  int most_inside = 0;
};

TEST_F(DependencyTest, OpensAndIsFoundAgain) {
  make();
  healthy = false;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(call(), "UNAVAILABLE ");
  EXPECT_EQ(call(), "UNAVAILABLE BREAKER_OPEN");
  EXPECT_EQ(reached, 10);
  healthy = true;
  loop.advance(5s);
  EXPECT_EQ(call(), "fine");
  EXPECT_EQ(call(), "fine");
  EXPECT_EQ(dependency->breaker().state(), BreakerState::closed);
}

TEST_F(DependencyTest, ErrorsOfTheCallerAreNoFailures) {
  make();
  healthy = false;
  for (Code mine :
       {Code::invalid_argument, Code::not_found, Code::already_exists, Code::permission_denied,
        Code::resource_exhausted, Code::failed_precondition, Code::aborted, Code::out_of_range,
        Code::unimplemented, Code::unauthenticated}) {
    code = mine;
    for (int i = 0; i < 20; ++i) call();
    EXPECT_EQ(dependency->breaker().state(), BreakerState::closed) << name(mine);
  }
  for (Code theirs : {Code::unavailable, Code::deadline_exceeded, Code::internal, Code::unknown,
                      Code::data_loss}) {
    make();
    code = theirs;
    for (int i = 0; i < 10; ++i) call();
    EXPECT_EQ(dependency->breaker().state(), BreakerState::open) << name(theirs);
  }
}

TEST_F(DependencyTest, EndsInTime) {
  make({.timeout = 100ms});
  EXPECT_EQ(call(99ms), "fine");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(call(101ms), "DEADLINE_EXCEEDED ");
  EXPECT_EQ(call(), "UNAVAILABLE BREAKER_OPEN");
}

/// Who sends short deadlines must not open the breaker for everybody.
TEST_F(DependencyTest, ShortDeadlinesOfCallersSayNothing) {
  make();
  for (int i = 0; i < 100; ++i) {
    Task<int> called = dependency->call(answer(1s));
    EXPECT_FALSE(run(loop, with_deadline(249ms, std::move(called))).ok());
  }
  EXPECT_EQ(dependency->breaker().state(), BreakerState::closed);
  EXPECT_EQ(dependency->breaker().read(loop.now()).failures, 0U);
  for (int i = 0; i < 10; ++i) {
    Task<int> called = dependency->call(answer(1s));
    EXPECT_FALSE(run(loop, with_deadline(250ms, std::move(called))).ok());
  }
  EXPECT_EQ(dependency->breaker().state(), BreakerState::open);
}

TEST_F(DependencyTest, TriesAgainWithinItsBudget) {
  make({.retry = {.seed = 1}});
  healthy = false;
  int failed = 0;
  for (int i = 0; i < 6; ++i) {
    Function<Task<int>()> again = [this] { return answer(); };
    if (!run(loop, dependency->call_again(std::move(again))).ok()) ++failed;
  }
  EXPECT_EQ(failed, 6);
  EXPECT_EQ(reached, 9);  // 3, 2, and no retry any more
  EXPECT_EQ(dependency->breaker().read(loop.now()).failures, 9U);
}

Task<> call_many(Dependency* dependency, Function<Task<int>()> work, int count,
                 std::vector<std::string>* outcomes) {
  TaskGroup group("calls");
  for (int i = 0; i < count; ++i) {
    auto one = [](Dependency* on, Task<int> task, std::vector<std::string>* to) -> Task<> {
      Task<int> called = on->call(std::move(task));
      const Result<int> result = co_await as_result(std::move(called));
      to->push_back(result.ok() ? "fine" : shown(result.error()));
    };
    group.spawn("call", one(dependency, work(), outcomes));
  }
  Task<> joined = group.join();
  co_await std::move(joined);
}

TEST_F(DependencyTest, TheBulkheadBoundsCallsAndWaits) {
  make({.bulkhead = {.concurrent = 3, .waiting = 4, .longest_wait = 1s}});
  std::vector<std::string> outcomes;
  Function<Task<int>()> work = [this] { return answer(300ms); };
  ASSERT_TRUE(run(loop, call_many(dependency.get(), std::move(work), 10, &outcomes)).ok());
  EXPECT_EQ(std::ranges::count(outcomes, "fine"), 7);
  EXPECT_EQ(std::ranges::count(outcomes, "UNAVAILABLE BULKHEAD_FULL"), 3);
  EXPECT_EQ(most_inside, 3);
  EXPECT_EQ(dependency->breaker().read(loop.now()).failures, 0U);
  outcomes.clear();
  // Whoever waits for more than a second is refused.
  Function<Task<int>()> slow = [this] { return answer(1'500ms); };
  ASSERT_TRUE(run(loop, call_many(dependency.get(), std::move(slow), 7, &outcomes)).ok());
  EXPECT_EQ(std::ranges::count(outcomes, "fine"), 3);
  EXPECT_EQ(std::ranges::count(outcomes, "UNAVAILABLE BULKHEAD_FULL"), 4);
  dependency->apply({.bulkhead = {.concurrent = 5}}, loop.now());
  outcomes.clear();
  Function<Task<int>()> more = [this] { return answer(10ms); };
  ASSERT_TRUE(run(loop, call_many(dependency.get(), std::move(more), 10, &outcomes)).ok());
  EXPECT_EQ(most_inside, 5);
  dependency->apply({}, loop.now());
  Function<Task<int>()> all = [this] { return answer(10ms); };
  ASSERT_TRUE(run(loop, call_many(dependency.get(), std::move(all), 50, &outcomes)).ok());
  EXPECT_EQ(most_inside, 50);
}

TEST_F(DependencyTest, AWaitThatIsCancelledGivesItsPlaceBack) {
  make({.bulkhead = {.concurrent = 1, .waiting = 1}});
  std::vector<std::string> outcomes;
  for (int i = 0; i < 3; ++i) {
    outcomes.clear();
    Function<Task<int>()> work = [this] { return answer(500ms); };
    Task<> calls = call_many(dependency.get(), std::move(work), 2, &outcomes);
    EXPECT_FALSE(run(loop, with_deadline(100ms, std::move(calls))).ok());
  }
  EXPECT_EQ(dependency->bulkhead().waiting(), 0U);
  EXPECT_EQ(dependency->bulkhead().in_use(), 0U);
}

TEST(Breakers, KnowsEachByKindAndName) {
  Breakers breakers;
  const auto stock = breakers.at("http", "http://stock");
  EXPECT_EQ(breakers.at("http", "http://stock"), stock);
  EXPECT_NE(breakers.at("redis", "http://stock"), stock);
  EXPECT_EQ(breakers.find("http", "http://stock"), stock);
  EXPECT_EQ(breakers.find("http", "http://other"), nullptr);
  ASSERT_EQ(breakers.all().size(), 2U);
  EXPECT_EQ(breakers.all()[0]->kind(), "http");
}

TEST(Breakers, OverridesHoldForThoseThereAreAndThoseToCome) {
  Breakers breakers;
  const auto stock = breakers.at("http", "http://stock");
  DependencyOptions http;
  http.breaker.failure_threshold = 5;
  DependencyOptions stocks;
  stocks.breaker.failure_threshold = 3;
  const Clock::time_point now{1h};
  ASSERT_TRUE(breakers.apply({}, {{"http", "", http}, {"http", "http://stock", stocks}}, now).ok());
  EXPECT_EQ(stock->breaker().options().failure_threshold, 3U);
  EXPECT_EQ(breakers.at("http", "http://other")->breaker().options().failure_threshold, 5U);
  EXPECT_EQ(breakers.at("redis", "r")->breaker().options().failure_threshold, 10U);
  http.breaker.probes = 0;
  EXPECT_FALSE(breakers.apply({}, {{"http", "", http}}, now).ok());
  EXPECT_EQ(stock->breaker().options().failure_threshold, 3U);
  ASSERT_TRUE(breakers.apply({}, {}, now).ok());
  EXPECT_EQ(stock->breaker().options().failure_threshold, 10U);
}

TEST(Breakers, ForgetsWhatNobodyNeedsButNotWhatIsOpenOrForced) {
  Breakers breakers;
  const auto held = breakers.at("http", "held");
  breakers.at("http", "forced")->breaker().force(BreakerForce::closed, "ada", Clock::now());
  for (int i = 0; i < 10; ++i) {
    breakers.at("http", "open")->breaker().try_enter(Clock::now())->failed(Clock::now());
  }
  for (int i = 0; i < 5'000; ++i) breakers.at("http", std::to_string(i));
  EXPECT_LE(breakers.all().size(), Breakers::most);
  EXPECT_EQ(breakers.find("http", "held"), held);
  EXPECT_NE(breakers.find("http", "forced"), nullptr);
  EXPECT_NE(breakers.find("http", "open"), nullptr);
}

TEST(Breakers, AreNeverMoreThanTheyMayBe) {
  Breakers breakers;
  std::vector<std::shared_ptr<Dependency>> held;
  for (std::size_t i = 0; i < Breakers::most + 10; ++i) {
    held.push_back(breakers.at("http", std::to_string(i)));
    EXPECT_NE(held.back(), nullptr);
  }
  EXPECT_EQ(breakers.all().size(), Breakers::most);
  held.clear();
  // Those that failed once upon a time and that nobody asks any more go too.
  ASSERT_TRUE(
      breakers.apply({.breaker = {.failure_threshold = 1, .open_time = 1ms}}, {}, Clock::now())
          .ok());
  for (const auto& one : breakers.all()) {
    one->breaker().try_enter(Clock::now() - 1s)->failed(Clock::now() - 1s);
  }
  breakers.at("http", "new");
  EXPECT_LE(breakers.all().size(), 1U);
}

TEST(Breakers, ManyThreadsShareThem) {
  Breakers breakers;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      testing::VirtualLoop loop;
      for (int i = 0; i < 200; ++i) {
        auto one = breakers.at("http", std::to_string(i % 10));
        auto work = [](bool works) -> Task<int> {
          if (!works) co_return Error(Code::unavailable, "down");
          co_return 1;
        };
        const Result<int> result = run(loop, one->call(work(i % 3 != 0)));
        EXPECT_TRUE(result.ok() || result.error().code() == Code::unavailable);
        if (i % 50 != t) continue;
        EXPECT_TRUE(breakers.apply({.patience = 1ms * (1 + i)}, {}, loop.now()).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(breakers.all().size(), 10U);
}

}  // namespace
}  // namespace kit::resilience
