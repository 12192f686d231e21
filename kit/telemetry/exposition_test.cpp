// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/exposition.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>

#include "kit/telemetry/open_metrics_test_support.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::telemetry {
namespace {

using namespace std::chrono_literals;

std::string open_metrics(const Registry& registry, Timestamp now = Timestamp::now()) {
  std::string out;
  registry.write(out, Format::open_metrics, now);
  EXPECT_EQ(open_metrics_problem(out), "") << out;
  return out;
}

TEST(FormatTest, IsWhatAcceptWants) {
  const auto is_open = [](std::string_view accept) {
    return choose_format(accept) == Format::open_metrics;
  };
  // What Prometheus 2.42, a newer one and curl send.
  EXPECT_TRUE(is_open(
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
      "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
  EXPECT_TRUE(
      is_open("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
              "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,"
              "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"));
  EXPECT_FALSE(is_open("*/*"));
  EXPECT_FALSE(is_open(""));

  EXPECT_TRUE(is_open("Application/OpenMetrics-Text ; VERSION = \"1.0.0\" ; q=0.1"));
  EXPECT_TRUE(is_open("application/openmetrics-text"));
  EXPECT_TRUE(is_open("text/plain;q=0.5, application/openmetrics-text;q=0.5"));
  EXPECT_FALSE(is_open("text/plain;q=0.6, application/openmetrics-text;q=0.5"));
  EXPECT_FALSE(is_open("text/plain, application/openmetrics-text;version=2.0.0"));
  EXPECT_TRUE(
      is_open("application/openmetrics-text;version=2.0.0, "
              "application/openmetrics-text;version=1.0.0;q=0.5"));
  EXPECT_FALSE(is_open("application/openmetrics-text;version=0.0.1"));
  EXPECT_FALSE(is_open("application/openmetrics-text;q=0"));
  EXPECT_FALSE(is_open("application/openmetrics-text;q=2"));
  EXPECT_FALSE(is_open("application/openmetrics-text;q=nan"));
  EXPECT_FALSE(is_open("application/*"));
  EXPECT_FALSE(is_open("text/*;q=0.9, application/openmetrics-text;q=0.8"));
  // The closest range decides, wherever it stands.
  EXPECT_TRUE(is_open("*/*;q=1, text/plain;q=0.1, application/openmetrics-text;q=0.2"));
  EXPECT_FALSE(is_open(",;,;;q=1,\"=;q"));
  EXPECT_EQ(media_type(Format::prometheus), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(media_type(Format::open_metrics),
            "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

TEST(CanonicalFloatTest, IsWhatTheSpecificationShows) {
  for (const auto& [number, text] :
       std::initializer_list<std::pair<double, std::string_view>>{{0, "0.0"},
                                                                  {0.001, "0.001"},
                                                                  {0.005, "0.005"},
                                                                  {0.01, "0.01"},
                                                                  {0.075, "0.075"},
                                                                  {1, "1.0"},
                                                                  {2.5, "2.5"},
                                                                  {10, "10.0"},
                                                                  {1e-10, "1e-10"},
                                                                  {1e-05, "1e-05"},
                                                                  {0.0001, "0.0001"},
                                                                  {100, "100.0"},
                                                                  {100'000, "100000.0"},
                                                                  {1e6, "1e+06"},
                                                                  {1e10, "1e+10"},
                                                                  {8e-06, "8e-06"},
                                                                  {16.777216, "16.777216"},
                                                                  {1'048'576, "1.048576e+06"}}) {
    EXPECT_EQ(canonical_float(number), text);
  }
}

TEST(OpenMetricsTest, IsWhatTheSpecificationShows) {
  Registry registry;
  registry.counters("requests_total", "Answered \"all\".\nBy \\ route.", {"route"})
      .with({"/a\"b\\\n\xFF"})
      .add(3);
  registry.add_reading("cpu_seconds_total", "Time.", [] { return 1.5; });
  registry.gauge("size_bytes", "Size.").set(7);
  registry.histograms("wait_seconds", "Waits.", {"of"}, Buckets::seconds({0.5, 1}))
      .with({"x"})
      .record(700ms);
  EXPECT_EQ(open_metrics(registry),
            "# HELP cpu_seconds Time.\n# TYPE cpu_seconds counter\n# UNIT cpu_seconds seconds\n"
            "cpu_seconds_total 1.5\n"
            "# HELP requests Answered \\\"all\\\".\\nBy \\\\ route.\n# TYPE requests counter\n"
            "requests_total{route=\"/a\\\"b\\\\\\n\xEF\xBF\xBD\"} 3\n"
            "# HELP size_bytes Size.\n# TYPE size_bytes gauge\n# UNIT size_bytes bytes\n"
            "size_bytes 7\n"
            "# HELP wait_seconds Waits.\n# TYPE wait_seconds histogram\n"
            "# UNIT wait_seconds seconds\n"
            "wait_seconds_bucket{of=\"x\",le=\"0.5\"} 0\n"
            "wait_seconds_bucket{of=\"x\",le=\"1.0\"} 1\n"
            "wait_seconds_bucket{of=\"x\",le=\"+Inf\"} 1\n"
            "wait_seconds_sum{of=\"x\"} 0.7\nwait_seconds_count{of=\"x\"} 1\n"
            "# EOF\n");
}

TEST(OpenMetricsTest, ACounterBesideAGaugeOfItsNameHasNoType) {
  Registry registry;
  registry.add_reading("live", "Live.", [] { return 1.0; });
  registry.add_reading("live_total", "Ever.", [] { return 2.0; });
  EXPECT_EQ(open_metrics(registry),
            "# HELP live Live.\n# TYPE live gauge\nlive 1\n"
            "# HELP live_total Ever.\n# TYPE live_total unknown\nlive_total 2\n# EOF\n");
}

TEST(OpenMetricsTest, AReadingThatIsNoCountDoesNotCostTheScrape) {
  Registry registry;
  registry.add_reading("a_total", "A.", [] { return std::nan(""); });
  registry.add_reading("b_total", "B.", [] { return -1.0; });
  EXPECT_EQ(open_metrics(registry),
            "# HELP a A.\n# TYPE a counter\n# HELP b B.\n# TYPE b counter\n# EOF\n");
}

class ShownExemplars : public ::testing::Test {
 protected:
  ShownExemplars() {
    context_.trace_id.fill('a');
    context_.span_id.fill('b');
    context_.sampled = true;
    const LogContext* const before = std::exchange(current_log_context, &context_);
    registry_.histograms("wait_seconds", "Waits.", {}, Buckets::seconds({0.5, 1}))
        .with({})
        .record(700ms);
    registry_.counter("lost_total", "Lost.").add_with_exemplar();
    registry_.gauge("now", "Now.").set(1);
    current_log_context = before;
  }
  LogContext context_;
  Registry registry_;
};

TEST_F(ShownExemplars, AreOfBucketsAndCounters) {
  const std::string text = open_metrics(registry_);
  const std::string ids =
      " # {trace_id=\"" + std::string(32, 'a') + "\",span_id=\"" + std::string(16, 'b') + "\"} ";
  EXPECT_NE(text.find("lost_total 1" + ids + "1 1"), std::string::npos) << text;
  EXPECT_NE(text.find("{le=\"1.0\"} 1" + ids + "0.7 1"), std::string::npos) << text;
  EXPECT_NE(text.find("{le=\"0.5\"} 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("{le=\"+Inf\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("now 1\n"), std::string::npos) << text;
}

TEST_F(ShownExemplars, AreNotOfPrometheusOwnFormat) {
  std::string text;
  registry_.write_text(text);
  EXPECT_EQ(text.find("trace_id"), std::string::npos) << text;
}

TEST_F(ShownExemplars, AreNotThoseThatAreTooOld) {
  const Timestamp now = Timestamp::now();
  const Timestamp soon{now.since_epoch + 69s};
  const Timestamp late{now.since_epoch + 71s};
  EXPECT_NE(open_metrics(registry_, soon).find("trace_id"), std::string::npos);
  EXPECT_EQ(open_metrics(registry_, late).find("trace_id"), std::string::npos);
}

TEST(OpenMetricsProblem, IsFound) {
  EXPECT_EQ(open_metrics_problem("# EOF\n"), "");
  const std::string head = "# HELP a A.\n# TYPE a ";
  const auto problem = [&](std::string_view rest) {
    return open_metrics_problem(head + std::string(rest) + "# EOF\n");
  };
  EXPECT_EQ(problem("gauge\na 1\n"), "");
  EXPECT_NE(open_metrics_problem(head + "gauge\na 1\n"), "");
  EXPECT_NE(problem("gauge\na 1\na 1\n"), "");
  EXPECT_NE(problem("gauge\na 1 # {} 1\n"), "");
  EXPECT_NE(problem("gauge\na 1\n# HELP b B.\nb 1\n# HELP a A.\na{x=\"1\"} 1\n"), "");
  EXPECT_NE(problem("counter\na 1\n"), "");
  EXPECT_NE(problem("counter\na_total -1\n"), "");
  EXPECT_NE(problem("counter\n# UNIT a seconds\na_total 1\n"), "");
  EXPECT_NE(problem("histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 1\na_count 1\n"), "");
  EXPECT_NE(problem("histogram\na_bucket{le=\"1.0\"} 1\na_count 1\n"), "");
  EXPECT_NE(problem("histogram\na_bucket{le=\"+Inf\"} 1\na_count 2\n"), "");
  EXPECT_EQ(problem("histogram\na_bucket{le=\"1.0\"} 1 # {} 1\na_bucket{le=\"+Inf\"} 1\n"
                    "a_count 1\na_sum 1\n"),
            "");
  EXPECT_NE(problem("histogram\na_bucket{le=\"1.0\"} 1 # {} 1.1\na_bucket{le=\"+Inf\"} 1\n"
                    "a_count 1\na_sum 1\n"),
            "");
  EXPECT_NE(problem("counter\na_total 1 # {x=\"" + std::string(128, 'x') + "\"} 1\n"), "");
  EXPECT_EQ(problem("counter\na_total 1 # {x=\"" + std::string(127, 'x') + "\"} 1\n"), "");
}

}  // namespace
}  // namespace kit::telemetry
