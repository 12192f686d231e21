// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/result.hpp"

namespace kit::app {

/// The words a program was called with, sorted by what they are for.
struct CommandLine {
  std::string command = "serve";
  bool command_given = false;
  std::vector<std::string> arguments;    ///< What stands after the command: "up", entity names.
  std::string config_folder = "config";  ///< --config DIR
  bool config_folder_given = false;
  std::string environment;         ///< --env NAME; empty: not given.
  std::string folder;              ///< --dir DIR
  std::string format;              ///< --format csv|xlsx; empty: not given.
  bool dry_run = false;            ///< --dry-run
  bool allow_destructive = false;  ///< --allow-destructive
  bool help = false;               ///< --help, -h, or the command help
  /// --section.key=value, in order: the topmost layer of the configuration.
  std::vector<std::pair<std::string, std::string>> settings;
};

/// Reads the command line. Fails with `invalid_argument`, whose message names the nearest known
/// word.
Result<CommandLine> parse_command_line(int argc, const char* const* argv);

/// What `program help [command]` prints: examples first.
std::string help_text(std::string_view program, std::string_view command);

}  // namespace kit::app
