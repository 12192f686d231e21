// SPDX-License-Identifier: Apache-2.0
// Takes the power away at random moments of a write load on the real adapter, and looks at what is
// left: nothing acknowledged may be missing, no unit of work may be there by half.
//   kit_power_loss [--losses=30] [--seed=N] [--self-test]
// --self-test: the same with weaker settings of `synchronous`, which must lose writes; otherwise
// the test could not fail. Prints one line of JSON; exit 1 when something was lost.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "tests/durability/power_loss_vfs.hpp"

namespace {

using kit::Task;
using kit::db::Parameter;
using kit::sqlite::SqliteDatabase;
using kit::sqlite::SqliteOptions;
using kit::sqlite::Synchronous;

struct Settings {
  int losses = 30;
  std::uint64_t seed = 0;
  bool self_test = false;
};

struct Outcome {
  int losses = 0;
  std::int64_t acknowledged = 0;
  std::int64_t lost = 0;
  std::int64_t halves = 0;
  int damaged = 0;
};

/// One unit: an order with three lines, which refer to it. Its id is told once it is durable.
Task<> write_order(SqliteDatabase& database, std::int64_t id, std::vector<std::int64_t>* done) {
  auto transaction = co_await database.begin();
  const std::array<Parameter, 1> order = {Parameter(id)};
  co_await transaction->execute("INSERT INTO orders(id) VALUES(?1)", order);
  for (std::int64_t line = 0; line < 3; ++line) {
    const std::array<Parameter, 3> values = {Parameter(id * 3 + line), Parameter(id),
                                             Parameter(std::int64_t{200 + line * 700})};
    co_await transaction->execute(
        "INSERT INTO lines(id, order_id, text) VALUES(?1, ?2, zeroblob(?3))", values);
  }
  co_await transaction->commit();
  done->push_back(id);
}

Task<> write_until_dark(SqliteDatabase& database, std::int64_t first, std::int64_t step,
                        std::vector<std::int64_t>* done) {
  for (std::int64_t id = first; id < first + step * 4000; id += step) {
    auto written = co_await kit::as_result(write_order(database, id, done));
    if (!written) co_return;
  }
}

Task<> load(SqliteDatabase& database, std::int64_t first, int writers,
            std::vector<std::int64_t>* done) {
  kit::TaskGroup group("writers");
  for (int i = 0; i < writers; ++i) {
    group.spawn(write_until_dark(database, first + i, writers, done));
  }
  co_await group.join();
}

Task<std::string> text(kit::db::Session& session, std::string_view sql) {
  std::string out;
  auto read = [&out](const kit::db::Row& row) -> kit::Result<> {
    out.append(row.text(0)).push_back('\n');
    return {};
  };
  kit::db::RowSink sink(read);
  auto done = co_await kit::as_result(session.query(sql, {}, sink));
  if (!done) co_return "failed: " + done.error().describe();
  co_return std::move(out);
}

template <class T>
kit::Result<T> run(Task<T> task) {
  auto loop = kit::make_epoll_loop();
  return kit::run(**loop, std::move(task));
}

class Machine {
 public:
  Machine(const Settings& settings, Synchronous synchronous)
      : random_(settings.seed), disk_("kit-power-loss", settings.seed) {
    folder_ =
        std::filesystem::temp_directory_path() / ("kit_power_loss_" + std::to_string(random_()));
    std::filesystem::create_directory(folder_);
    options_.path = folder_ / "test.db";
    options_.synchronous = synchronous;
    options_.vfs = "kit-power-loss";
    // So that losses hit the writing back and the cutting of the log as well.
    options_.checkpoint_log_bytes = 200 * 1024;
    options_.truncate_log_bytes = 800 * 1024;
  }
  ~Machine() { std::filesystem::remove_all(folder_); }

