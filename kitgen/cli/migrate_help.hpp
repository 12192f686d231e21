// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace kitgen::cli {

inline constexpr std::string_view help_of_migrate = R"(Brings a database to the schema, or back.

Examples:
  kitgen migrate status --database shop.db        what was applied, what waits, what failed
  kitgen migrate plan --database shop.db          the SQL that up would run, its locks, rows and losses
  kitgen migrate up --database shop.db            apply what waits
  kitgen migrate up --database shop.db --to 2     up to number 2
  kitgen migrate down --database shop.db          undo the last one
  kitgen migrate down 2 --database shop.db        undo the last two (--steps 2 is the same)
  kitgen migrate new add_phone                    start a hand-written step, up and down
  kitgen migrate renumber 0002_add_phone          give a step that no database has yet the last number
  kitgen migrate lint                             dangerous SQL in the files
  kitgen migrate up --database postgresql://me@db.example.com/shop    on a server

Options:
  --database ADDRESS   the file of SQLite, or postgresql://... or mysql://... (plan, up, down, status: required); the
                       password may stand in KITGEN_DB_PASSWORD
  --migrations DIR     folder of NNNN_name.up.sql and .down.sql; of servers in it postgresql/ and mysql/ (migrations)
  --allow-destructive  up: apply steps that lose data; without it nothing of them runs
  --lock-timeout TIME  up, down: how long another runner may take, like 30s or 2h (10m); so long a table that others
                       use is tried again as well
  --table-wait TIME    up, down, on a server: how long a try waits for a table, and others behind it (3s)
  --json               plan: for programs

Each migration is one transaction: one that fails leaves nothing, and status shows where it failed until it went
through. MariaDB and MySQL, and scripts of PostgreSQL that begin with -- kit:no-transaction, run statement by statement:
what was interrupted is gone on with. Two runners at once apply each one once; the second waits.

Exit codes: 0 done (status: whatever waits; lint: nothing found); 1 refused or failed (status: the history does not
fit the files, or the last try of a step failed; lint: findings); 2 wrong usage.
)";

}  // namespace kitgen::cli
