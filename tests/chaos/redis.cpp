// SPDX-License-Identifier: Apache-2.0
// A bad network between kit's client and a Redis: kit_chaos_redis PORT SECONDS
//
// Tasks write and read keys of their own, each command with a deadline, while a ChaosProxy does
// what it can. For each fault prints a line; ends with 1 when a command outlived its deadline,
// failed later than two seconds after the fault had ended, or was answered with what is not its
// answer, and when something is left behind.
#include "kit/adapters/redis/redis.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/live.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "tests/chaos/proxy.hpp"

namespace {

using namespace kit;
using namespace std::chrono_literals;
using tests::Fault;

constexpr int workers = 16;
constexpr Clock::duration deadline = 500ms;
constexpr Clock::duration margin = 2s;  // the machine's, not the client's
constexpr Clock::duration recovery = 2s;

struct Trial {
  const char* name;
  Fault fault;
  std::uint64_t amount;
};
constexpr Trial trials[] = {
    {"delay", Fault::delay, 20},    {"blackhole", Fault::blackhole, 0},
    {"reset", Fault::reset, 0},     {"trickle", Fault::trickle, 0},
    {"cut", Fault::cut, 2'000},     {"throttle", Fault::throttle, 20'000},
    {"corrupt", Fault::corrupt, 5}, {"refuse", Fault::refuse, 0},
};

struct Seen {
  std::uint64_t commands = 0, failed = 0, wrong = 0, late = 0;
  Clock::duration longest{};
  Clock::time_point last_failure{};  // when the last that failed began
};

struct Load {
  redis::Client& client;
  Seen seen;
  bool stopping = false;
  bool turns_bits = false;  // bits are turned: an answer may be any

  void note(Clock::time_point begun, const Result<>& ended) {
    const Clock::duration took = Clock::now() - begun;
    ++seen.commands;
    seen.longest = std::max(seen.longest, took);
    if (took > deadline + margin) ++seen.late;
    if (ended) return;
    ++seen.failed;
    seen.last_failure = begun;
  }

  /// One value written and read back; nobody else has the key.
  Task<> round(std::string key, std::string value) {
    co_await client.set(key, value);
    const std::optional<std::string> read = co_await client.get(key);
    if (!turns_bits && read != value) ++seen.wrong;
  }

  Task<> work(int number) {
    for (int count = 0; !stopping; ++count) {
      const std::string key = "worker " + std::to_string(number);
      const Clock::time_point begun = Clock::now();
      Task<> one = with_deadline(deadline, round(key, key + " " + std::to_string(count)));
      const Result<> ended = co_await as_result(std::move(one));
      note(begun, ended);
      if (!ended) co_await sleep_for(5ms);  // as a client that was told to come later
    }
  }
};

bool judge(const Trial& trial, const Seen& during, const Seen& after, Clock::time_point healed) {
  const auto ms = [](Clock::duration of) {
    return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(of).count());
  };
  const Clock::duration slowest =
      after.failed == 0 ? Clock::duration::zero() : std::max(after.last_failure - healed, 0ns);
  std::printf("  redis: %s %lu rounds, %lu failed, longest %ld ms, healed after %ld ms\n",
              trial.name, during.commands, during.failed, ms(during.longest), ms(slowest));
  const char* problem = nullptr;
  if (during.late + after.late != 0) problem = "a round outlived its deadline";
  if (during.wrong + after.wrong != 0) problem = "a wrong answer";
  if (slowest > recovery) problem = "a round failed too long after it had healed";
  if (after.commands == after.failed) problem = "nothing worked after it had healed";
  if (problem != nullptr) std::printf("FAIL chaos redis: %s: %s\n", trial.name, problem);
  return problem == nullptr;
}

Task<> run_trials(int port, Clock::duration length, bool& good) {
  tests::ChaosProxy proxy("127.0.0.1", port);
  redis::RedisOptions options;
  options.dsn = Secret<std::string>("redis://127.0.0.1:" + std::to_string(proxy.port()));
  Result<std::unique_ptr<redis::Client>> opened = redis::open(std::move(options));
  std::unique_ptr<redis::Client> client = co_await std::move(opened);
  Load load{.client = *client, .seen = {}};
  TaskGroup group("load");
  for (int i = 0; i < workers; ++i) group.spawn(load.work(i));
  co_await sleep_for(length);
  for (const Trial& trial : trials) {
    // What is on its way when the first bits turn, and what the turned ones left, may be anything.
    load.turns_bits = trial.fault == Fault::corrupt;
    load.seen = {};
    proxy.set(trial.fault, trial.amount);
    co_await sleep_for(std::max<Clock::duration>(length, 2 * deadline));
    proxy.set(Fault::pass);
    const Clock::time_point healed = Clock::now();
    const Seen during = std::exchange(load.seen, Seen{});
    co_await sleep_for(recovery + deadline);
    load.turns_bits = false;
    co_await sleep_for(deadline);
    good = judge(trial, during, load.seen, healed) && good;
  }
  load.stopping = true;
  co_await group.join();
  const redis::RedisStats stats = client->stats();
  if (stats.in_flight != 0 || stats.in_use != 0) {
    std::printf("FAIL chaos redis: %lu commands and %lu connections are left\n", stats.in_flight,
                stats.in_use);
    good = false;
  }
  std::printf("%s redis: %lu commands answered, %lu lost, %lu abandoned, %lu connections made\n",
              good ? "PASS" : "FAIL", stats.commands, stats.lost, stats.abandoned, stats.opened);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: kit_chaos_redis PORT SECONDS\n");
    return 2;
  }
  bool good = true;
  {
    auto loop = make_epoll_loop();
    if (!loop) return 1;
    const auto length = std::chrono::seconds(std::max(1, std::atoi(argv[2])));
    const Result<> ended = run(**loop, run_trials(std::atoi(argv[1]), length, good));
    if (!ended) {
      std::printf("FAIL chaos redis: %s\n", ended.error().message().c_str());
      good = false;
    }
  }
  for (const LiveCount& left : live_counts()) {
    if (left.live == 0) continue;
    std::printf("FAIL chaos redis: %s %s left behind: %ld\n", left.name.c_str(), left.of.c_str(),
                static_cast<long>(left.live));
    good = false;
  }
  return good ? 0 : 1;
}
