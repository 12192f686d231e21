// SPDX-License-Identifier: Apache-2.0
#include "kit/app/profiling.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "kit/app/cpu_profile.hpp"
#include "kit/app/flame_graph.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/log/capture.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

/// What a profile has: words of 64 bits.
std::string words(const std::vector<std::uint64_t>& all) {
  std::string bytes(all.size() * 8, '\0');
  std::memcpy(bytes.data(), all.data(), bytes.size());
  return bytes;
}

TEST(CpuProfileFormat, IsRead) {
  const auto stacks =
      parse_cpu_profile(words({0, 3, 0, 10'000, 0, 5, 2, 11, 12, 1, 1, 13, 0, 1, 0}) + "maps");
  ASSERT_TRUE(stacks.ok()) << stacks.error().describe();
  ASSERT_EQ(stacks->size(), 2U);
  EXPECT_EQ((*stacks)[0].count, 5U);
  EXPECT_EQ((*stacks)[0].addresses, (std::vector<std::uint64_t>{11, 12}));
  EXPECT_EQ((*stacks)[1].addresses, std::vector<std::uint64_t>{13});
}

TEST(CpuProfileFormat, WhatIsBrokenIsRefused) {
  const std::string whole = words({0, 3, 0, 10'000, 0, 5, 2, 11, 12, 0, 1, 0});
  ASSERT_TRUE(parse_cpu_profile(whole).ok());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_cpu_profile(std::string_view(whole).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(parse_cpu_profile(words({1, 3, 0, 1, 0, 0, 1, 0})).ok());
  EXPECT_FALSE(parse_cpu_profile(words({0, 1ULL << 60U, 0, 1, 0, 0, 1, 0})).ok());
  EXPECT_FALSE(parse_cpu_profile(words({0, 3, 0, 1, 0, 7, 1ULL << 61U, 0})).ok());
}

TEST(FlameGraph, FoldsStacksByTheNamesOfTheirFunctions) {
  const std::vector<ProfiledStack> stacks{{3, {1, 2}}, {4, {10, 2}}, {1, {2}}};
  const FoldedStacks folded = fold(stacks, [](std::uint64_t address, bool is_call) {
    if (is_call) return std::string("ma;in");
    return std::string(address == 2 ? "main" : "work");
  });
  EXPECT_EQ(folded_text(folded), "ma:in;work 7\nmain 1\n");
}

TEST(FlameGraph, IsOneDocumentWithoutScripts) {
  const FoldedStacks stacks{{{"main", "a<int>&\"\x01\xFF"}, 90},
                            {{"main", "b"}, 9},
                            {{"main", "too narrow to be seen"}, 0}};
  const std::string svg = flame_svg(stacks, "Time <1 s>");
  EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" ")) << svg;
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_THAT(svg, AllOf(HasSubstr("Time &lt;1 s&gt;: 99 samples"),
                         HasSubstr("<title>a&lt;int&gt;&amp;&quot; \xEF\xBF\xBD: 90 samples"),
                         HasSubstr("<title>all: 99 samples, 100.00 %</title>")));
  EXPECT_THAT(svg, Not(HasSubstr("too narrow")));
  EXPECT_THAT(svg, Not(HasSubstr("script")));
  EXPECT_THAT(flame_svg({}, "nothing"), HasSubstr("nothing: 0 samples"));
}

TEST(ProfilingFor, ProductionIsClosed) {
  EXPECT_TRUE(profiling_for("dev", false, "").enabled);
  EXPECT_TRUE(profiling_for("staging", false, "false").enabled);
  EXPECT_FALSE(profiling_for("prod", false, "").enabled);
  EXPECT_TRUE(profiling_for("prod", true, "0").enabled);
  for (const char* prod : {"true", "TRUE", "1"}) {
    EXPECT_FALSE(profiling_for("dev", true, prod).enabled);
  }
}

/// The body of an answer, streamed or not.
Task<> read_all(http::Response* response, std::string* out) {
  if (!response->stream) {
    *out = response->body;
    co_return;
  }
  while (true) {
    const std::string_view piece = co_await response->stream->read();
    if (piece.empty()) co_return;
    out->append(piece);
  }
}

class ProfilingTest : public ::testing::Test {
 protected:
  ProfilingTest() {
    profiling_.apply({.enabled = true});
    EXPECT_TRUE(profiling_.add_routes(router_));
  }
  Result<http::Response> ask(std::string_view kind, std::string_view query = "",
                             http::Method method = http::Method::get, std::string_view body = "") {
    const std::string path = "/debug/pprof/" + std::string(kind);
    std::vector<std::string_view> parameters;
    std::string scratch;
    const auto match = router_.match(method, path, parameters, scratch);
    EXPECT_NE(match.route, nullptr) << path;
    http::Request request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.body = body;
    request.peer = "192.0.2.7";
    return run(loop_, match.route->handler(request));
  }
  std::string body_of(http::Response& response) {
    std::string body;
    EXPECT_TRUE(run(loop_, read_all(&response, &body)));
    return body;
  }

  testing::VirtualLoop loop_;
  BlockingPool pool_{{.threads = 0}};
  Profiling profiling_{pool_};
  http::Router router_;
};

TEST_F(ProfilingTest, WhatIsClosedIsRefusedWithALineOfAudit) {
  profiling_.apply({.enabled = false});
  for (const char* kind :
       {"profile", "flame", "folded", "heap", "growth", "cmdline", "symbol", "tasks"}) {
    log::Capture capture;
    const auto answer = ask(kind);
    ASSERT_FALSE(answer.ok()) << kind;
    EXPECT_EQ(answer.error().code(), Code::permission_denied);
    const auto lines = capture.lines();
    ASSERT_EQ(lines.size(), 1U) << kind;
    EXPECT_THAT(lines[0], AllOf(HasSubstr(R"("module":"audit","message":"profile refused")"),
                                HasSubstr("192.0.2.7"), HasSubstr(kind)));
  }
}

TEST_F(ProfilingTest, ArgumentsAreNamedWithoutTheirValues) {
  auto answer = ask("cmdline");
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(answer->body, HasSubstr("kit_app_test"));
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(file)), {});
  if (const std::size_t at = all.find('='); at != all.npos) {
    EXPECT_THAT(answer->body, HasSubstr("=***"));
    const std::string value = all.substr(at + 1, all.find('\0', at) - at - 1);
    EXPECT_THAT(answer->body, Not(HasSubstr("=" + value + "\n")));
  }
}

TEST_F(ProfilingTest, AddressesHaveNames) {
  EXPECT_EQ(ask("symbol")->body, "num_symbols: 1\n");
  std::array<char, 20> address{};
  std::snprintf(address.data(), address.size(), "%p",
                reinterpret_cast<const void*>(&parse_cpu_profile));
  const auto answer = ask("symbol", "", http::Method::post, std::string(address.data()) + "+0x1");
  ASSERT_TRUE(answer.ok()) << answer.error().describe();
  EXPECT_THAT(answer->body, AllOf(HasSubstr(std::string(address.data()) + "\tkit::app::parse_cpu"),
                                  HasSubstr("\n0x1\tunknown\n")));
  for (const char* wrong : {"0xg", "0x", "1 2", "+", "0x11111111111111111"}) {
    EXPECT_EQ(ask("symbol", "", http::Method::post, wrong).error().code(), Code::invalid_argument)
        << wrong;
  }
}

TEST_F(ProfilingTest, TasksAreListed) {
  EXPECT_THAT(ask("tasks")->body, HasSubstr("root tasks"));
}

#ifndef KIT_HAS_TCMALLOC
TEST_F(ProfilingTest, WithoutTcmallocTheHeapIsUnknown) {
  for (const char* kind : {"heap", "growth"}) {
    const auto answer = ask(kind);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code(), Code::failed_precondition);
    EXPECT_THAT(answer.error().message(), HasSubstr("KIT_WITH_TCMALLOC"));
  }
}
#endif

#ifdef KIT_HAS_PROFILER

TEST_F(ProfilingTest, TakesSixtySecondsAtMost) {
  for (const char* seconds : {"0", "-1", "61", "1.5", "x", "", "99999999999999999999"}) {
    const auto answer = ask("profile", "seconds=" + std::string(seconds));
    ASSERT_FALSE(answer.ok()) << seconds;
    EXPECT_EQ(answer.error().code(), Code::invalid_argument);
  }
  auto longest = ask("profile", "seconds=60");
  ASSERT_TRUE(longest.ok()) << longest.error().describe();
  const auto begun = loop_.now();
  const std::string profile = body_of(*longest);
  EXPECT_EQ(loop_.now() - begun, 60s);
  EXPECT_TRUE(parse_cpu_profile(profile).ok());
}

TEST_F(ProfilingTest, OneAtATimeAndWhoeverLeavesEndsIt) {
  log::Capture capture;
  {
    const auto first = ask("profile", "seconds=1");
    ASSERT_TRUE(first.ok()) << first.error().describe();
    const auto second = ask("flame", "seconds=1");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code(), Code::aborted);
  }
  // The first answer was dropped before it was read.
  auto third = ask("folded", "seconds=1");
  ASSERT_TRUE(third.ok()) << third.error().describe();
  body_of(*third);
  EXPECT_TRUE(ask("profile", "seconds=1").ok());
  EXPECT_EQ(capture.lines().size(), 3U);
  EXPECT_TRUE(capture.contains(R"("message":"profile taken","by":"192.0.2.7")"));
}