  Outcome run_losses(int losses) {
    while (outcome_.losses < losses) {
      if (outcome_.losses % 7 == 0) {
        disk_.erase();
        acknowledged_.clear();
      }
      one_loss();
      ++outcome_.losses;
      if (!check()) ++outcome_.damaged;
    }
    return outcome_;
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  void one_loss() {
    disk_.lose_power_after(1 + below(below(4) == 0 ? 60 : 3'000));
    auto opened = kit::sqlite::open(options_);
    if (!opened) return;  // it went dark before the database was there
    auto& database = **opened;
    for (const char* sql : {"CREATE TABLE IF NOT EXISTS orders(id INTEGER PRIMARY KEY)",
                            "CREATE TABLE IF NOT EXISTS lines(id INTEGER PRIMARY KEY, text BLOB,"
                            " order_id INTEGER NOT NULL REFERENCES orders(id))"}) {
      if (!run(database.execute(sql, {})).ok()) return;
    }
    std::vector<std::int64_t> here;
    std::vector<std::int64_t> there;
    int writers = below(3) == 0 ? 1 : 4;
    std::thread second([&] {
      [[maybe_unused]] auto ended = run(load(database, next_id_ + 1'000'000, writers, &there));
    });
    [[maybe_unused]] auto ended = run(load(database, next_id_, writers, &here));
    second.join();
    next_id_ += 50'000;
    acknowledged_.insert(here.begin(), here.end());
    acknowledged_.insert(there.begin(), there.end());
    outcome_.acknowledged += static_cast<std::int64_t>(here.size() + there.size());
  }

  bool check() {
    disk_.power_on();
    auto opened = kit::sqlite::open(options_);
    if (!opened) return complain("can't be opened: " + opened.error().describe());
    auto& database = **opened;
    auto ask = [&](std::string_view sql) { return *run(text(database, sql)); };
    std::string integrity = ask("PRAGMA integrity_check");
    if (integrity != "ok\n") return complain("integrity: " + integrity);
    std::string orphans = ask("PRAGMA foreign_key_check");
    if (!orphans.empty()) return complain("foreign keys: " + orphans);
    std::string tables = ask("SELECT count(*) FROM sqlite_schema WHERE name IN ('orders','lines')");
    if (tables != "2\n") {
      if (!acknowledged_.empty()) {
        std::fprintf(stderr, "after loss %d: the tables are gone: %s\n", outcome_.losses,
                     tables.c_str());
      }
      outcome_.lost += static_cast<std::int64_t>(acknowledged_.size());
      acknowledged_.clear();
      return true;
    }
    std::string halves = ask(
        "SELECT o.id FROM orders o WHERE (SELECT count(*) FROM lines l WHERE l.order_id = o.id) <> "
        "3");
    outcome_.halves += std::count(halves.begin(), halves.end(), '\n');
    std::set<std::int64_t> found = ids(ask("SELECT id FROM orders"));
    std::int64_t lost = 0;
    for (auto id : acknowledged_) lost += found.contains(id) ? 0 : 1;
    outcome_.lost += lost;
    if (lost > 0 && options_.synchronous == Synchronous::full) {
      std::fprintf(stderr, "after loss %d: %lld of %zu acknowledged are missing\n", outcome_.losses,
                   static_cast<long long>(lost), acknowledged_.size());
    }
    // What is here now was seen; it may not go away later.
    acknowledged_ = std::move(found);
    return true;
  }

  static std::set<std::int64_t> ids(const std::string& lines) {
    std::set<std::int64_t> out;
    const char* at = lines.data();
    const char* end = at + lines.size();
    while (at < end) {
      std::int64_t id = 0;
      at = std::from_chars(at, end, id).ptr + 1;
      out.insert(id);
    }
    return out;
  }

  bool complain(const std::string& what) {
    std::fprintf(stderr, "after loss %d: %.300s\n", outcome_.losses, what.c_str());
    disk_.erase();
    acknowledged_.clear();
    return false;
  }

  std::mt19937_64 random_;
  kit::durability::PowerLossVfs disk_;
  std::filesystem::path folder_;
  SqliteOptions options_;
  Outcome outcome_;
  std::set<std::int64_t> acknowledged_;
  std::int64_t next_id_ = 1;
};

void print(const Settings& settings, const Outcome& outcome) {
  std::printf(
      "{\"losses\": %d, \"acknowledged\": %lld, \"lost\": %lld, \"halves\": %lld, \"damaged\": %d, "
      "\"seed\": %llu}\n",
      outcome.losses, static_cast<long long>(outcome.acknowledged),
      static_cast<long long>(outcome.lost), static_cast<long long>(outcome.halves), outcome.damaged,
      static_cast<unsigned long long>(settings.seed));
}

bool parse(int argc, char** argv, Settings& settings) {
  settings.seed = std::random_device()();
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument == "--self-test") {
      settings.self_test = true;
    } else if (argument.starts_with("--losses=")) {
      settings.losses = std::atoi(argv[i] + 9);
    } else if (argument.starts_with("--seed=")) {
      settings.seed = std::strtoull(argv[i] + 7, nullptr, 10);
    } else {
      return false;
    }
  }
  return settings.losses > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (!parse(argc, argv, settings)) {
    std::fprintf(stderr, "usage: kit_power_loss [--losses=30] [--seed=N] [--self-test]\n");
    return 2;
  }
  if (!settings.self_test) {
    Outcome outcome = Machine(settings, Synchronous::full).run_losses(settings.losses);
    print(settings, outcome);
    return outcome.lost == 0 && outcome.halves == 0 && outcome.damaged == 0 ? 0 : 1;
  }
  Outcome normal = Machine(settings, Synchronous::normal).run_losses(settings.losses);
  print(settings, normal);
  Outcome off = Machine(settings, Synchronous::off).run_losses(settings.losses);
  print(settings, off);
  // NORMAL may lose what was acknowledged, but never half a unit; OFF may lose anything.
  bool as_expected = normal.lost > 0 && normal.damaged == 0 && normal.halves == 0 &&
                     (off.lost > 0 || off.damaged > 0);
  if (!as_expected) std::fprintf(stderr, "weaker settings lost less than they must\n");
  return as_expected ? 0 : 1;
}
