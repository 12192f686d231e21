// SPDX-License-Identifier: Apache-2.0
#include "kit/async/blocking.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Loop> loop_of_this_thread() {
  return std::move(*make_epoll_loop());
}

Task<std::string> on_another_thread(BlockingPool* pool) {
  auto work = [] { return std::this_thread::get_id(); };
  const std::thread::id there = co_await blocking(*pool, work);
  co_return there == std::this_thread::get_id() ? "here" : "elsewhere";
}

TEST(Blocking, RunsElsewhereAndComesBack) {
  auto loop = loop_of_this_thread();
  BlockingPool pool;
  EXPECT_EQ(*run(*loop, on_another_thread(&pool)), "elsewhere");
  EXPECT_EQ(*run(*loop, on_another_thread(&BlockingPool::shared())), "elsewhere");
}

Task<> results(BlockingPool* pool) {
  auto fails = []() -> Result<int> { return Error(Code::not_found, "no such file"); };
  Result<int> failed = co_await as_result(blocking(*pool, fails));
  EXPECT_EQ(failed.error().code(), Code::not_found);
  auto throws = []() -> int { throw std::runtime_error("broken"); };
  Result<int> thrown = co_await as_result(blocking(*pool, throws));
  EXPECT_EQ(thrown.error().code(), Code::internal);
  EXPECT_NE(thrown.error().message().find("broken"), std::string::npos);
  auto moves = [owned = std::make_unique<int>(7)]() mutable { return std::move(owned); };
  std::unique_ptr<int> moved = co_await blocking(*pool, std::move(moves));
  EXPECT_EQ(*moved, 7);
  bool done = false;
  auto nothing = [&done] { done = true; };
  co_await blocking(*pool, nothing);
  EXPECT_TRUE(done);
}

TEST(Blocking, BringsBackValuesErrorsAndExceptions) {
  auto loop = loop_of_this_thread();
  BlockingPool pool({.threads = 1});
  EXPECT_TRUE(run(*loop, results(&pool)).ok());
}

TEST(Blocking, WithoutThreadsItRunsInPlaceOnAnyLoop) {
  testing::VirtualLoop loop;
  BlockingPool pool({.threads = 0});
  EXPECT_TRUE(run(loop, results(&pool)).ok());
  EXPECT_EQ(*run(loop, on_another_thread(&pool)), "here");
}

/// Holds the threads of a pool until it is opened.
struct Gate {
  std::latch open{1};
  std::atomic<int> entered{0};
  void await_entered() const {
    while (entered.load() == 0) std::this_thread::yield();  // polls for a thread to begin
  }
  auto pass(int value) {
    return [this, value] {
      entered.fetch_add(1);
      open.wait();
      return value;
    };
  }
};

Task<> adds(BlockingPool* pool, Gate* gate, int value, int* sum) {
  auto work = gate->pass(value);
  *sum += co_await blocking(*pool, work);
}

Task<> fills(BlockingPool* pool, Gate* gate, int* sum) {
  TaskGroup group("fill");
  for (int i = 0; i < 5; ++i) group.spawn(adds(pool, gate, 1, sum));
  auto one_more = gate->pass(100);
  Result<int> refused = co_await as_result(blocking(*pool, one_more));
  EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
  EXPECT_EQ(refused.error().reason(), "BLOCKING_QUEUE_FULL");
  gate->open.count_down();
  co_await group.join();
}

TEST(Blocking, RefusesWhatIsPastTheQueue) {
  auto loop = loop_of_this_thread();
  Gate gate;
  int sum = 0;
  BlockingPool pool({.threads = 2, .queue = 3});
  EXPECT_TRUE(run(*loop, fills(&pool, &gate, &sum)).ok());
  EXPECT_EQ(sum, 5);
}

struct Noisy {
  explicit Noisy(std::atomic<int>* counter) : alive(counter) { alive->fetch_add(1); }
  Noisy(Noisy&& other) noexcept : alive(other.alive) { alive->fetch_add(1); }
  ~Noisy() { alive->fetch_sub(1); }
  std::atomic<int>* alive;
};

Task<Noisy> makes_noise(BlockingPool* pool, Gate* gate, std::atomic<int>* alive) {
  auto work = [pass = gate->pass(1), alive, held = Noisy(alive)]() mutable {
    pass();
    return Noisy(alive);
  };
  co_return co_await blocking(*pool, std::move(work));
}

Task<> without_value(Task<Noisy> task) {
  Result<Noisy> result = co_await as_result(std::move(task));
  EXPECT_EQ(result.error().code(), Code::cancelled);
}

/// Cancels the work: once it runs, or while it waits for a thread.
Task<> gives_up(BlockingPool* pool, Gate* gate, std::atomic<int>* alive, bool running) {
  TaskGroup group("gives up");
  group.spawn(without_value(makes_noise(pool, gate, alive)));
  if (running) gate->await_entered();
  group.cancel();
  co_await group.join();
}

