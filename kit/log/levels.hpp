// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/base/time.hpp"
#include "kit/log/log.hpp"

/// Levels of a program that runs. Thread safety: everything here, from any thread.
namespace kit::log {

/// The level of all modules without one of their own; `info` at start. An audit module stays at
/// `info` or lower.
void set_level(Level level);
/// The level of one module. Fails with `not_found`, naming the nearest module, and with
/// `invalid_argument` where the module is always written and `level` is above info.
Result<> set_level(std::string_view module, Level level);
/// Whether it would take that. Fails as it does, and changes nothing.
Result<> check_level(std::string_view module, Level level);

/// The level of one module, or of all with "*", for a while: then it is again what it would have
/// been, by itself. A duration of nothing ends it now. Fails as `set_level` does.
Result<> set_level_for(std::string_view module, Level level, Clock::duration duration,
                       Clock::time_point now = Clock::now());
/// Ends what has run out by `now`; gives when the next one will have. The writer's thread calls it.
std::optional<Clock::time_point> expire_levels(Clock::time_point now);

/// What is left out of lines that repeat: of one text in one second the first `first` are written,
/// and then one in `one_in`, which says how many were left out. 1: nothing is left out.
struct Repeats {
  /// Errors: at least so many in a second.
  static constexpr std::uint32_t least_errors = 10;

  std::uint32_t first = 100;
  std::uint32_t one_in = 100;
};
/// Of one module; has no effect on an audit module. Fails with `not_found`.
Result<> set_repeats(std::string_view module, Repeats repeats);
/// Lines left out since the start, for the metrics.
std::uint64_t left_out_lines();

struct ModuleState {
  std::string_view name;
  bool is_audit = false;  ///< It is always written.
  Level level = Level::info;
  Level usual = Level::info;               ///< What `level` falls back to.
  std::optional<Clock::time_point> until;  ///< When it does; nothing: `level` is the usual one.
  Repeats repeats;
};
/// All modules of the program, by name.
std::vector<ModuleState> module_states();

}  // namespace kit::log
