// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kitgen::cli {

inline constexpr std::string_view help_of_db =
    R"(Copies a database of SQLite while programs use it, brings a copy back, and looks whether one is sound.

Examples:
  kitgen db backup shop-2026-11-29.db --database shop.db     a copy in one state; writers go on meanwhile
  kitgen db check --database shop.db                         reads all of it: pages, indexes, rules, references
  kitgen db restore shop-2026-11-29.db --database shop.db    the copy back, once shop.db was moved away

Options:
  --database FILE  the database (required)

A copy is checked and made durable before it appears under its name, whole or not at all; a file that exists is never
written over. To restore: stop the program, move shop.db, shop.db-wal and shop.db-shm away, restore, start it again.
PostgreSQL and MariaDB have tools of their own: pg_dump, mariadb-dump.

Exit codes: 0 done, sound; 1 refused, failed or damaged; 2 wrong usage.
)";

/// `kitgen db ...`; the words behind it.
int run_db(std::vector<std::string> words);

}  // namespace kitgen::cli
