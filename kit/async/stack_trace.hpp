// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace kit {

/// Where the program was: return addresses, innermost first. Cheap to take and to keep; naming them
/// waits until somebody looks.
struct StackTrace {
  static constexpr std::size_t most = 32;
  std::array<void*, most> addresses{};
  std::size_t size = 0;

  /// Of the caller, without its innermost `skip` frames. Cost: about 0.3 us a frame; no allocation
  /// after the first call of the process.
  [[gnu::noinline]] static StackTrace capture(std::size_t skip = 0);
};

/// A line for each frame: "kit::TaskGroup::spawn(...) +0x1f", or "libc.so.6 +0x2724a" where there
/// is no name; those of tasks resuming each other are left out. Reads the symbols of the executable
/// once. Cost: milliseconds; not on a loop's thread. Thread safety: any thread.
std::vector<std::string> describe(const StackTrace& trace);

/// The name of the function that has an instruction at `address`: "kit::Sleep::start()", or
/// "libc.so.6" where there is none. Cost and thread safety: as `describe`.
std::string function_at(const void* address);

/// A name of the C++ ABI for people: "kit::Sleep".
std::string demangle(const char* name);

}  // namespace kit
