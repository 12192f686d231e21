// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kit/base/result.hpp"

namespace kitgen::cli {

/// Copies a SQLite database that others may be using into one file, `copy`. Nothing that was
/// answered is missing: nobody writes meanwhile. Fails with `not_found` (no such file) and as a
/// database does.
kit::Result<> copy_database(const std::string& path, const std::string& copy);

/// Keeps the newest `kept` of the files `STEM-*.db` in a folder.
void drop_old_copies(const std::string& folder, const std::string& stem, std::size_t kept);

}  // namespace kitgen::cli
