// SPDX-License-Identifier: Apache-2.0
// Acknowledged writes per second with one writer and with eight, at synchronous=FULL on a real
// file, interleaved. Prints one line of JSON; run.py puts it into the closing line.
//   group_commit_bench <folder> [seconds per round] [rounds]
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"

namespace {

using kit::Clock;
using kit::Task;
using kit::db::Database;
using kit::db::Parameter;

constexpr std::string_view insert = "INSERT INTO artist(name, note) VALUES(?1, ?2)";

Task<> write_until(Database& database, Clock::time_point end, std::int64_t* acknowledged) {
  const std::array<Parameter, 2> parameters = {
      Parameter(std::string_view("An artist of the benchmark")),
      Parameter(std::string_view("a note that makes the row about as long as a real one is"))};
  while (Clock::now() < end) {
    co_await database.execute(insert, parameters);
    ++*acknowledged;
  }
}

Task<> round_of(Database& database, int writers, std::chrono::milliseconds length,
                std::int64_t* acknowledged) {
  auto end = Clock::now() + length;
  kit::TaskGroup group("writers");
  for (int i = 0; i < writers; ++i) group.spawn(write_until(database, end, acknowledged));
  co_await group.join();
}

double per_second(kit::Loop& loop, Database& database, int writers,
                  std::chrono::milliseconds length) {
  std::int64_t acknowledged = 0;
  auto begun = Clock::now();
  auto done = kit::run(loop, round_of(database, writers, length, &acknowledged));
  std::chrono::duration<double> took = Clock::now() - begun;
  if (!done) {
    std::fprintf(stderr, "%s\n", done.error().describe().c_str());
    std::exit(1);
  }
  return static_cast<double>(acknowledged) / took.count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: group_commit_bench <folder> [seconds per round] [rounds]\n");
    return 2;
  }
  kit::sqlite::SqliteOptions options;
  options.path = std::string(argv[1]) + "/group_commit_bench.db";
  for (std::string suffix : {"", "-wal", "-shm"}) std::filesystem::remove(options.path + suffix);
  auto length =
      std::chrono::milliseconds(static_cast<long>((argc > 2 ? std::atof(argv[2]) : 1.0) * 1000.0));
  int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  auto database = kit::sqlite::open(options);
  auto loop = kit::make_epoll_loop();
  if (!database || !loop) return 1;
  auto made =
      kit::run(**loop, (*database)->execute("CREATE TABLE artist(id INTEGER PRIMARY KEY, name TEXT "
                                            "NOT NULL, note TEXT NOT NULL) STRICT",
                                            {}));
  if (!made) return 1;
  std::vector<double> one, eight, ratio, units;
  for (int i = 0; i < rounds; ++i) {
    one.push_back(per_second(**loop, **database, 1, length));
    auto before = (*database)->stats();
    eight.push_back(per_second(**loop, **database, 8, length));
    ratio.push_back(eight.back() / one.back());
    auto after = (*database)->stats();
    units.push_back(static_cast<double>(after.units - before.units) /
                    static_cast<double>(after.commits - before.commits));
  }
  auto stats = (*database)->stats();
  std::printf(
      "{\"one_writer\": %.0f, \"eight_writers\": %.0f, \"ratio\": %.2f, "
      "\"commit_us\": %.0f, \"units_per_commit\": %.2f}\n",
      median(one), median(eight), median(ratio),
      std::chrono::duration<double, std::micro>(stats.commit_time).count() /
          static_cast<double>(stats.commits),
      median(units));
  database->reset();
  for (std::string suffix : {"", "-wal", "-shm"}) std::filesystem::remove(options.path + suffix);
  return 0;
}
