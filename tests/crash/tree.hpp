// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

namespace kit::crash {

/// Files by path with their permissions and SHA-256, folders with their permissions; what of `.kit`
/// is of a run in progress only (lock, stage, journal) left out.
using Tree = std::map<std::string, std::string>;
Tree tree_of(const std::string& folder);

/// The first path at which two trees differ; "" for none.
std::string difference(const Tree& a, const Tree& b);

/// Makes `to` a copy of the folder `from`, whatever it was.
void copy_folder(const std::string& from, const std::string& to);

void write_file(const std::string& path, const std::string& text);
std::string read_file(const std::string& path);

}  // namespace kit::crash
