// SPDX-License-Identifier: Apache-2.0
#include "kit/cache/local_cache.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/base/id.hpp"
#include "kit/base/uuid.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::cache {
namespace {

using namespace std::chrono_literals;
using Cache = LocalCache<int, std::string>;

/// Where values come from: what is asked of it is counted, and takes a second.
struct Source {
  std::string value = "old";
  bool absent = false;
  bool broken = false;
  int loads = 0;
  Clock::duration takes = 1s;
};

Task<Cache::Loaded> load_from(Source* source) {
  ++source->loads;
  const std::string value = source->value;  // as a database reads: when the statement begins
  const bool absent = source->absent;
  const bool broken = source->broken;
  co_await sleep_for(source->takes);
  if (broken) co_return Error(Code::unavailable, "the database is away");
  if (absent) co_return Cache::Loaded();
  co_return Cache::Loaded(value, value.size());
}

Task<std::string> get(Cache* cache, Source* source, int key = 1) {
  auto load = [&] { return load_from(source); };
  const Cache::Shared value = co_await cache->get(key, load);
  co_return value ? *value : "nothing";
}

/// What `get` brings, or the code of its failure.
Task<> note(Cache* cache, Source* source, std::vector<std::string>* noted, int key = 1) {
  Task<std::string> getting = get(cache, source, key);
  Result<std::string> got = co_await as_result(std::move(getting));
  noted->push_back(got ? *got : std::string(name(got.error().code())));
}

std::string got(testing::VirtualLoop& loop, Cache& cache, Source& source, int key = 1) {
  std::vector<std::string> noted;
  EXPECT_TRUE(run(loop, note(&cache, &source, &noted, key)).ok());
  return noted.empty() ? "" : noted.front();
}

TEST(LocalCache, KeysOfEveryKindHaveATextOfTheirOwn) {
  EXPECT_EQ(key_text(std::string_view("a")), "a");
  EXPECT_EQ(key_text(-7), "-7");
  EXPECT_EQ(key_text(Id<struct SomeTag>(42)), "42");
  const Uuid uuid = Uuid::make_v7();
  EXPECT_EQ(key_text(uuid), uuid.to_string());
  EXPECT_EQ(key_text(Id<struct SomeTag, Uuid>(uuid)), uuid.to_string());
}

TEST(LocalCache, KeepsAValueUntilItsTimeIsOver) {
  testing::VirtualLoop loop;
  Cache cache({.time_to_live = 60s, .jitter = 0});
  Source source;
  EXPECT_EQ(got(loop, cache, source), "old");
  source.value = "new";
  loop.advance(59s);
  EXPECT_EQ(got(loop, cache, source), "old");
  loop.advance(1s);
  EXPECT_EQ(got(loop, cache, source), "new");
  EXPECT_EQ(source.loads, 2);
  const LocalFigures figures = cache.figures();
  EXPECT_EQ(figures.hits, 1U);
  EXPECT_EQ(figures.misses, 2U);
  EXPECT_EQ(figures.loads, 2U);
  EXPECT_EQ(figures.entries, 1U);
}

Task<> stampede(Cache* cache, Source* source, int many, std::vector<std::string>* noted) {
  TaskGroup group("stampede");
  for (int i = 0; i < many; ++i) group.spawn(note(cache, source, noted));
  co_await group.join();
}

TEST(LocalCache, AStampedeIsOneLoad) {
  testing::VirtualLoop loop;
  Cache cache;
  Source source;
  std::vector<std::string> noted;
  EXPECT_TRUE(run(loop, stampede(&cache, &source, 1'000, &noted)).ok());
  EXPECT_EQ(noted, std::vector<std::string>(1'000, "old"));
  EXPECT_EQ(source.loads, 1);
}

TEST(LocalCache, AFailureIsSharedByThoseWhoWaitAndNotKept) {
  testing::VirtualLoop loop;
  Cache cache;
  Source source{.broken = true};
  std::vector<std::string> noted;
  EXPECT_TRUE(run(loop, stampede(&cache, &source, 50, &noted)).ok());
  EXPECT_EQ(noted, std::vector<std::string>(50, "UNAVAILABLE"));
  EXPECT_EQ(source.loads, 1);
  source.broken = false;
  EXPECT_EQ(got(loop, cache, source), "old");
  EXPECT_EQ(cache.figures().failures, 1U);
}

TEST(LocalCache, AFailureIsKeptWhenItIsAskedFor) {
  testing::VirtualLoop loop;
  Cache cache({.error_time_to_live = 5s, .jitter = 0});
  Source source{.broken = true};
  EXPECT_EQ(got(loop, cache, source), "UNAVAILABLE");
  EXPECT_EQ(got(loop, cache, source), "UNAVAILABLE");
  EXPECT_EQ(source.loads, 1);
  EXPECT_FALSE(cache.store().find("1", loop.now()));
  loop.advance(5s);
  EXPECT_EQ(got(loop, cache, source), "UNAVAILABLE");
  EXPECT_EQ(source.loads, 2);
}

TEST(LocalCache, AbsenceIsKeptForATimeOfItsOwn) {
  testing::VirtualLoop loop;
  Cache forgets({.jitter = 0});
  Source source{.absent = true};
  EXPECT_EQ(got(loop, forgets, source), "nothing");
  EXPECT_EQ(got(loop, forgets, source), "nothing");
  EXPECT_EQ(source.loads, 2);
  Cache keeps({.negative_time_to_live = 5s, .jitter = 0});
  EXPECT_EQ(got(loop, keeps, source), "nothing");
  source.absent = false;
  loop.advance(4s);
  EXPECT_EQ(got(loop, keeps, source), "nothing");
  EXPECT_EQ(source.loads, 3);
  loop.advance(1s);
  EXPECT_EQ(got(loop, keeps, source), "old");
}

Task<> impatient(Cache* cache, Source* source, Clock::duration patience,
                 std::vector<std::string>* noted) {
  Task<std::string> getting = get(cache, source);
  Task<std::string> limited = with_deadline(patience, std::move(getting));
  Result<std::string> got = co_await as_result(std::move(limited));
  noted->push_back(got ? *got : std::string(name(got.error().code())));
}

Task<> the_first_gives_up(Cache* cache, Source* source, std::vector<std::string>* noted) {
  TaskGroup group("givers-up");
  group.spawn(impatient(cache, source, 100ms, noted));  // loads, and gives up
  group.spawn(impatient(cache, source, 50ms, noted));   // waits, and gives up before that
  group.spawn(impatient(cache, source, 300ms, noted));  // loads next, and gives up
  for (int i = 0; i < 20; ++i) group.spawn(note(cache, source, noted));
  co_await group.join();
}

TEST(LocalCache, WhoGivesUpFailsNobodyElse) {
  testing::VirtualLoop loop;
  Cache cache;
  Source source;
  std::vector<std::string> noted;
  EXPECT_TRUE(run(loop, the_first_gives_up(&cache, &source, &noted)).ok());
  std::vector<std::string> expected(3, "DEADLINE_EXCEEDED");
  expected.resize(23, "old");
  EXPECT_EQ(noted, expected);
  EXPECT_EQ(source.loads, 3);
  EXPECT_EQ(cache.figures().failures, 0U);
}

Task<> the_first_is_dropped(Cache* cache, Source* source, std::vector<std::string>* noted) {
  TaskGroup others("others");
  {
    TaskGroup dropped("dropped");
    dropped.spawn(note(cache, source, noted));
    for (int i = 0; i < 5; ++i) others.spawn(note(cache, source, noted));
  }
  co_await others.join();
}

TEST(LocalCache, AnotherOneLoadsWhenTheTaskThatLoadsIsDropped) {
  testing::VirtualLoop loop;
  Cache cache;
  Source source;
  std::vector<std::string> noted;
  EXPECT_TRUE(run(loop, the_first_is_dropped(&cache, &source, &noted)).ok());
  EXPECT_EQ(noted, std::vector<std::string>(5, "old"));
  EXPECT_EQ(source.loads, 2);
}

TEST(LocalCache, NothingIsLeftOfAKeyThatNobodyWaitsForAnyMore) {
  testing::VirtualLoop loop;
  Cache cache;
  Source source;
  std::vector<std::string> noted;
  EXPECT_TRUE(run(loop, impatient(&cache, &source, 100ms, &noted)).ok());
  EXPECT_EQ(got(loop, cache, source), "old");  // and does not wait for ever
  EXPECT_EQ(source.loads, 2);
}

Task<> invalidated_while_loading(Cache* cache, Source* source, std::vector<std::string>* noted,
                                 bool all) {
  TaskGroup group("race");
  group.spawn(note(cache, source, noted));  // begins to load "old"
  group.spawn(note(cache, source, noted));
  co_await sleep_for(500ms);
  source->value = "new";  // the row changes, and its change is told
  all ? cache->clear() : cache->invalidate(1);
  source->takes = 1ms;
  // Whoever asks from now on must not be given what was read before.
  std::string after = co_await get(cache, source);
  EXPECT_EQ(after, "new");
  co_await group.join();  // the first load ends after that of "new"
  after = co_await get(cache, source);
  EXPECT_EQ(after, "new");
}

TEST(LocalCache, WhatWasReadBeforeAChangeIsNotKeptAfterIt) {
  for (const bool all : {false, true}) {
    testing::VirtualLoop loop;
    Cache cache;
    Source source;
    std::vector<std::string> noted;
    EXPECT_TRUE(run(loop, invalidated_while_loading(&cache, &source, &noted, all)).ok());
    EXPECT_EQ(noted, std::vector<std::string>(2, "old"));  // they asked before the change
    EXPECT_EQ(source.loads, 2);
    EXPECT_EQ(cache.figures().discarded, 1U);
  }
}

Task<> given_up_after_invalidation(Cache* cache, Source* source, std::vector<std::string>* noted) {
  TaskGroup group("race");
  group.spawn(impatient(cache, source, 800ms, noted));
  group.spawn(note(cache, source, noted));
  co_await sleep_for(500ms);
  source->value = "new";
  cache->invalidate(1);
  co_await group.join();
  const std::string after = co_await get(cache, source);
  EXPECT_EQ(after, "new");
}

TEST(LocalCache, WhoTakesOverALoadOfAnEndedGenerationReadsAnew) {
  testing::VirtualLoop loop;
  Cache cache;
  Source source;
  std::vector<std::string> noted;
  EXPECT_TRUE(run(loop, given_up_after_invalidation(&cache, &source, &noted)).ok());
  EXPECT_EQ(noted, (std::vector<std::string>{"DEADLINE_EXCEEDED", "new"}));
}

TEST(LocalCache, TheLeastRecentlyUsedGoesFirst) {
  testing::VirtualLoop loop;
  Cache cache({.max_entries = 3});
  Source source;
  for (const int key : {1, 2, 3, 1, 4}) got(loop, cache, source, key);  // 2 goes
  EXPECT_EQ(source.loads, 4);
  EXPECT_EQ(cache.figures().evictions, 1U);
  for (const int key : {1, 3, 4}) got(loop, cache, source, key);
  EXPECT_EQ(source.loads, 4);
  got(loop, cache, source, 2);
  EXPECT_EQ(source.loads, 5);
  EXPECT_EQ(cache.figures().entries, 3U);
}

TEST(LocalCache, BytesAreBoundedAndAValueThatIsTooLargeIsNotKept) {
  testing::VirtualLoop loop;
  Cache cache({.max_bytes = 10'000, .shards = 1});
  Source source;
  source.value = std::string(4'000, 'x');
  for (const int key : {1, 2, 3}) got(loop, cache, source, key);
  EXPECT_EQ(cache.figures().entries, 2U);
  EXPECT_LE(cache.figures().bytes, 10'000U);
  source.value = std::string(10'000, 'x');
  EXPECT_EQ(got(loop, cache, source, 4).size(), 10'000U);
  EXPECT_EQ(cache.figures().entries, 2U);
  cache.clear();
  EXPECT_EQ(cache.figures().entries, 0U);
  EXPECT_EQ(cache.figures().bytes, 0U);
}

TEST(LocalCache, TheWholeIsNeverLargerThanAskedFor) {
  testing::VirtualLoop loop;
  Cache cache({.max_entries = 1'000});
  Source source{.takes = 0s};
  for (int key = 0; key < 5'000; ++key) got(loop, cache, source, key);
  EXPECT_LE(cache.figures().entries, 1'000U);
  EXPECT_GT(cache.figures().entries, 900U);
  Cache none({.max_entries = 0});
  got(loop, none, source);
  EXPECT_EQ(none.figures().entries, 0U);
}

TEST(LocalCache, WhatWasLoadedTogetherDoesNotEndTogether) {
  testing::VirtualLoop loop;
  Cache cache({.time_to_live = 100s, .jitter = 0.5});
  Source source{.takes = 0s};
  for (int key = 0; key < 400; ++key) got(loop, cache, source, key);
  std::vector<std::size_t> left;
  for (std::size_t tens = 0; tens < 11; ++tens) {
    std::size_t fresh = 0;
    for (int key = 0; key < 400; ++key)
      fresh += cache.store().find(std::to_string(key), loop.now()).has_value() ? 1U : 0U;
    left.push_back(fresh);
    loop.advance(10s);
  }
  EXPECT_EQ(left[4], 400U);  // none ends before half its time
  EXPECT_EQ(left[10], 0U);   // and none after all of it
  for (std::size_t tens = 6; tens <= 10; ++tens) EXPECT_LT(left[tens], left[tens - 1]) << tens;
}

Task<> stale_while_loading(Cache* cache, Source* source, std::vector<std::string>* noted) {
  TaskGroup group("stale");
  for (int i = 0; i < 3; ++i) group.spawn(note(cache, source, noted));
  co_await sleep_for(10ms);
  EXPECT_EQ(noted->size(), 2U);  // they did not wait
  co_await group.join();
}

TEST(LocalCache, OldValuesAreGivenWhileOneLoadsAnew) {
  testing::VirtualLoop loop;
  Cache cache({.time_to_live = 10s, .stale_for = 30s, .jitter = 0});
  Source source;
  got(loop, cache, source);
  source.value = "new";
  loop.advance(15s);
  std::vector<std::string> noted;
  EXPECT_TRUE(run(loop, stale_while_loading(&cache, &source, &noted)).ok());
  EXPECT_EQ(noted, (std::vector<std::string>{"old", "old", "new"}));
  EXPECT_EQ(cache.figures().stale, 2U);
  // A failure gives the old value, until that is too old.
  source.broken = true;
  loop.advance(15s);
  EXPECT_EQ(got(loop, cache, source), "new");
  loop.advance(30s);
  EXPECT_EQ(got(loop, cache, source), "UNAVAILABLE");
}

TEST(LocalCache, WhatWasInvalidatedIsNeverGivenStale) {
  testing::VirtualLoop loop;
  Cache cache({.time_to_live = 10s, .stale_for = 30s, .jitter = 0});
  Source source;
  got(loop, cache, source);
  loop.advance(15s);
  cache.invalidate(1);
  source.broken = true;
  EXPECT_EQ(got(loop, cache, source), "UNAVAILABLE");
}

}  // namespace
}  // namespace kit::cache
