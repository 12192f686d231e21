// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/trace_context.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace kit::telemetry {
namespace {

const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string span = "00f067aa0ba902b7";

LogContext context() {
  LogContext log;
  std::ranges::copy(trace, log.trace_id.begin());
  std::ranges::copy(span, log.span_id.begin());
  return log;
}

TEST(TraceParent, IsReadStrictly) {
  const std::string header = "00-" + trace + "-" + span + "-03";
  const auto read = parse_trace_parent(header);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->trace_id, trace);
  EXPECT_EQ(read->span_id, span);
  EXPECT_EQ(read->flags, flag_sampled | flag_random);
  // Flags that nobody knows are not believed, versions to come are read as far as they are known.
  EXPECT_EQ(parse_trace_parent("00-" + trace + "-" + span + "-ff")->flags, 3);
  EXPECT_TRUE(parse_trace_parent("cc-" + trace + "-" + span + "-00-what.ever"));
  const std::string zeros(32, '0');
  for (const std::string& bad :
       {std::string(), "00-" + trace + "-" + span, "ff-" + trace + "-" + span + "-01",
        "00-" + trace + "-" + span + "-01-", "00-" + trace + "-" + span + "-01x",
        "cc-" + trace + "-" + span + "-01x", "00-" + zeros + "-" + span + "-01",
        "00-" + trace + "-" + zeros.substr(16) + "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span + "-01", "0x-" + trace + "-" + span + "-01",
        "00-" + trace + "-" + span + "-0G", "00_" + trace + "-" + span + "-01",
        " 00-" + trace + "-" + span + "-01"}) {
    EXPECT_FALSE(parse_trace_parent(bad)) << bad;
  }
}

TEST(TraceParent, IsWritten) {
  LogContext log = context();
  SpanId child{};
  std::ranges::copy(std::string("b7ad6b7169203331"), child.begin());
  EXPECT_EQ(trace_parent(log, child), "00-" + trace + "-b7ad6b7169203331-00");
  log.sampled = log.random = true;
  EXPECT_EQ(trace_parent(log, child), "00-" + trace + "-b7ad6b7169203331-03");
}

TEST(TraceState, HasTheOwnMemberFirst) {
  LogContext log = context();
  EXPECT_EQ(trace_state(log), "");
  log.trace_state = "rojo=00f067aa0ba902b7 ,\tcongo=t61rcWkgMzE,ot=th:8,,t@v=x";
  EXPECT_EQ(trace_state(log), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,ot=th:8,t@v=x");
  log.sampled = true;
  std::ranges::copy(std::string("fd70a3d70a3d70"), log.threshold.begin());
  EXPECT_EQ(trace_state(log), "ot=th:fd70a3d70a3d7,rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,t@v=x");
  std::ranges::copy(std::string("00000000000000"), log.threshold.begin());
  log.trace_state = {};
  EXPECT_EQ(trace_state(log), "ot=th:0");
}

TEST(TraceState, WithAMalformedMemberIsNothing) {
  LogContext log = context();
  for (const std::string& bad :
       {std::string("a=1,B=2"), std::string("a=1,b"), std::string("a=1,=2"), std::string("a=1,b="),
        std::string("a=b=c"), "a=" + std::string(257, 'x'), std::string(257, 'a') + "=1",
        std::string("a=\x80"), std::string("-a=1")}) {
    log.trace_state = bad;
    EXPECT_EQ(trace_state(log), "") << bad;
  }
  const std::string longest = std::string(256, 'a') + "=" + std::string(255, 'x');
  log.trace_state = longest;
  EXPECT_EQ(trace_state(log).size(), 512U);
}

TEST(TraceState, KeepsWholeMembersUpToItsLimits) {
  LogContext log = context();
  std::string many;
  for (int i = 0; i < 33; ++i) many += (i > 0 ? ",k" : "k") + std::to_string(i) + "=v";
  log.trace_state = many;
  EXPECT_EQ(trace_state(log), many.substr(0, many.rfind(',')));
  const std::string half = "=" + std::string(254, 'x');
  const std::string wide = "a" + half + ",b" + half;  // 513 characters
  ASSERT_EQ(wide.size(), 513U);
  log.trace_state = wide;
  EXPECT_EQ(trace_state(log), wide.substr(0, wide.rfind(',')));
}

TEST(Baggage, IsCutBetweenMembers) {
  EXPECT_EQ(limited_baggage("userId=alice , serverNode=DF%2028;p=1,isProduction=false"),
            "userId=alice,serverNode=DF%2028;p=1,isProduction=false");
  EXPECT_EQ(limited_baggage("a=1,b,=2,c d=3,e=\x80,f=\"x\",g=4"), "a=1,g=4");
  std::string many;
  for (int i = 0; i < 65; ++i) many += (i > 0 ? ",k" : "k") + std::to_string(i) + "=v";
  EXPECT_EQ(limited_baggage(many), many.substr(0, many.rfind(',')));
  const std::string longest = "k=" + std::string(8'190, 'v');
  EXPECT_EQ(limited_baggage(longest), longest);
  EXPECT_EQ(limited_baggage(longest + "v"), "");
  EXPECT_EQ(limited_baggage(longest + ",x=1"), longest);
}

TEST(TraceIds, AreHexAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    const TraceId id = new_trace_id();
    EXPECT_TRUE(is_trace_id(view(id)));
    EXPECT_TRUE(seen.emplace(view(id)).second);
  }
  SpanId id;
  write_hex(0x0123456789abcdef, id.data());
  EXPECT_EQ(view(id), "0123456789abcdef");
}

}  // namespace
}  // namespace kit::telemetry
