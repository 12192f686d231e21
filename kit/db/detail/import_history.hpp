// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"

namespace kit::db::detail {

/// Makes the table `kit_imports` when it is missing and tables can be made in a transaction. There
/// imports run one after the other from here on, until `transaction` ends: two instances that start
/// at once import the same files. Fails with `aborted`, LOCK_TIMEOUT, while another import has a
/// PostgreSQL database; `begin_import` waits. Elsewhere `begin_import` sees to all of that.
Task<> open_import_history(Transaction& transaction);

/// The same table where tables can't be made in a transaction.
Task<> create_import_history(Database& database);

/// Whether a file with this content was imported.
Task<bool> is_imported(Session& session, std::string_view file, std::string_view sum);
Task<> remember_import(Session& session, std::string_view file, std::string_view sum,
                       std::int64_t rows);

}  // namespace kit::db::detail
