// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kitgen/cli/renamed.hpp"
#include "kitgen/cli/tree.hpp"

namespace kitgen::cli {

/// A started file, as far as it is known.
struct StartedFile {
  std::string_view wanted;              ///< What kitgen would start today.
  std::optional<std::string> there;     ///< What stands there.
  std::optional<std::string> pristine;  ///< The kept text of the last generation.
  std::string last_sum;                 ///< What the manifest says of that; "" when not known.
  bool was_deleted = false;             ///< Already at the last run.
  const Renamer* renamer = nullptr;     ///< Names that changed since.
};

/// What a started file becomes.
struct Followed {
  Action action = Action::unchanged;
  std::string text;  ///< When it is written.
  std::vector<LineRange> conflicts;
  std::vector<LineRange> kept;
  std::optional<std::string> note;
  std::optional<std::string> blocked;  ///< Why the run must not go on.
  bool is_deleted = false;             ///< The person removed it; it stays away.
};

/// Three-way merge of the last generation, the person's file and the new generation. A file whose
/// last generation is not known is never changed.
Followed follow(const StartedFile& file, bool restore_deleted);

/// Whether the text is the one whose sum the manifest has, in whatever line ends.
bool has_sum(std::string_view text, const std::string& sum);

}  // namespace kitgen::cli
