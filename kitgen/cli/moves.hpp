// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kitgen/cli/manifest.hpp"
#include "kitgen/cli/renamed.hpp"
#include "kitgen/render/render.hpp"

namespace kitgen::cli {

/// Started files of renamed entities: the path of today, and the one the manifest has.
std::map<std::string, std::string> find_moves(const Manifest& before,
                                              const std::vector<render::File>& wanted,
                                              const std::vector<Renaming>& renames);

/// Whether the service has another name than at the last run.
std::optional<Renaming> renamed_service(const Manifest& before,
                                        const std::vector<render::File>& wanted);

}  // namespace kitgen::cli
