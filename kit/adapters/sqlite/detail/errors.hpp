// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "kit/base/error.hpp"

struct sqlite3;

namespace kit::sqlite::detail {

/// What SQLite's extended result code `code` means to callers (see db::Session). `database` gives
/// the message; may be null. `sql` is named in errors of this program, which only logs show.
Error to_error(sqlite3* database, int code, std::string_view sql = {});

/// From SQLite's own message: "UNIQUE constraint failed: customer.email, customer.country".
Error constraint_error(int code, std::string_view message);

bool is_busy(int code);
bool is_busy(const Error& error);
bool is_disk_full(const Error& error);
/// A table has no id left for another row, which SQLite calls a full disk.
bool is_sequence_exhausted(const Error& error);
/// The storage did not keep what it had taken: an fsync failed. What is on the disk is unknown from
/// then on, and asking again would lie (the kernel has dropped the pages).
bool is_sync_failure(int code);
bool is_corrupt(int code);

}  // namespace kit::sqlite::detail
