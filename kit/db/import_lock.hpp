// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"

namespace kit::db {

/// Begins the transaction of an import as `begin_bulk` does, once no other import has one in this
/// database: from here on imports of all processes run one after the other, each until its
/// transaction has ended, also with its process. The table of the import history must be there
/// where tables can't be made in a transaction (`prepare_imports`). Waits for others for ten
/// minutes, which the task's deadline may shorten; then it fails with `unavailable`, IMPORT_LOCKED.
Task<std::unique_ptr<Transaction>> begin_import(Database& database);

}  // namespace kit::db
