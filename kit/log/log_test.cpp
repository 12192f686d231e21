// SPDX-License-Identifier: Apache-2.0
#include "kit/log/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <future>
#include <set>
#include <thread>

#include "kit/base/context.hpp"
#include "kit/log/capture.hpp"
#include "kit/log/levels.hpp"

namespace kit::log {
namespace {

using testing::HasSubstr;
using testing::IsSupersetOf;

Module alpha_log{"alpha"};
Module beta_log{"beta"};

TEST(LogTest, WritesLines) {
  Capture capture;
  info(alpha_log, "first", {{"n", 1}});
  warn(beta_log, "second");
  auto lines = capture.lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr(R"("level":"info","module":"alpha","message":"first","n":1})"));
  EXPECT_THAT(lines[1], HasSubstr(R"("level":"warn","module":"beta","message":"second"})"));
}

TEST(LogTest, ListsModulesByName) {
  std::vector<std::string_view> names;
  for (const Module* module : modules()) names.push_back(module->name());
  EXPECT_THAT(names, IsSupersetOf({"alpha", "beta"}));
  EXPECT_TRUE(std::ranges::is_sorted(names));
}

TEST(LogTest, ReadsLevels) {
  EXPECT_EQ(parse_level("warn"), Level::warn);
  EXPECT_EQ(parse_level("off"), Level::off);
  EXPECT_EQ(parse_level("WARN"), std::nullopt);
  EXPECT_EQ(name(Level::trace), "trace");
}

TEST(LogTest, UsesTheContextOfTheThread) {
  Capture capture;
  LogContext context;
  context.request_id = "req-7";
  context.user = "ann\"\n";
  current_log_context = &context;
  info(alpha_log, "inside", {{"user", "of the line"}});
  current_log_context = nullptr;
  info(alpha_log, "outside");
  auto lines = capture.lines();
  EXPECT_THAT(lines[0],
              HasSubstr(R"("request_id":"req-7","user":"ann\"\n","user_":"of the line"})"));
  EXPECT_THAT(lines[1], testing::Not(HasSubstr("request_id")));
}

TEST(LogTest, NoLineOfManyThreadsIsLostOrTorn) {
  Capture capture;
  constexpr int threads = 8;
  constexpr int lines_each = 500;
  const std::uint64_t lost_before = lost_lines();
  {
    std::vector<std::jthread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([t] {
        for (int i = 0; i < lines_each; ++i) {
          write(alpha_log, Level::info, "work", {{"thread", t}, {"i", i}});
        }
      });
    }
  }
  std::set<std::string> seen;
  std::vector<int> next(threads, 0);
  for (const std::string& line : capture.lines()) {
    int thread = -1;
    int i = -1;
    auto at = line.find("\"thread\":");
    ASSERT_NE(at, std::string::npos) << line;
    ASSERT_EQ(std::sscanf(line.c_str() + at, "\"thread\":%d,\"i\":%d}", &thread, &i), 2) << line;
    EXPECT_EQ(i, next[static_cast<std::size_t>(thread)]++) << "in the order they were logged";
    seen.insert(line.substr(at));
  }
  EXPECT_EQ(seen.size() + (lost_lines() - lost_before), std::size_t{threads} * lines_each);
  EXPECT_EQ(lost_lines(), lost_before);
}

/// Holds the writer at the first line until told otherwise.
class GatedSink final : public Sink {
 public:
  bool write(std::string_view lines) override {
    if (!first_seen) {
      first_seen = true;
      entered.set_value();
      go.get_future().wait();
    }
    text.append(lines);
    return true;
  }
  std::promise<void> entered;
  std::promise<void> go;
  std::string text;

 private:
  bool first_seen = false;
};

TEST(LogTest, AFullQueueDropsTheNewestAndSaysSo) {
  auto sink = std::make_shared<GatedSink>();
  configure({Format::json, sink});
  const std::uint64_t lost_before = lost_lines();
  info(alpha_log, "the first line holds the writer");
  sink->entered.get_future().wait();
  std::string filler(1000, 'x');
  int logged = 0;
  while (lost_lines() == lost_before) {
    write(alpha_log, Level::info, "filler", {{"number", ++logged}, {"text", filler}});
  }
  EXPECT_GT(logged, 100);
  sink->go.set_value();
  flush();
  info(alpha_log, "after");
  configure({});
  EXPECT_THAT(sink->text, HasSubstr("\"number\":" + std::to_string(logged - 1) + ","));
  EXPECT_THAT(sink->text, testing::Not(HasSubstr("\"number\":" + std::to_string(logged) + ",")));
  EXPECT_THAT(sink->text, HasSubstr(R"("message":"log lines were lost","lost":1,)"));
  EXPECT_THAT(sink->text, HasSubstr("after"));
}

