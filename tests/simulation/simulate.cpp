// SPDX-License-Identifier: Apache-2.0
// Lives through random days of a server in memory (see day.hpp), and of an HTTP client that talks
// to one (see calls.hpp), one of each for each seed.
//
//   kit_simulate [--seeds=500] [--first=1] [--seed=N] [--fault=byte|leak|stuck|answer|twice]
//
// On each day: every answer is byte for byte what was asked for, in order, and framed as RFC 9112
// says; a call of the client is answered rightly or fails for a reason, and is served at most once
// unless it may be sent again; nothing is left afterwards, no connection, handler, timer or (with
// AddressSanitizer) byte; and no task waits for what can never happen. Ends with one line, PASS or
// FAIL; a failed day is lived through again with --seed.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "kit/log/levels.hpp"
#include "kit/log/log.hpp"
#include "tests/simulation/calls.hpp"
#include "tests/simulation/day.hpp"

namespace {

volatile std::sig_atomic_t seed_high = 0;
volatile std::sig_atomic_t seed_low = 0;

/// An assertion or a sanitizer ends the process: says on which day.
void on_abort(int) {
  const unsigned long long seed =
      (static_cast<unsigned long long>(static_cast<unsigned>(seed_high)) << 32U) |
      static_cast<unsigned>(seed_low);
  std::printf("FAIL simulate: aborted; again with: kit_simulate --seed=%llu\n", seed);
  std::fflush(stdout);
}

void remember(std::uint64_t seed) {
  seed_high = static_cast<std::sig_atomic_t>(seed >> 32U);
  seed_low = static_cast<std::sig_atomic_t>(seed & 0xffffffffU);
}

struct Options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 500;
  std::string_view fault;
};

bool read(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const char* value = equals == argument.npos ? "" : argv[i] + equals + 1;
    if (name == "--seeds") {
      options.seeds = std::strtoull(value, nullptr, 10);
    } else if (name == "--first") {
      options.first = std::strtoull(value, nullptr, 10);
    } else if (name == "--seed") {
      options.first = std::strtoull(value, nullptr, 10);
      options.seeds = 1;
    } else if (name == "--fault") {
      options.fault = value;
    } else if (name == "--short") {
      options.seeds = 500;
    } else {
      std::fprintf(stderr, "unknown option: %s\n", argv[i]);
      return false;
    }
  }
  return options.seeds > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!read(argc, argv, options)) return 2;
  std::signal(SIGABRT, on_abort);
  // The streams that break off are this program's own.
  kit::log::set_level(kit::log::Level::off);
  std::size_t clients = 0, requests = 0, answers = 0, cut = 0;
  std::size_t calls = 0, call_answers = 0, failed_calls = 0;
  for (std::uint64_t seed = options.first; seed < options.first + options.seeds; ++seed) {
    remember(seed);
    const simulation::Report report = simulation::live_through(seed, options.fault);
    const simulation::Report called = simulation::call_through(seed, options.fault);
    const std::string& problem = report.problem.empty() ? called.problem : report.problem;
    if (!problem.empty()) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), problem.c_str());
      std::printf("FAIL simulate: again with: %s --seed=%llu\n", argv[0],
                  static_cast<unsigned long long>(seed));
      return 1;
    }
    clients += report.clients;
    requests += report.requests;
    answers += report.answers;
    cut += report.cut;
    calls += called.calls;
    call_answers += called.call_answers;
    failed_calls += called.failed_calls;
  }
  std::printf(
      "PASS simulate: %llu seeds from %llu, %zu clients, %zu requests, %zu answers right, %zu cut "
      "off by a client, the network or the end; %zu calls, %zu answered right, %zu failed for a "
      "reason, none done twice; nothing stuck, nothing left\n",
      static_cast<unsigned long long>(options.seeds),
      static_cast<unsigned long long>(options.first), clients, requests, answers, cut, calls,
      call_answers, failed_calls);
  return answers > 0 && call_answers > 0 ? 0 : 1;
}
