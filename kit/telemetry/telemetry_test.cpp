// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <thread>

#include "kit/telemetry/registry.hpp"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

namespace kit::telemetry {
namespace {

std::string text_of(const Registry& registry) {
  std::string out;
  registry.write_text(out);
  return out;
}

TEST(CounterTest, CountsFromManyThreads) {
  Counter counter;
  constexpr int rounds = 20'000;
  // More threads at once than shards of their own, and more after that than there are shards at
  // all.
  for (int wave = 0; wave < 3; ++wave) {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 24; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < rounds; ++i) counter.add();
      });
    }
  }
  EXPECT_EQ(counter.value(), std::uint64_t{3} * 24 * rounds);
  counter.add(5);
  EXPECT_EQ(counter.value(), std::uint64_t{3} * 24 * rounds + 5);
}

TEST(CounterTest, CanBeReadWhileItGrows) {
  Counter counter;
  std::jthread thread([&](std::stop_token stop) {
    while (!stop.stop_requested()) counter.add();
  });
  std::uint64_t last = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::uint64_t now = counter.value();
    ASSERT_GE(now, last);
    last = now;
  }
}

/// Where a duration is counted.
std::size_t index_of(std::chrono::nanoseconds duration) {
  Histogram histogram;
  histogram.record(duration);
  const Histogram::Snapshot all = histogram.snapshot();
  return static_cast<std::size_t>(std::ranges::find(all.counts, std::uint64_t{1}) -
                                  all.counts.begin());
}

TEST(HistogramTest, ABoundBelongsToWhatItBounds) {
  using std::chrono::nanoseconds;
  const auto bounds = Buckets::doubling().bounds();
  ASSERT_EQ(bounds.size(), 22U);
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const nanoseconds bound{bounds[i]};
    EXPECT_EQ(index_of(bound - nanoseconds{1}), i);
    EXPECT_EQ(index_of(bound), i);
    EXPECT_EQ(index_of(bound + nanoseconds{1}), i + 1);
  }
  EXPECT_EQ(index_of(nanoseconds{0}), 0U);
  EXPECT_EQ(index_of(nanoseconds{-5}), 0U);
  EXPECT_EQ(index_of(nanoseconds::min()), 0U);
  EXPECT_EQ(index_of(nanoseconds::max()), bounds.size());
  EXPECT_EQ(bounds.back(), 16'777'216'000U);
}

TEST(HistogramTest, CountsFromManyThreadsWhileItIsRead) {
  Histogram histogram;
  constexpr int rounds = 5'000;
  std::jthread reader([&](std::stop_token stop) {
    std::uint64_t last = 0;
    while (!stop.stop_requested()) {
      std::uint64_t now = 0;
      for (const std::uint64_t count : histogram.snapshot().counts) now += count;
      ASSERT_GE(now, last);
      last = now;
    }
  });
  // More threads at once than shards of their own.
  for (int wave = 0; wave < 2; ++wave) {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 24; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < rounds; ++i) histogram.record(std::chrono::microseconds{10 * t});
      });
    }
  }
  reader.request_stop();
  reader.join();
  const Histogram::Snapshot all = histogram.snapshot();
  EXPECT_EQ(all.counts[0], 2U * rounds);
  EXPECT_EQ(all.counts[1], 2U * rounds);
  EXPECT_EQ(all.sum, 10'000ULL * (23 * 24 / 2) * 2 * rounds);
  EXPECT_EQ(all.count(), 2ULL * 24 * rounds);
}

