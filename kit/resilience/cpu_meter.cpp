// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/cpu_meter.hpp"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <thread>

#include "kit/base/text.hpp"

namespace kit::resilience {
namespace {

std::chrono::nanoseconds process_time() {
  timespec time{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) != 0) return {};
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::string first_line(const char* file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

double ratio(std::string_view quota, std::string_view period) {
  const auto part = parse_int(trim(quota));
  const auto whole = parse_int(trim(period));
  if (!part || !whole || *part <= 0 || *whole <= 0) return 0;
  return static_cast<double>(*part) / static_cast<double>(*whole);
}

double control_group_cpus() {
  // Inside a container its own group is at the root; version 2, then version 1.
  const std::string v2 = first_line("/sys/fs/cgroup/cpu.max");
  if (!v2.empty()) return parse_cpu_max(v2);
  return ratio(first_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
               first_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us"));
}

}  // namespace

double parse_cpu_max(std::string_view text) {
  const std::string_view quota = cut(text, ' ');
  return ratio(quota, text);
}

double allowed_cpus() {
  double cpus = std::max(1U, std::thread::hardware_concurrency());
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) cpus = std::max(1, CPU_COUNT(&set));
  const double group = control_group_cpus();
  return group > 0 ? std::min(group, cpus) : cpus;
}

CpuMeter::CpuMeter() : cpus_(allowed_cpus()), at_(Clock::now()), used_(process_time()) {}

CpuMeter::Use CpuMeter::read(Clock::time_point now) {
  const std::chrono::nanoseconds used = process_time();
  Use use;
  use.used = used - used_;
  use.possible = std::chrono::duration_cast<std::chrono::nanoseconds>((now - at_) * cpus_);
  used_ = used;
  at_ = now;
  return use;
}

}  // namespace kit::resilience
