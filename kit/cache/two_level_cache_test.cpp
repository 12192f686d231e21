// SPDX-License-Identifier: Apache-2.0
#include "kit/cache/two_level_cache.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/testing/memory_shared.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::cache {
namespace {

using namespace std::chrono_literals;
using Cache = TwoLevelCache<int, int>;

constexpr Cache::Codec codec = {
    [](const int& value) { return std::to_string(value); },
    [](std::string_view text) -> Result<int> {
      if (text == "?") return Error(Code::data_loss, "of another version");
      return std::stoi(std::string(text));
    },
};

struct Source {
  int value = 1;
  bool absent = false;
  int loads = 0;
  Clock::duration takes{0};
};

Task<std::optional<int>> load(Source* source) {
  ++source->loads;
  const std::optional<int> read = source->absent ? std::nullopt : std::optional(source->value);
  co_await sleep_for(source->takes);
  co_return read;
}

/// -1: there is none.
Task<int> get(Cache* cache, Source* source) {
  auto loading = [&] { return load(source); };
  const Cache::Shared value = co_await cache->get(7, loading);
  co_return value ? *value : -1;
}

/// Two instances that share a cache and hear each other while `steps` runs.
class TwoLevelTest : public ::testing::Test {
 protected:
  template <class F>
  void with(F steps) {
    const auto all = [&]() -> Task<> {
      TaskGroup following("following");
      following.spawn(a_.follow());
      following.spawn(b_.follow());
      Task<> stepping = steps();
      co_await std::move(stepping);
      following.cancel();
      Task<> joining = following.join();
      (void)co_await as_result(std::move(joining));
    };
    const Result<> done = run(loop_, all());
    EXPECT_TRUE(done.ok()) << done.error().describe();
  }
  static SharedLevelOptions shared() {
    return {.scope = "n:", .time_to_live = 600s, .negative_time_to_live = 5s};
  }

  testing::VirtualLoop loop_;
  testing::MemoryShared shared_;
  Cache a_{shared_, codec, {.negative_time_to_live = 1s, .jitter = 0}, shared()};
  Cache b_{shared_, codec, {.negative_time_to_live = 1s, .jitter = 0}, shared()};
  Source source_;
};

TEST_F(TwoLevelTest, WhatOneLoadedTheOtherHas) {
  with([this]() -> Task<> {
    int value = co_await get(&a_, &source_);
    EXPECT_EQ(value, 1);
    value = co_await get(&b_, &source_);
    EXPECT_EQ(value, 1);
    EXPECT_EQ(source_.loads, 1);
    source_.value = 2;
    co_await a_.invalidate(7);
    co_await sleep_for(1ms);
    value = co_await get(&b_, &source_);
    EXPECT_EQ(value, 2);
    value = co_await get(&a_, &source_);
    EXPECT_EQ(value, 2);
    EXPECT_EQ(source_.loads, 2);
  });
}

TEST_F(TwoLevelTest, AbsenceIsSharedForItsTime) {
  with([this]() -> Task<> {
    source_.absent = true;
    int value = co_await get(&a_, &source_);
    EXPECT_EQ(value, -1);
    value = co_await get(&b_, &source_);
    EXPECT_EQ(value, -1);
    EXPECT_EQ(source_.loads, 1);
    co_await sleep_for(6s);
    value = co_await get(&b_, &source_);
    EXPECT_EQ(source_.loads, 2);
  });
}

TEST_F(TwoLevelTest, WithoutTheSharedOneEachLoads) {
  with([this]() -> Task<> {
    shared_.break_down(true);
    co_await get(&a_, &source_);
    co_await get(&b_, &source_);
    co_await get(&b_, &source_);
    EXPECT_EQ(source_.loads, 2);
    Task<> invalidating = a_.invalidate(7);
    const Result<> told = co_await as_result(std::move(invalidating));
    EXPECT_EQ(told.error().code(), Code::unavailable);
    co_await get(&a_, &source_);  // but here it is gone
    EXPECT_EQ(source_.loads, 3);
  });
}

TEST_F(TwoLevelTest, WhatAnotherVersionWroteIsLoadedAnew) {
  with([this]() -> Task<> {
    for (const char* text : {"+?", "", "x", "+"}) {
      co_await a_.invalidate(7);
      co_await shared_.set("n:7", text, 60s);
      co_await get(&a_, &source_);
    }
    EXPECT_EQ(source_.loads, 4);
  });
}

TEST_F(TwoLevelTest, AfterLostAnnouncementsNothingIsKept) {
  with([this]() -> Task<> {
    co_await get(&b_, &source_);
    shared_.cut_listeners(true);
    source_.value = 2;
    co_await a_.invalidate(7);
    co_await sleep_for(1ms);
    int value = co_await get(&b_, &source_);
    EXPECT_EQ(value, 1);  // it could not know
    shared_.cut_listeners(false);
    co_await sleep_for(1ms);
    value = co_await get(&b_, &source_);
    EXPECT_EQ(value, 2);
  });
}

TEST_F(TwoLevelTest, WhatWasReadBeforeAChangeIsNotSharedAfterIt) {
  with([this]() -> Task<> {
    source_.takes = 1s;
    TaskGroup loading("loading");
    auto getting = [this]() -> Task<> { co_await get(&b_, &source_); };
    loading.spawn(getting());  // reads 1
    co_await sleep_for(500ms);
    source_.value = 2;
    co_await a_.invalidate(7);
    co_await loading.join();
    const std::optional<std::string> kept = co_await shared_.get("n:7");
    EXPECT_EQ(kept, std::nullopt);
    source_.takes = 0s;
    int value = co_await get(&a_, &source_);
    EXPECT_EQ(value, 2);
    value = co_await get(&b_, &source_);
    EXPECT_EQ(value, 2);
  });
}

TEST_F(TwoLevelTest, WhatWasSharedTooLateIsTakenOutAgain) {
  with([this]() -> Task<> {
    co_await get(&b_, &source_);  // 1 is shared by b
    // A change elsewhere whose removal came before that, and whose announcement comes now.
    source_.value = 2;
    const std::array<std::string, 1> keys = {"n:7"};
    co_await shared_.announce(keys);
    co_await sleep_for(1ms);
    int value = co_await get(&a_, &source_);
    EXPECT_EQ(value, 2);
    value = co_await get(&b_, &source_);
    EXPECT_EQ(value, 2);
  });
}

}  // namespace
}  // namespace kit::cache
