// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/exemplar.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "kit/telemetry/counter.hpp"
#include "kit/telemetry/histogram.hpp"

namespace kit::telemetry {
namespace {

using namespace std::chrono_literals;

/// A recorded trace whose ids are all one digit.
LogContext context_of(char digit) {
  LogContext context;
  context.trace_id.fill(digit);
  context.span_id.fill(digit);
  context.sampled = true;
  return context;
}

Timestamp at(std::chrono::microseconds since_start) {
  return Timestamp{1'800'000'000s + since_start};
}

char kept(const Exemplars& exemplars, std::size_t place) {
  const auto exemplar = exemplars.at(place);
  return exemplar ? exemplar->trace_id[0] : '-';
}

TEST(ExemplarsTest, KeepsTheIdsTheValueAndTheTime) {
  Exemplars exemplars(2);
  EXPECT_FALSE(exemplars.at(1));
  LogContext context = context_of('a');
  constexpr std::string_view trace = "0123456789abcdeffedcba9876543210";
  std::ranges::copy(trace, context.trace_id.begin());
  exemplars.offer(1, 42, context, at(0s));
  const auto exemplar = exemplars.at(1);
  ASSERT_TRUE(exemplar);
  EXPECT_EQ(std::string_view(exemplar->trace_id.data(), 32), trace);
  EXPECT_EQ(std::string_view(exemplar->span_id.data(), 16), "aaaaaaaaaaaaaaaa");
  EXPECT_EQ(exemplar->value, 42U);
  EXPECT_EQ(exemplar->at, at(0s));
  EXPECT_FALSE(exemplars.at(0));
}

TEST(ExemplarsTest, OneIsKeptForSevenSeconds) {
  Exemplars exemplars(1);
  exemplars.offer(0, 1, context_of('a'), at(0s));
  exemplars.offer(0, 1, context_of('b'), at(7s - 1us));
  EXPECT_EQ(kept(exemplars, 0), 'a');
  exemplars.offer(0, 1, context_of('c'), at(7s));
  EXPECT_EQ(kept(exemplars, 0), 'c');
}

TEST(ExemplarsTest, LooksAtOneIn90Milliseconds) {
  Exemplars exemplars(2);
  exemplars.offer(0, 1, context_of('a'), at(0s));
  exemplars.offer(1, 1, context_of('b'), at(90ms - 1us));
  EXPECT_EQ(kept(exemplars, 1), '-');
  exemplars.offer(1, 1, context_of('c'), at(90ms));
  EXPECT_EQ(kept(exemplars, 1), 'c');
}

TEST(ExemplarsTest, AClockThatIsSetBackStopsNothing) {
  Exemplars exemplars(1);
  exemplars.offer(0, 1, context_of('a'), at(1h));
  exemplars.offer(0, 1, context_of('b'), at(0s));
  EXPECT_EQ(kept(exemplars, 0), 'b');
}

TEST(ExemplarsTest, IdsThatAreNoneAreNotKept) {
  Exemplars exemplars(1);
  for (const char digit : {'\0', 'A', 'g', '"', '\n'}) {
    exemplars.offer(0, 1, context_of(digit), at(0s));
    EXPECT_FALSE(exemplars.at(0));
  }
  LogContext half = context_of('a');
  half.span_id[15] = '}';
  exemplars.offer(0, 1, half, at(0s));
  EXPECT_FALSE(exemplars.at(0));
}

TEST(ExemplarsTest, ReadersNeverSeeHalfOfOne) {
  Exemplars exemplars(1);
  std::vector<std::jthread> writers;
  for (const char digit : {'1', '2', '3'}) {
    writers.emplace_back([&exemplars, digit](std::stop_token stop) {
      const LogContext context = context_of(digit);
      for (std::int64_t second = 0; !stop.stop_requested(); second += 8) {
        exemplars.offer(0, static_cast<std::uint64_t>(digit), context,
                        at(std::chrono::seconds(second)));
      }
    });
  }
  int seen = 0;
  for (int i = 0; i < 200'000 || seen == 0; ++i) {
    const auto exemplar = exemplars.at(0);
    if (!exemplar) continue;
    ++seen;
    const char digit = exemplar->trace_id[0];
    ASSERT_TRUE(std::ranges::all_of(exemplar->trace_id, [&](char c) { return c == digit; }));
    ASSERT_TRUE(std::ranges::all_of(exemplar->span_id, [&](char c) { return c == digit; }));
    ASSERT_EQ(exemplar->value, static_cast<std::uint64_t>(digit));
  }
}

TEST(ExemplarsTest, OnlyRecordedTracesBecomeOne) {
  Histogram histogram(Buckets::http_seconds());
  Counter counter;
  const auto count = [&](const LogContext* context) {
    const LogContext* const before = std::exchange(current_log_context, context);
    histogram.record(7ms);
    counter.add_with_exemplar(2);
    current_log_context = before;
  };
  count(nullptr);
  LogContext context = context_of('a');
  context.sampled = false;
  count(&context);
  EXPECT_FALSE(histogram.exemplar(1));
  EXPECT_FALSE(counter.exemplar());
  context.sampled = true;
  count(&context);
  ASSERT_TRUE(histogram.exemplar(1));
  EXPECT_EQ(histogram.exemplar(1)->value, 7'000'000U);
  EXPECT_FALSE(histogram.exemplar(0));
  ASSERT_TRUE(counter.exemplar());
  EXPECT_EQ(counter.exemplar()->value, 2U);
  EXPECT_EQ(counter.value(), 6U);
  const auto age = Timestamp::now().since_epoch - counter.exemplar()->at.since_epoch;
  EXPECT_LT(age, 10s);
  EXPECT_GT(age, -1s);
}

}  // namespace
}  // namespace kit::telemetry
