// SPDX-License-Identifier: Apache-2.0
// What a hit costs: shards that threads share, and for comparison a map of each thread's own, which
// would have to be told of every change before it is answered.
#include <benchmark/benchmark.h>

#include <mutex>
#include <string>
#include <unordered_map>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/cache/local_cache.hpp"

namespace kit::cache {
namespace {

constexpr int rows = 1'000;
using Cache = LocalCache<std::int64_t, std::string>;

Task<Cache::Loaded> load() {
  co_return Cache::Loaded(std::string(200, 'x'), 200);
}

Cache& filled() {
  static Cache cache({.time_to_live = std::chrono::hours(24)});
  return cache;
}

Task<> fill() {
  auto loading = [] { return load(); };
  for (std::int64_t key = 0; key < rows; ++key) co_await filled().get(key, loading);
}

void shared_shards(benchmark::State& state) {
  auto loop = std::move(*make_epoll_loop());
  if (state.thread_index() == 0) (void)run(*loop, fill());
  const Clock::time_point now = Clock::now();
  std::int64_t key = state.thread_index() * 37;
  for (auto _ : state) {
    benchmark::DoNotOptimize(filled().store().find(std::to_string(key), now));
    key = (key + 1) % rows;
  }
}
BENCHMARK(shared_shards)->Threads(1)->Threads(2);

void map_of_the_thread(benchmark::State& state) {
  std::unordered_map<std::string, std::shared_ptr<const std::string>> map;
  for (int key = 0; key < rows; ++key) {
    map.emplace(std::to_string(key), std::make_shared<const std::string>(200, 'x'));
  }
  std::int64_t key = 0;
  for (auto _ : state) {
    std::shared_ptr<const std::string> found = map.find(std::to_string(key))->second;
    benchmark::DoNotOptimize(found);
    key = (key + 1) % rows;
  }
}
BENCHMARK(map_of_the_thread)->Threads(1)->Threads(2);

}  // namespace
}  // namespace kit::cache