TEST(RegistryTest, WritesHistogramsAsPrometheusDoes) {
  Registry registry;
  HistogramFamily& times = registry.histograms("wait_seconds", "Waits.", {"of"});
  Histogram& a = times.with({"a\"b"});
  a.record(std::chrono::microseconds{8});
  a.record(std::chrono::microseconds{9});
  a.record(std::chrono::seconds{20});
  registry.histograms("xs_seconds", "None.", {"of"});
  std::string expected = "# HELP wait_seconds Waits.\n# TYPE wait_seconds histogram\n";
  constexpr std::array bounds{"8e-06",    "1.6e-05",  "3.2e-05",  "6.4e-05",  "0.000128",
                              "0.000256", "0.000512", "0.001024", "0.002048", "0.004096",
                              "0.008192", "0.016384", "0.032768", "0.065536", "0.131072",
                              "0.262144", "0.524288", "1.048576", "2.097152", "4.194304",
                              "8.388608", "16.777216"};
  for (const std::string_view bound : bounds) {
    expected.append("wait_seconds_bucket{of=\"a\\\"b\",le=\"").append(bound).append("\"} ");
    expected.append(bound == bounds[0] ? "1\n" : "2\n");
  }
  expected +=
      "wait_seconds_bucket{of=\"a\\\"b\",le=\"+Inf\"} 3\n"
      "wait_seconds_sum{of=\"a\\\"b\"} 20.000017\n"
      "wait_seconds_count{of=\"a\\\"b\"} 3\n"
      "# HELP xs_seconds None.\n# TYPE xs_seconds histogram\n";
  EXPECT_EQ(text_of(registry), expected);
  EXPECT_EQ(&registry.histograms("wait_seconds", "Waits.", {"of"}), &times);
}

TEST(RegistryTest, AHistogramWithoutLabelsHasItsBoundsOnly) {
  Registry registry;
  registry.histograms("wait_seconds", "Waits.", {}).with({}).record(std::chrono::seconds{1});
  const std::string text = text_of(registry);
  EXPECT_NE(text.find("\nwait_seconds_bucket{le=\"0.524288\"} 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nwait_seconds_bucket{le=\"1.048576\"} 1\n"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\nwait_seconds_sum 1\nwait_seconds_count 1\n")) << text;
}

TEST(RegistryTest, WritesThePrometheusTextFormat) {
  Registry registry;
  CounterFamily& requests = registry.counters(
      "http_requests_total", "Requests answered.\nBy \\ route.", {"method", "status"});
  requests.with({"GET", "200"}).add(3);
  requests.with({"GET", "404"}).add();
  requests.with({"GET", "200"}).add();
  requests.with({"PO\"S\\T\n\xFF", "\xC3\xA9"}).add();
  registry.counter("starts_total", "Starts.").add();
  registry.add_reading("connections_open", "Connections open now.", [] { return 2.5; });
  registry.add_reading("zz_lost_total", "Lines lost.", [] { return 7.0; });
  EXPECT_EQ(text_of(registry),
            "# HELP connections_open Connections open now.\n"
            "# TYPE connections_open gauge\n"
            "connections_open 2.5\n"
            "# HELP http_requests_total Requests answered.\\nBy \\\\ route.\n"
            "# TYPE http_requests_total counter\n"
            "http_requests_total{method=\"GET\",status=\"200\"} 4\n"
            "http_requests_total{method=\"GET\",status=\"404\"} 1\n"
            "http_requests_total{method=\"PO\\\"S\\\\T\\n\xEF\xBF\xBD\",status=\"\xC3\xA9\"} 1\n"
            "# HELP starts_total Starts.\n"
            "# TYPE starts_total counter\n"
            "starts_total 1\n"
            "# HELP zz_lost_total Lines lost.\n"
            "# TYPE zz_lost_total counter\n"
            "zz_lost_total 7\n");
}

TEST(RegistryTest, WritesUnusualReadings) {
  Registry registry;
  registry.add_reading("a", "A.", [] { return std::nan(""); });
  registry.add_reading("b", "B.", [] { return -std::numeric_limits<double>::infinity(); });
  EXPECT_EQ(text_of(registry),
            "# HELP a A.\n# TYPE a gauge\na NaN\n# HELP b B.\n# TYPE b gauge\nb -Inf\n");
}

TEST(RegistryTest, WritesReadingsWithLabels) {
  Registry registry;
  registry.add_readings("live", "Live.", {"kind", "of"}, [] {
    return std::vector<Reading>{{{"tasks", ""}, 3}, {{"pooled", "a\"b"}, 1.5}};
  });
  registry.add_readings("none", "None.", {"kind"}, [] { return std::vector<Reading>(); });
  EXPECT_EQ(text_of(registry),
            "# HELP live Live.\n# TYPE live gauge\n"
            "live{kind=\"tasks\",of=\"\"} 3\nlive{kind=\"pooled\",of=\"a\\\"b\"} 1.5\n"
            "# HELP none None.\n# TYPE none gauge\n");
}

TEST(RegistryTest, BoundsReadingsWithLabels) {
  for (std::size_t count :
       {CounterFamily::default_max_series, CounterFamily::default_max_series + 1}) {
    Registry registry;
    registry.add_readings("live", "Live.", {"n"}, [count] {
      std::vector<Reading> readings(count);
      for (Reading& reading : readings) reading.values.emplace_back("x");
      return readings;
    });
    const std::string text = text_of(registry);
    EXPECT_EQ(std::ranges::count(text, '\n'), 2 + 1'000);
  }
}

TEST(RegistryTest, GivesTheSameMetricAgain) {
  Registry registry;
  EXPECT_EQ(&registry.counter("a_total", "A."), &registry.counter("a_total", "A."));
  CounterFamily& family = registry.counters("b_total", "B.", {"x"});
  EXPECT_EQ(&family.with({"1"}), &family.with({"1"}));
  EXPECT_NE(&family.with({"1"}), &family.with({"2"}));
}

TEST(RegistryTest, BoundsTheSeriesOfAMetric) {
  Registry registry;
  CounterFamily& family = registry.counters("a_total", "A.", {"path"}, 3);
  for (int i = 0; i < 100; ++i) family.with({"/" + std::to_string(i)}).add();
  EXPECT_EQ(text_of(registry),
            "# HELP a_total A.\n# TYPE a_total counter\n"
            "a_total{path=\"/0\"} 1\na_total{path=\"/1\"} 1\na_total{path=\"/2\"} 1\n"
            "a_total{path=\"other\"} 97\n");
  family.with({"/1"}).add();
  EXPECT_EQ(family.with({"/1"}).value(), 2U);
}

TEST(RegistryTest, ThreadsMayDeclareAndCountAtOnce) {
  Registry registry;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i) {
          registry.counters("a_total", "A.", {"n"}).with({std::to_string(i % 50)}).add();
          if (i % 100 == 0) text_of(registry);
        }
      });
    }
  }
  std::uint64_t sum = 0;
  for (int i = 0; i < 50; ++i) {
    sum += registry.counters("a_total", "A.", {"n"}).with({std::to_string(i)}).value();
  }
  EXPECT_EQ(sum, 8U * 500U);
}

