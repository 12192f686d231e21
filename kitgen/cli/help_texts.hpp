// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace kitgen::cli {

/// A word that kitgen knows ("generate", "schema fmt"), and what `kitgen help` says of it.
struct Command {
  std::string_view name;
  std::string_view help;  ///< Empty: what is said of all.
};

std::string_view help_of_all();
std::span<const Command> all_commands();
/// Null when there is none of this name.
const Command* find_command(std::string_view name);

}  // namespace kitgen::cli
