// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kit/async/blocking.hpp"
#include "kit/base/result.hpp"
#include "kit/http/router.hpp"

namespace kit::app {

class CpuProfile;

struct ProfilingOptions {
  /// Whether /debug/pprof answers. What it shows is the program's inner life, and taking it costs
  /// time: nothing for strangers.
  bool enabled = false;
};

/// What a program's surroundings say: open, but in the environment "prod" only where
/// `is_unsafe_debug` says so, and never where the variable PROD (`prod_variable`) is true.
ProfilingOptions profiling_for(std::string_view environment, bool is_unsafe_debug,
                               std::string_view prod_variable);

/// /debug/pprof, for the admin port, as pprof asks for it:
///
///     profile?seconds=30   processor time, as `go tool pprof` and `google-pprof` read it
///     flame?seconds=30     the same as a picture (SVG); folded?seconds=30 as text, a line a stack
///     heap, growth         what is allocated, by whom; needs tcmalloc
///     cmdline, symbol      what pprof asks besides; values of arguments are not shown
///     tasks                /debug/tasks as a table
///
/// One profile at a time, of 60 s at most. Everything is refused (403) while it is not enabled.
/// Taken and refused ones are in the audit lines. The loop goes on meanwhile. Lifetime: longer than
/// the router. Thread safety: any thread.
class Profiling {
 public:
  static constexpr std::chrono::seconds usual{30};
  static constexpr std::chrono::seconds most{60};

  /// `pool` reads profiles and looks up names.
  explicit Profiling(BlockingPool& pool = BlockingPool::shared()) : pool_(pool) {}
  Profiling(const Profiling&) = delete;
  Profiling& operator=(const Profiling&) = delete;

  void apply(const ProfilingOptions& options) { is_enabled_.store(options.enabled); }
  Result<> add_routes(http::Router& router);

 private:
  enum class Form : std::uint8_t { pprof, flame, folded };
  Result<> admit(const http::Request& request) const;
  Task<http::Response> take(http::Request& request, Form form);
  Task<> send(http::BodyWriter& out, std::shared_ptr<CpuProfile> profile, Form form,
              std::chrono::seconds length);
  Task<http::Response> answer(http::Request& request, std::string_view kind);
  static std::string shown(const std::string& profile, Form form, std::chrono::seconds length);

  BlockingPool& pool_;
  std::atomic<bool> is_enabled_{false};
};

}  // namespace kit::app