TEST(RegistryDeathTest, BadDeclarationsAreBugs) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Registry registry;
  EXPECT_DEATH(registry.counter("a", "A."), "ends in _total");
  EXPECT_DEATH(registry.counter("A_total", "A."), "lower_case");
  EXPECT_DEATH(registry.counters("a_total", "A.", {"__x"}), "a label is named lower_case");
  registry.counter("a_total", "A.");
  EXPECT_DEATH(registry.counters("a_total", "A.", {"x"}), "declared in two ways");
  EXPECT_DEATH(registry.counters("b_total", "B.", {"x"}).with({}), "one value for each label");
  EXPECT_DEATH(registry.histograms("waits", "W.", {}), "ends in its unit");
  EXPECT_DEATH(registry.histograms("a_seconds", "W.", {"le"}), "the label of the bounds");
  registry.add_reading("a_seconds", "A.", [] { return 1.0; });
  EXPECT_DEATH(registry.histograms("a_seconds", "A.", {}), "two metrics of one name");
  EXPECT_DEATH(registry.add_reading("a_total", "A.", [] { return 1.0; }), "two metrics");
}

TEST(RegistryDeathTest, BadBoundsAreBugs) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Buckets::seconds({}), "1 to 100 bounds");
  EXPECT_DEATH(Buckets::seconds({1, 1}), "above the last");
  EXPECT_DEATH(Buckets::seconds({-1}), "a time of some years");
  Registry registry;
  EXPECT_DEATH(registry.histograms("a_seconds", "A.", {}, Buckets::bytes({1})), "in its unit");
  registry.histograms("a_seconds", "A.", {}, Buckets::http_seconds());
  EXPECT_DEATH(registry.histograms("a_seconds", "A.", {}), "declared in two ways");
  EXPECT_DEATH(registry.gauge("a_total", "A."), "does not end in _total");
}