TEST(Blocking, ACancelledTaskGoesOnWhileTheWorkRunsToItsEnd) {
  auto loop = loop_of_this_thread();
  std::atomic<int> alive{0};
  Gate gate;
  {
    BlockingPool pool({.threads = 1, .queue = 8});
    EXPECT_TRUE(run(*loop, gives_up(&pool, &gate, &alive, true)).ok());
    // The thread is held; another one waits for it, is given up, and never begins.
    EXPECT_TRUE(run(*loop, gives_up(&pool, &gate, &alive, false)).ok());
    gate.open.count_down();
    EXPECT_EQ(*run(*loop, on_another_thread(&pool)), "elsewhere") << "behind both";
  }  // awaits what runs
  EXPECT_EQ(gate.entered.load(), 1);
  loop.reset();
  EXPECT_EQ(alive.load(), 0) << "the work and its result are dropped";
}

TEST(Blocking, TheLoopMayEndBeforeTheWork) {
  std::atomic<int> alive{0};
  Gate gate;
  BlockingPool pool({.threads = 1});
  {
    auto loop = loop_of_this_thread();
    Task<Noisy> task = makes_noise(&pool, &gate, &alive);
    loop->post([&] {
      EXPECT_FALSE(task.start(nullptr, nullptr));
      loop->stop();
    });
    loop->run();
    gate.await_entered();
  }
  EXPECT_GT(alive.load(), 0);
  gate.open.count_down();
  {
    // Behind it, on the same thread: when this one is answered that one has ended.
    auto loop = loop_of_this_thread();
    EXPECT_EQ(*run(*loop, on_another_thread(&pool)), "elsewhere");
  }
  EXPECT_EQ(alive.load(), 0);
}

TEST(Blocking, TheTaskMayBeDroppedAfterItsLoop) {
  Gate gate;
  std::atomic<int> alive{0};
  BlockingPool pool({.threads = 1});
  Task<Noisy> task = makes_noise(&pool, &gate, &alive);
  auto loop = loop_of_this_thread();
  loop->post([&] {
    EXPECT_FALSE(task.start(nullptr, nullptr));
    loop->stop();
  });
  loop->run();
  gate.await_entered();
  loop.reset();
  gate.open.count_down();
}

TEST(Blocking, APoolThatEndsRefusesWhatHasNotBegunAndAwaitsTheRest) {
  auto loop = loop_of_this_thread();
  Gate gate;
  std::atomic<int> alive{0};
  auto pool = std::make_unique<BlockingPool>(BlockingPoolOptions{.threads = 1, .queue = 8});
  Task<Noisy> first = makes_noise(pool.get(), &gate, &alive);
  Task<Noisy> second = makes_noise(pool.get(), &gate, &alive);
  const auto stop = [](void* ending) { static_cast<Loop*>(ending)->stop(); };
  // The second one is refused while the first one still runs; only then may that end.
  const auto open = [](void* opened) { static_cast<Gate*>(opened)->open.count_down(); };
  std::jthread closer;
  loop->post([&] {
    EXPECT_FALSE(first.start(stop, loop.get()));
    EXPECT_FALSE(second.start(open, &gate));
    gate.await_entered();
    closer = std::jthread([&] { pool.reset(); });
  });
  loop->run();
  EXPECT_TRUE(first.take().ok());
  EXPECT_EQ(second.take().error().code(), Code::unavailable);
}

Task<> many(BlockingPool* pool, Gate* gate, int* sum) {
  TaskGroup group("many");
  for (int i = 0; i < 200; ++i) group.spawn(adds(pool, gate, 1, sum));
  co_await group.join();
}

TEST(Blocking, ManyLoopsShareAPool) {
  BlockingPool pool({.threads = 4});
  Gate gate;
  gate.open.count_down();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      auto loop = loop_of_this_thread();
      int sum = 0;
      EXPECT_TRUE(run(*loop, many(&pool, &gate, &sum)).ok());
      EXPECT_EQ(sum, 200);
    });
  }
}

TEST(LoopRemote, LeadsNowhereWhenTheLoopIsGone) {
  LoopRemote remote;
  EXPECT_FALSE(remote.post([] {}));
  auto dropped = std::make_shared<int>(1);
  {
    testing::VirtualLoop loop;
    remote = loop.remote();
    int ran = 0;
    EXPECT_TRUE(remote.post([&ran] { ++ran; }));
    loop.run();
    EXPECT_EQ(ran, 1);
    EXPECT_TRUE(remote.post([dropped] {}));
  }
  EXPECT_FALSE(remote.post([dropped] {}));
  EXPECT_EQ(dropped.use_count(), 1);
}

}  // namespace
}  // namespace kit