class FailingSink final : public Sink {
 public:
  bool write(std::string_view lines) override {
    if (!broken) text.append(lines);
    return !broken;
  }
  std::atomic<bool> broken{true};
  std::string text;
};

TEST(LogTest, CountsWhatTheSinkRefusesAndSaysSoWhenItIsBack) {
  auto sink = std::make_shared<FailingSink>();
  configure({Format::json, sink});
  const std::uint64_t lost_before = lost_lines();
  info(alpha_log, "one");
  info(alpha_log, "two");
  flush();
  EXPECT_EQ(lost_lines() - lost_before, 2U);
  sink->broken = false;
  info(alpha_log, "three");
  flush();
  configure({});
  EXPECT_THAT(sink->text, HasSubstr("three"));
  EXPECT_THAT(sink->text, HasSubstr(R"("message":"log lines were lost","lost":2,)"));
}

TEST(LogTest, AutomaticIsJsonWhenTheSinkIsNoTerminal) {
  Capture json(Format::automatic);
  info(alpha_log, "m");
  EXPECT_TRUE(json.lines().at(0).starts_with("{\"time\":"));
  Capture console(Format::console);
  info(alpha_log, "m");
  EXPECT_THAT(console.lines().at(0), HasSubstr("Z info  alpha  m"));
}

TEST(LogTest, AppendsToAFile) {
  std::string path = testing::TempDir() + "kit_log_test_" + std::to_string(::getpid()) + ".log";
  auto sink = file_sink(path);
  ASSERT_TRUE(sink);
  configure({Format::json, *sink});
  info(alpha_log, "to a file");
  configure({});
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_THAT(line, HasSubstr("to a file"));
  std::remove(path.c_str());
  auto bad = file_sink("/nonexistent/folder/x.log");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message(),
            "cannot open the log file '/nonexistent/folder/x.log': No such file or directory");
}

struct LogsWhenThreadEnds {
  ~LogsWhenThreadEnds() { info(alpha_log, "from a thread-local destructor"); }
};

TEST(LogTest, ThreadLocalDestructorsMayLog) {
  Capture capture;
  std::thread([] {
    thread_local LogsWhenThreadEnds late;
    static_cast<void>(&late);
    info(alpha_log, "from the thread");
  }).join();
  auto lines = capture.lines();
  EXPECT_EQ(lines.size(), 2U);
  EXPECT_TRUE(capture.contains("from a thread-local destructor"));
}

TEST(LogDeathTest, LinesSurviveACrash) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        flush_on_crash();
        for (int i = 0; i < 50; ++i) info(alpha_log, "before the crash", {{"i", i}});
        std::abort();
      },
      "\"i\":49");
}

TEST(LogDeathTest, AfterACrashItIsKnownWhatWasLeftOut) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        flush_on_crash();
        const std::int64_t second = Timestamp::now().since_epoch.count() / 1'000'000;
        while (Timestamp::now().since_epoch.count() / 1'000'000 == second) {
        }
        for (int i = 0; i < 200; ++i) info(alpha_log, "before the crash", {{"i", i}});
        std::abort();
      },
      "\"i\":199,\"left_out\":99");
}

TEST(LogDeathTest, LinesSurviveTheExit) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        std::atexit([] { info(alpha_log, "after main"); });
        for (int i = 0; i < 50; ++i) info(alpha_log, "before the exit", {{"i", i}});
        std::exit(3);
      },
      testing::ExitedWithCode(3), "\"i\":49(.|\n)*");
}

TEST(LogDeathTest, AForkedChildLogsToo) {
  GTEST_FLAG_SET(death_test_style, "fast");
  info(alpha_log, "makes the writer of the parent");
  EXPECT_EXIT(
      {
        info(alpha_log, "from the child");
        flush();
        std::exit(0);
      },
      testing::ExitedWithCode(0), "from the child");
}

}  // namespace
}  // namespace kit::log
