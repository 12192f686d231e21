// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/process_metrics.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <string>

#include "kit/base/time.hpp"

namespace kit::telemetry {
namespace {

struct Memory {
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_bytes = 0;
};

Memory memory() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  if (!(statm >> pages >> resident)) return {};
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return {pages * page, resident * page};
}

double cpu_seconds() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double open_descriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), ::closedir);
  if (!directory) return std::numeric_limits<double>::quiet_NaN();
  double count = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count - 1;  // without the one that reads
}

double most_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(limit.rlim_cur);
}

/// Since 1970: how long the system ran when the process began, and when the system began.
double start_time() {
  std::ifstream stat("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  // The name in parentheses may have anything in it; the 20th field behind it is the start.
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string skipped;
  for (int i = 0; i < 19; ++i) fields >> skipped;
  double ticks = 0;
  if (!(fields >> ticks)) return 0;
  std::ifstream uptime("/proc/uptime");
  double up = 0;
  if (!(uptime >> up)) return 0;
  const double now = std::chrono::duration<double>(Timestamp::now().since_epoch).count();
  return now - up + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

std::uint64_t resident_bytes() {
  return memory().resident_bytes;
}

void add_process_metrics(Registry& registry) {
  registry.add_reading("process_cpu_seconds_total", "Processor time, of user and system",
                       cpu_seconds);
  registry.add_reading("process_open_fds", "Descriptors that are open", open_descriptors);
  registry.add_reading("process_max_fds", "Descriptors that may be open", most_descriptors);
  registry.add_reading("process_virtual_memory_bytes", "Addresses in use",
                       [] { return static_cast<double>(memory().virtual_bytes); });
  registry.add_reading("process_resident_memory_bytes", "Resident memory",
                       [] { return static_cast<double>(resident_bytes()); });
  registry.add_reading("process_start_time_seconds", "When the process began, since 1970",
                       [began = start_time()] { return began; });
}

}  // namespace kit::telemetry
