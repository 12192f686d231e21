// SPDX-License-Identifier: Apache-2.0
// Many loops and one cache, for the thread sanitizer too: a row that threads change, tell of and
// read. Nobody may be given what was replaced before they asked.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <random>
#include <thread>
#include <vector>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/cache/local_cache.hpp"

namespace kit::cache {
namespace {

using namespace std::chrono_literals;
using Cache = LocalCache<int, std::int64_t>;

constexpr int keys = 8;
constexpr int threads = 4;

/// Rows that count how often they were written.
struct Rows {
  std::atomic<std::int64_t> written[keys] = {};
  /// The least that who asks now has to be given: the writes that were told of.
  std::atomic<std::int64_t> told[keys] = {};
  std::atomic<std::int64_t> loads{0};
  std::atomic<int> wrong{0};
  std::atomic<int> failed{0};
};

Task<Cache::Loaded> load(Rows* rows, int key) {
  ++rows->loads;
  const std::int64_t read = rows->written[key].load();
  co_await sleep_for(std::chrono::microseconds(200));
  co_return Cache::Loaded(read, sizeof(read));
}

Task<> read(Cache* cache, Rows* rows, int key, bool impatient) {
  const std::int64_t least = rows->told[key].load();
  auto loading = [&] { return load(rows, key); };
  Task<Cache::Shared> getting = cache->get(key, loading);
  const auto patience = impatient ? Clock::duration(100us) : Clock::duration(60s);
  Task<Cache::Shared> limited = with_deadline(patience, std::move(getting));
  const Result<Cache::Shared> got = co_await as_result(std::move(limited));
  if (!got) {
    if (!impatient) ++rows->failed;
  } else if (**got < least) {
    ++rows->wrong;
  }
}

void write(Cache& cache, Rows& rows, int key) {
  const std::int64_t now = ++rows.written[key];
  cache.invalidate(key);
  std::int64_t before = rows.told[key].load();
  while (before < now && !rows.told[key].compare_exchange_weak(before, now)) {
  }
}

Task<> work(Cache* cache, Rows* rows, unsigned seed) {
  std::minstd_rand random(seed);
  for (int round = 0; round < 150; ++round) {
    TaskGroup group("readers");
    for (int i = 0; i < 20; ++i) {
      const int key = static_cast<int>(random() % keys);
      group.spawn(read(cache, rows, key, random() % 8 == 0));
      if (random() % 4 == 0) write(*cache, *rows, key);
      if (random() % 512 == 0) cache->clear();
    }
    co_await group.join();
  }
}

TEST(LocalCacheThreads, NobodyIsGivenWhatWasReplacedBeforeTheyAsked) {
  Cache cache;
  Rows rows;
  std::latch begin(threads);
  std::vector<std::thread> running;
  for (unsigned seed = 1; seed <= threads; ++seed) {
    running.emplace_back([&, seed] {
      auto loop = std::move(*make_epoll_loop());
      begin.arrive_and_wait();
      EXPECT_TRUE(run(*loop, work(&cache, &rows, seed)).ok());
    });
  }
  for (std::thread& thread : running) thread.join();
  EXPECT_EQ(rows.wrong.load(), 0);
  EXPECT_EQ(rows.failed.load(), 0);
  const LocalFigures figures = cache.figures();
  EXPECT_GT(figures.hits, 0U);
  EXPECT_GT(figures.discarded, 0U);
  EXPECT_LE(figures.loads, figures.misses);
}

/// The steps of three threads: one loads, one waits and ends with its loop, one waits on.
struct Steps {
  std::latch loading{1};
  std::latch ended{1};
  std::atomic<int> loads{0};
};

Task<Cache::Loaded> load_and_tell(Steps* steps, Clock::duration takes) {
  if (++steps->loads == 1) steps->loading.count_down();
  co_await sleep_for(takes);
  co_return Cache::Loaded(7, 8);
}

Task<Result<Cache::Shared>> ask(Cache* cache, Steps* steps, Clock::duration takes,
                                Clock::duration patience) {
  auto load = [&] { return load_and_tell(steps, takes); };
  Task<Cache::Shared> getting = cache->get(1, load);
  Task<Cache::Shared> limited = with_deadline(patience, std::move(getting));
  Result<Cache::Shared> got = co_await as_result(std::move(limited));
  co_return got;
}

Result<Cache::Shared> ask_on_a_loop(Cache& cache, Steps& steps, Clock::duration takes,
                                    Clock::duration patience) {
  auto loop = std::move(*make_epoll_loop());
  Result<Result<Cache::Shared>> got = run(*loop, ask(&cache, &steps, takes, patience));
  return std::move(got).value();
}

/// `patience`: of the one who loads first, which takes a second.
void end_a_loop_that_waits(Clock::duration patience, bool succeeds, int loads) {
  Cache cache;
  Steps steps;
  std::thread first([&] { EXPECT_EQ(ask_on_a_loop(cache, steps, 1s, patience).ok(), succeeds); });
  std::thread ends([&] {
    steps.loading.wait();
    (void)ask_on_a_loop(cache, steps, 1ms, 10ms);
    steps.ended.count_down();
  });
  std::thread waits([&] {
    steps.ended.wait();
    const Result<Cache::Shared> got = ask_on_a_loop(cache, steps, 1ms, 60s);
    EXPECT_TRUE(got.ok() && **got == 7);
  });
  first.join();
  ends.join();
  waits.join();
  EXPECT_EQ(steps.loads.load(), loads);
}

TEST(LocalCacheThreads, AValueForALoopThatHasEndedIsDropped) {
  end_a_loop_that_waits(60s, true, 1);
}

TEST(LocalCacheThreads, ALoadIsNotHandedToALoopThatHasEnded) {
  end_a_loop_that_waits(300ms, false, 2);
}

}  // namespace
}  // namespace kit::cache
