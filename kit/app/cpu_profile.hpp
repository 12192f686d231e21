// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"

namespace kit::app {

/// A profile of the processor time of all threads, which is being taken: 100 samples for each
/// second of it. One at a time in a process. Thread safety: one at a time, any thread.
class CpuProfile {
 public:
  /// Fails with `failed_precondition` where the program was built without gperftools or profiles
  /// itself already (CPUPROFILE), `aborted` while another one is being taken.
  static Result<std::unique_ptr<CpuProfile>> start();
  /// Ends it, if `finish` did not.
  ~CpuProfile();
  CpuProfile(const CpuProfile&) = delete;
  CpuProfile& operator=(const CpuProfile&) = delete;

  /// Ends it and gives what pprof reads (gperftools' binary format). Once. Cost: milliseconds; not
  /// on a loop's thread.
  Result<std::string> finish();

 private:
  explicit CpuProfile(int descriptor) : descriptor_(descriptor) {}
  void stop();
  void release();

  int descriptor_;  // of memory that the profiler takes for a file
  bool is_running_ = true;
};

/// A stack that was seen, innermost address first, and how often.
struct ProfiledStack {
  std::uint64_t count = 0;
  std::vector<std::uint64_t> addresses;
};

/// The stacks of a profile in gperftools' binary format. Fails with `invalid_argument` for what is
/// none.
Result<std::vector<ProfiledStack>> parse_cpu_profile(std::string_view bytes);

/// What is allocated now, by who allocated it, as a sample; pprof reads it. Fails with
/// `failed_precondition` where the program was built without tcmalloc (KIT_WITH_TCMALLOC) or was
/// started without sampling. Cost: milliseconds.
Result<std::string> heap_profile();
/// Who made the heap grow, since the start. Fails as `heap_profile`.
Result<std::string> growth_profile();

}  // namespace kit::app
