// SPDX-License-Identifier: Apache-2.0
#include "kit/app/cpu_profile.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#ifdef KIT_HAS_PROFILER
#include <gperftools/profiler.h>
#endif
#ifdef KIT_HAS_TCMALLOC
#include <gperftools/malloc_extension.h>
#endif

namespace kit::app {
namespace {

#ifdef KIT_HAS_PROFILER
std::atomic<bool> is_taken{false};

Result<std::string> contents(int descriptor) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) return Error(Code::internal, std::strerror(errno));
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  for (std::size_t got = 0; got < bytes.size();) {
    const ssize_t count =
        ::pread(descriptor, bytes.data() + got, bytes.size() - got, static_cast<off_t>(got));
    if (count == 0) return Error(Code::internal, "the profile is shorter than it was");
    if (count < 0 && errno != EINTR) return Error(Code::internal, std::strerror(errno));
    if (count > 0) got += static_cast<std::size_t>(count);
  }
  return bytes;
}
#endif

#ifndef KIT_HAS_TCMALLOC
Error no_tcmalloc() {
  return {Code::failed_precondition,
          "this program was built without tcmalloc, which knows who allocated what: build it with "
          "-DKIT_WITH_TCMALLOC=ON (Debian: libgoogle-perftools-dev)"};
}
#endif

}  // namespace

#ifdef KIT_HAS_PROFILER

Result<std::unique_ptr<CpuProfile>> CpuProfile::start() {
  if (is_taken.exchange(true)) {
    return Error(Code::aborted, "another profile is being taken: try again when it is done");
  }
  const int descriptor = ::memfd_create("kit-profile", MFD_CLOEXEC);
  if (descriptor < 0) {
    is_taken.store(false);
    return Error(Code::resource_exhausted, std::string("memfd_create: ") + std::strerror(errno));
  }
  // From here on its destructor cleans up.
  std::unique_ptr<CpuProfile> profile(new CpuProfile(descriptor));
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  if (ProfilerStart(path.c_str()) == 0) {
    profile->is_running_ = false;
    return Error(Code::failed_precondition,
                 "the profiler does not start: is the program profiled already (CPUPROFILE)?");
  }
  return profile;
}

void CpuProfile::stop() {
  if (!is_running_) return;
  is_running_ = false;
  ProfilerStop();
}

CpuProfile::~CpuProfile() {
  stop();
  release();
}

void CpuProfile::release() {
  if (descriptor_ < 0) return;
  ::close(std::exchange(descriptor_, -1));
  is_taken.store(false);
}

Result<std::string> CpuProfile::finish() {
  stop();
  auto bytes = contents(descriptor_);
  // Not when its reader is done with it, which may take its time: the next one may begin.
  release();
  return bytes;
}

#else

Result<std::unique_ptr<CpuProfile>> CpuProfile::start() {
  return Error(Code::failed_precondition,
               "this program was built without a profiler: install libgoogle-perftools-dev and "
               "build it again (KIT_WITH_PROFILER)");
}
void CpuProfile::stop() {
  is_running_ = false;
}
void CpuProfile::release() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}
CpuProfile::~CpuProfile() {
  stop();
  release();
}
Result<std::string> CpuProfile::finish() {
  return Error(Code::internal, "there is no profile");
}

#endif

#ifdef KIT_HAS_TCMALLOC

Result<std::string> heap_profile() {
  std::string text;
  MallocExtension::instance()->GetHeapSample(&text);
  // What tcmalloc writes when it does not sample.
  if (!text.contains("%warn")) return text;
  return Error(Code::failed_precondition,
               "allocations are not sampled: start the program with "
               "TCMALLOC_SAMPLE_PARAMETER=524288 in its environment");
}

Result<std::string> growth_profile() {
  std::string text;
  MallocExtension::instance()->GetHeapGrowthStacks(&text);
  return text;
}

#else

Result<std::string> heap_profile() {
  return no_tcmalloc();
}
Result<std::string> growth_profile() {
  return no_tcmalloc();
}

#endif

// https://gperftools.github.io/gperftools/cpuprofile-fileformat.html, words of 64 bits.
Result<std::vector<ProfiledStack>> parse_cpu_profile(std::string_view bytes) {
  constexpr std::size_t word_size = sizeof(std::uint64_t);
  std::size_t at = 0;
  const auto next = [&]() -> std::uint64_t {
    if (bytes.size() - at < word_size) return UINT64_MAX;
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, word_size);
    at += word_size;
    return word;
  };
  const auto broken = [](std::string_view what) {
    return Error(Code::invalid_argument, "the profile is broken: " + std::string(what));
  };
  if (next() != 0) return broken("it does not begin as one");
  const std::uint64_t header_words = next();
  if (header_words < 3 || header_words > 16) return broken("its header is too short or too long");
  for (std::uint64_t i = 0; i < header_words; ++i) next();
  std::vector<ProfiledStack> stacks;
  while (true) {
    ProfiledStack stack;
    stack.count = next();
    const std::uint64_t depth = next();
    if (depth == UINT64_MAX || depth > (bytes.size() - at) / word_size) {
      return broken("it ends in a stack");
    }
    for (std::uint64_t i = 0; i < depth; ++i) stack.addresses.push_back(next());
    if (stack.count == 0) return stacks;  // the end; what follows says which files are where
    if (stack.count == UINT64_MAX) return broken("it has no end");
    stacks.push_back(std::move(stack));
  }
}

}  // namespace kit::app