TEST(CellsTest, ManyMetricsNeedLittleMemoryAndGiveItBack) {
  // 8 KiB of numbers for each thread that counts, where a line of the cache each were 16 MiB.
  const auto resident = [] {
    std::ifstream file("/proc/self/statm");
    std::size_t pages = 0;
    file >> pages >> pages;
    return pages * 4096;
  };
  for (int round = 0; round < 3; ++round) {
    const std::size_t before = resident();
    std::vector<std::unique_ptr<detail::Cells>> cells;
    for (int i = 0; i < 1'000; ++i) {
      cells.push_back(std::make_unique<detail::Cells>(16));
      EXPECT_EQ(cells.back()->sum(7), 0U);
      cells.back()->add(7, 3, 8, 4);
      EXPECT_EQ(cells.back()->sum(7), 3U);
      EXPECT_EQ(cells.back()->sum(8), 4U);
    }
    // Sanitizers keep books of their own.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
    EXPECT_LT(resident(), before + std::size_t{2} * 1024 * 1024);
#else
    EXPECT_GT(before, 0U);
#endif
  }
}

TEST(GaugeTest, IsSetAndAddedToByManyThreads) {
  Registry registry;
  Gauge& gauge = registry.gauge("depth", "Depth.");
  gauge.set(-3.5);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1'000; ++i) {
          gauge.add(2);
          gauge.subtract();
        }
      });
    }
  }
  registry.gauges("depths", "Depths.", {"of"}).with({"a"}).set(1e300);
  EXPECT_EQ(text_of(registry),
            "# HELP depth Depth.\n# TYPE depth gauge\ndepth 7996.5\n"
            "# HELP depths Depths.\n# TYPE depths gauge\ndepths{of=\"a\"} 1e+300\n");
}

TEST(RegistryTest, ACounterCanBeWhatAHistogramRecorded) {
  Registry registry;
  HistogramFamily& sizes =
      registry.histograms("size_bytes", "Sizes.", {"of"}, Buckets::bytes({10, 1'000'000}));
  registry.add_counts("sizes_total", "How many.", sizes);
  sizes.with({"a"}).record(std::uint64_t{10});
  sizes.with({"a"}).record(std::uint64_t{11});
  EXPECT_EQ(text_of(registry),
            "# HELP size_bytes Sizes.\n# TYPE size_bytes histogram\n"
            "size_bytes_bucket{of=\"a\",le=\"10.0\"} 1\n"
            "size_bytes_bucket{of=\"a\",le=\"1e+06\"} 2\n"
            "size_bytes_bucket{of=\"a\",le=\"+Inf\"} 2\n"
            "size_bytes_sum{of=\"a\"} 21\nsize_bytes_count{of=\"a\"} 2\n"
            "# HELP sizes_total How many.\n# TYPE sizes_total counter\nsizes_total{of=\"a\"} 2\n");
}

TEST(RegistryTest, RefusedSeriesAreCounted) {
  Registry registry;
  registry.add_own_metrics();
  CounterFamily& family = registry.counters("a_total", "A.", {"path"}, 2);
  for (const char* path : {"/1", "/2"}) family.with({path}).add();
  EXPECT_EQ(text_of(registry).find("refused_total{"), std::string::npos);
  for (int i = 0; i < 3; ++i) family.with({"/3"}).add();
  EXPECT_NE(text_of(registry).find("metrics_series_refused_total{metric=\"a_total\"} 3\n"),
            std::string::npos)
      << text_of(registry);
}

}  // namespace
}  // namespace kit::telemetry
