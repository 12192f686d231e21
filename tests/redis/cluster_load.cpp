// SPDX-License-Identifier: Apache-2.0
// Reads and writes in a cluster from two threads until its input ends, and checks every answer.
// Prints one line of JSON: what went wrong, and when (milliseconds of the monotonic clock).
//
// Usage: kit_redis_cluster_load DSN [--fault=swap]   swap: now and then another key is read
#include <atomic>
#include <cstdio>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "kit/adapters/redis/redis.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/base/text.hpp"

namespace {

using namespace kit;
using std::chrono::milliseconds;

constexpr int threads = 2;
constexpr int workers = 16;
constexpr int keys_per_worker = 20;

std::int64_t now_ms() {
  return std::chrono::duration_cast<milliseconds>(Clock::now().time_since_epoch()).count();
}

/// What is counted, by all threads.
class Findings {
 public:
  void good() { operations_.fetch_add(1, std::memory_order_relaxed); }
  void error(const Error& why) {
    std::lock_guard lock(mutex_);
    const std::int64_t now = now_ms();
    if (outages_.empty() || now - outages_.back().last > 1'000) outages_.push_back({now, now, 0});
    outages_.back().last = now;
    ++outages_.back().errors;
    ++reasons_[std::string(name(why.code())) + " " + why.reason()];
  }
  void wrong(std::string what) {
    std::lock_guard lock(mutex_);
    if (wrong_.size() < 20) wrong_.push_back(std::move(what));
  }
  /// A write that was confirmed at `confirmed` is not there any more.
  void gone(std::int64_t confirmed) {
    std::lock_guard lock(mutex_);
    if (gone_.size() < 10'000) gone_.push_back(confirmed);
  }
  std::uint64_t operations() const { return operations_.load(std::memory_order_relaxed); }

  std::string shown(const redis::RedisStats& stats) const {
    std::string text = "{\"operations\":" + std::to_string(operations()) + ",\"outages\":[";
    for (const Outage& outage : outages_) {
      text += "[" + std::to_string(outage.first) + "," + std::to_string(outage.last) + "," +
              std::to_string(outage.errors) + "],";
    }
    if (text.back() == ',') text.pop_back();
    text += "],\"reasons\":{";
    for (const auto& [reason, count] : reasons_) {
      text += "\"" + reason + "\":" + std::to_string(count) + ",";
    }
    if (text.back() == ',') text.pop_back();
    text += "},\"wrong\":" + std::to_string(wrong_.size());
    text += ",\"gone\":[";
    for (const std::int64_t confirmed : gone_) text += std::to_string(confirmed) + ",";
    if (text.back() == ',') text.pop_back();
    text += "]";
    text += ",\"redirected\":" + std::to_string(stats.redirected);
    text += ",\"refreshes\":" + std::to_string(stats.refreshes);
    text += ",\"in_flight\":" + std::to_string(stats.in_flight);
    text += ",\"in_use\":" + std::to_string(stats.in_use) + "}";
    for (const std::string& what : wrong_) std::fprintf(stderr, "wrong: %s\n", what.c_str());
    return text;
  }

 private:
  struct Outage {
    std::int64_t first, last, errors;
  };
  std::atomic<std::uint64_t> operations_{0};
  std::mutex mutex_;
  std::vector<Outage> outages_;
  std::map<std::string, int> reasons_;
  std::vector<std::string> wrong_;
  std::vector<std::int64_t> gone_;  // when they were confirmed
};

std::atomic<bool> stopping{false};
bool swaps = false;

/// What one worker knows of a key that only it writes.
struct Known {
  std::int64_t tried = 0;      // the highest number it has sent
  std::int64_t confirmed = 0;  // the highest the server has confirmed
  std::int64_t when = 0;
};

void check(const std::string& key, const std::optional<std::string>& value, Known& known,
           Findings& findings) {
  std::int64_t number = 0;
  if (value) {
    const std::string_view text = *value;
    const std::size_t slash = text.find('/');
    const auto parsed = slash == text.npos ? std::nullopt : parse_int(text.substr(slash + 1));
    if (!parsed || text.substr(0, slash) != key) {
      return findings.wrong("the value of " + key + " is '" + *value + "'");
    }
    number = *parsed;
  }
  if (number > known.tried) return findings.wrong(key + " has what was never written");
  if (number < known.confirmed) {
    findings.gone(known.when);
    known.confirmed = number;
  }
}

Task<> work(redis::Client* client, Findings* findings, int worker) {
  std::vector<Known> known(keys_per_worker);
  for (std::size_t turn = 0; !stopping; ++turn) {
    Known& its = known[turn % keys_per_worker];
    const std::string key =
        "load:" + std::to_string(worker) + ":" + std::to_string(turn % keys_per_worker);
    const bool is_swapped = swaps && turn % 100 == 41;  // the second key: the eleventh is read
    const std::string asked = is_swapped ? key + "0" : key;
    auto getting = with_deadline(milliseconds(1'000), client->get(asked));
    auto value = co_await as_result(std::move(getting));
    if (value.ok()) {
      check(key, *value, its, *findings);
      const std::string text = key + "/" + std::to_string(++its.tried);
      Task<bool> setting = with_deadline(milliseconds(1'000), client->set(key, text));
      auto was_set = co_await as_result(std::move(setting));
      if (was_set.ok()) {
        its.confirmed = its.tried;
        its.when = now_ms();
        findings->good();
        continue;
      }
      findings->error(was_set.error());
    } else {
      findings->error(value.error());
    }
    co_await sleep_for(milliseconds(10));
  }
}

Task<> work_all(redis::Client* client, Findings* findings, int thread) {
  TaskGroup group("load");
  for (int i = 0; i < workers; ++i) group.spawn(work(client, findings, thread * workers + i));
  co_await group.join();
}

}  // namespace

int main(int argc, char** argv) {
  swaps = argc == 3 && std::string_view(argv[2]) == "--fault=swap";
  if (argc != 2 && !swaps) {
    std::fprintf(stderr, "usage: %s DSN [--fault=swap]\n", argv[0]);
    return 2;
  }
  redis::RedisOptions options;
  options.dsn = Secret<std::string>(argv[1]);
  auto client = redis::open(std::move(options));
  if (!client.ok()) {
    std::fprintf(stderr, "%s\n", client.error().message().c_str());
    return 2;
  }
  Findings findings;
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      auto loop = make_epoll_loop().value();
      const auto done = kit::run(*loop, work_all(client->get(), &findings, i));
      if (!done.ok()) findings.wrong(done.error().describe());
    });
  }
  // Each line asks for the number of operations so far.
  for (std::string line; std::getline(std::cin, line);) {
    std::printf("%llu\n", static_cast<unsigned long long>(findings.operations()));
    std::fflush(stdout);
  }
  stopping = true;
  for (std::thread& thread : running) thread.join();
  std::printf("%s\n", findings.shown((*client)->stats()).c_str());
  return 0;
}