[[gnu::noinline]] std::uint64_t burn_processor_time(Clock::duration duration) {
  std::uint64_t sum = 0;
  const auto end = Clock::now() + duration;
  while (Clock::now() < end) {
    for (std::uint64_t i = 0; i < 10'000; ++i) sum += i * i ^ sum;
  }
  return sum;
}

TEST(CpuProfileTest, ShowsWhereTheTimeGoes) {
  auto profile = CpuProfile::start();
  ASSERT_TRUE(profile.ok()) << profile.error().describe();
  EXPECT_NE(burn_processor_time(1s), 0U);
  const auto bytes = (*profile)->finish();
  ASSERT_TRUE(bytes.ok());
  const auto stacks = parse_cpu_profile(*bytes);
  ASSERT_TRUE(stacks.ok()) << stacks.error().describe();
  const std::string folded = folded_text(fold(*stacks));
  EXPECT_THAT(folded, HasSubstr("burn_processor_time"));
  EXPECT_THAT(flame_svg(fold(*stacks), "t"), HasSubstr("burn_processor_time"));
}

/// How long the loop was held up at most while a profile was taken.
Task<> tick(Clock::duration* longest) {
  for (int i = 0; i < 60; ++i) {
    const auto before = Clock::now();
    co_await sleep_for(10ms);
    *longest = std::max<Clock::duration>(*longest, Clock::now() - before);
  }
}

Task<> take_while_ticking(http::Handler* handler, Clock::duration* longest, std::string* out) {
  http::Request request;
  request.query = "seconds=1";
  Task<http::Response> asking = (*handler)(request);
  http::Response response = co_await std::move(asking);
  TaskGroup group("ticks");
  group.spawn("tick", tick(longest));
  Task<> reading = read_all(&response, out);
  co_await std::move(reading);
  co_await group.join();
}

TEST(ProfilingLoopTest, TheLoopGoesOnMeanwhile) {
  Profiling profiling;
  profiling.apply({.enabled = true});
  http::Router router;
  ASSERT_TRUE(profiling.add_routes(router));
  std::vector<std::string_view> parameters;
  std::string scratch;
  const auto match = router.match(http::Method::get, "/debug/pprof/flame", parameters, scratch);
  http::Handler handler = [route = match.route](http::Request& request) {
    return route->handler(request);
  };
  const auto loop = make_epoll_loop();
  Clock::duration longest{};
  std::string svg;
  ASSERT_TRUE(run(**loop, take_while_ticking(&handler, &longest, &svg)));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_GT(longest, 9ms);
  EXPECT_LT(longest, 500ms);
}

#endif

}  // namespace
}  // namespace kit::app
