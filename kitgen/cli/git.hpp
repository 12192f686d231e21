// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace kitgen::cli {

/// Which of `paths` (relative to `folder`) differ from what git's index knows by size or time, as
/// `git status` would find. Empty without git, or when its index is of an unknown kind.
/// Reads the index itself: running git would run what the project's configuration names (filters,
/// monitors). Linked worktrees and submodules are followed.
std::vector<std::string> changed_in_git(const std::string& folder,
                                        const std::vector<std::string>& paths);

}  // namespace kitgen::cli
