// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/process_metrics.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "kit/base/text.hpp"

namespace kit::telemetry {
namespace {

class ProcessMetricsTest : public ::testing::Test {
 protected:
  ProcessMetricsTest() { add_process_metrics(registry_); }
  double value(std::string_view name) const {
    std::string text;
    registry_.write_text(text);
    const std::string before = "\n" + std::string(name) + " ";
    const std::size_t at = text.find(before);
    if (at == text.npos) return -1;
    std::string_view rest = std::string_view(text).substr(at + before.size());
    return parse_double(cut(rest, '\n')).value_or(-1);
  }
  Registry registry_;
};

TEST_F(ProcessMetricsTest, AreThoseOfThisProcess) {
  const double now = std::chrono::duration<double>(Timestamp::now().since_epoch).count();
  const double began = value("process_start_time_seconds");
  EXPECT_GT(began, now - 3600);
  EXPECT_LE(began, now + 1);
  EXPECT_GT(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_GT(value("process_resident_memory_bytes"), 1024 * 1024);
  EXPECT_GT(value("process_max_fds"), value("process_open_fds"));
}

TEST_F(ProcessMetricsTest, DescriptorsAreCounted) {
  const double before = value("process_open_fds");
  const int opened = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(opened, 0);
  EXPECT_EQ(value("process_open_fds"), before + 1);
  ::close(opened);
  EXPECT_EQ(value("process_open_fds"), before);
}

TEST_F(ProcessMetricsTest, ProcessorTimeGrowsWithWork) {
  const double before = value("process_cpu_seconds_total");
  ASSERT_GE(before, 0);
  const auto deadline = Clock::now() + std::chrono::seconds(30);
  while (value("process_cpu_seconds_total") < before + 0.05) ASSERT_LT(Clock::now(), deadline);
}

}  // namespace
}  // namespace kit::telemetry
