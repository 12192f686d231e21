// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace kit::crash {

/// How a program ended.
struct Ran {
  int code = -1;            ///< Exit code; -1: killed.
  bool is_killed = false;   ///< At the place that was asked for.
  std::size_t changes = 0;  ///< System calls seen that change files.
  std::string output;       ///< Both streams.
};

/// Runs a program in `folder` to its end.
Ran run(const std::vector<std::string>& words, const std::string& folder);

/// The same, traced: every system call that changes files (write, rename, unlink, fsync, ...; not
/// those to the standard streams) is counted in all of its threads, and the process is killed with
/// SIGKILL before number `before` of them, from 0, begins. The same program and number give the
/// same place.
Ran run_until(const std::vector<std::string>& words, const std::string& folder,
              std::optional<std::size_t> before);

}  // namespace kit::crash
