// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "kit/base/result.hpp"
#include "kit/db/database.hpp"

namespace kitgen::golden {

/// A database with nothing in it: SQLite in `folder`, or the one of the server that KIT_TEST_DSN
/// names, which tests/databases/run.py starts and sets; what was in it is gone.
kit::Result<std::unique_ptr<kit::db::Database>> open_empty(const std::filesystem::path& folder);

/// Whether it is a server's.
bool has_server();

}  // namespace kitgen::golden
