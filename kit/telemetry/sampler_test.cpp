// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/sampler.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "kit/telemetry/trace_ids.hpp"

namespace kit::telemetry {
namespace {

LogContext with_random(std::string_view last_56_bits) {
  LogContext log;
  log.trace_id.fill('1');
  std::ranges::copy(last_56_bits, log.trace_id.end() - 14);
  return log;
}

bool keeps(const Sampler& sampler, std::string_view last_56_bits, std::string_view route = "/") {
  LogContext log = with_random(last_56_bits);
  sampler.decide(log, route, Sampler::Parent::none, false);
  return log.sampled;
}

SamplerOptions ratio_of(double ratio) {
  SamplerOptions options;
  options.ratio = ratio;
  return options;
}

TEST(Sampler, KeepsWhatIsNotBelowTheThreshold) {
  const Sampler half = *Sampler::make(ratio_of(0.5));
  EXPECT_FALSE(keeps(half, "7fffffffffffff"));
  EXPECT_TRUE(keeps(half, "80000000000000"));
  const Sampler all = *Sampler::make(ratio_of(1));
  EXPECT_TRUE(keeps(all, "00000000000000"));
  const Sampler none = *Sampler::make(ratio_of(0));
  EXPECT_FALSE(keeps(none, "ffffffffffffff"));
  const Sampler rarest = *Sampler::make(ratio_of(1.0 / 72'057'594'037'927'936.0));
  EXPECT_TRUE(keeps(rarest, "ffffffffffffff"));
  EXPECT_FALSE(keeps(rarest, "fffffffffffffe"));
}

TEST(Sampler, WritesTheThresholdOfWhatItKeeps) {
  const Sampler quarter = *Sampler::make(ratio_of(0.25));
  LogContext log = with_random("ffffffffffffff");
  quarter.decide(log, "/", Sampler::Parent::none, false);
  EXPECT_EQ(std::string_view(log.threshold.data(), 14), "c0000000000000");
  log = with_random("00000000000000");
  quarter.decide(log, "/", Sampler::Parent::none, false);
  EXPECT_EQ(log.threshold[0], '\0');
}

TEST(Sampler, KeepsTheFractionItSays) {
  const Sampler tenth = *Sampler::make(ratio_of(0.1));
  int kept = 0;
  LogContext log;
  for (int i = 0; i < 100'000; ++i) {
    log.trace_id = new_trace_id();
    tenth.decide(log, "/", Sampler::Parent::none, false);
    kept += log.sampled ? 1 : 0;
  }
  EXPECT_NEAR(kept, 10'000, 600);  // six standard deviations
}

TEST(Sampler, FollowsTheParent) {
  const Sampler none = *Sampler::make(ratio_of(0));
  LogContext log = with_random("00000000000000");
  none.decide(log, "/", Sampler::Parent::sampled, false);
  EXPECT_TRUE(log.sampled);
  EXPECT_EQ(log.threshold[0], '\0');  // the decision was another's
  const Sampler all = *Sampler::make(ratio_of(1));
  all.decide(log, "/", Sampler::Parent::unsampled, false);
  EXPECT_FALSE(log.sampled);
}

TEST(Sampler, RulesOfRoutesCount) {
  SamplerOptions options = ratio_of(0);
  options.rules = {{"/pay", SamplingMode::always, 0},
                   {"/healthz", SamplingMode::never, 0},
                   {"/api/*", SamplingMode::ratio, 1},
                   {"/api/quiet/*", SamplingMode::ratio, 0},
                   {"/api/quiet/loud", SamplingMode::ratio, 1}};
  const Sampler sampler = *Sampler::make(options);
  EXPECT_TRUE(keeps(sampler, "00000000000000", "/pay"));
  EXPECT_TRUE(keeps(sampler, "00000000000000", "/api/x"));
  EXPECT_FALSE(keeps(sampler, "ffffffffffffff", "/api/quiet/x"));
  EXPECT_TRUE(keeps(sampler, "00000000000000", "/api/quiet/loud"));
  EXPECT_FALSE(keeps(sampler, "ffffffffffffff", "/other"));
  LogContext log = with_random("00000000000000");
  sampler.decide(log, "/pay", Sampler::Parent::unsampled, false);
  EXPECT_TRUE(log.sampled);
  sampler.decide(log, "/healthz", Sampler::Parent::sampled, true);
  EXPECT_FALSE(log.sampled);
  sampler.decide(log, "/other", Sampler::Parent::none, true);
  EXPECT_TRUE(log.sampled);
  // A ratio of nothing is for traces that begin here.
  sampler.decide(log, "/api/quiet/x", Sampler::Parent::sampled, false);
  EXPECT_TRUE(log.sampled);
}

TEST(Sampler, RefusesWhatIsNoRatioOrRule) {
  for (const double ratio : {-0.01, 1.01, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_FALSE(Sampler::make(ratio_of(ratio)).ok()) << ratio;
  }
  SamplerOptions options;
  options.rules = {{"", SamplingMode::always, 0}};
  EXPECT_FALSE(Sampler::make(options).ok());
  options.rules = {{"/a", SamplingMode::ratio, 2}};
  EXPECT_FALSE(Sampler::make(options).ok());
}

}  // namespace
}  // namespace kit::telemetry
