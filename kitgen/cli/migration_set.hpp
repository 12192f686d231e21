// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kitgen/cli/root.hpp"
#include "kitgen/evolve/snapshot.hpp"

namespace kitgen::cli {

/// "0002_add_vat" below a folder: "migrations/", "migrations/postgresql/".
std::string migration_stem(std::string_view folder, int number, const std::string& name);
/// The number of "0002_add_vat.up.sql"; 0 for what is no migration.
int migration_number(std::string_view file_name);

inline constexpr int max_migration_number = 9'999;

/// The statements of a migration without comment lines and blank lines, which may change freely.
std::string statements_of(std::string_view sql);

/// `failed_precondition`, with a text for people.
kit::Error refusal(std::string text);

/// A project's migrations for one kind of database: the files of a folder, which count their own
/// numbers, and the snapshot of what the last one of kitgen's leads to.
struct MigrationSet {
  std::string folder;         ///< "migrations/", "migrations/postgresql/"
  std::string snapshot_path;  ///< ".kit/schema.json", ".kit/schema.postgresql.json"
  int last = 0;               ///< The highest number there is; 0: no migrations.
  std::string first_file;     ///< "migrations/0001_create_shop.up.sql"; "" for none.
};

/// What stands in the folder of `dialect`; "" is SQLite's. Unless `is_replaced` it fails with
/// `failed_precondition` for two files of one number and for a number without a file.
kit::Result<MigrationSet> find_migrations(const Root& root, std::string_view dialect,
                                          bool is_replaced);

/// The snapshot of a set; nothing when there is none. Fails with `failed_precondition` for one that
/// a merge left half done, or that knows more migrations than there are; with `data_loss` for a
/// text that is none.
kit::Result<std::optional<evolve::Snapshot>> read_snapshot(const Root& root,
                                                           const MigrationSet& set);

}  // namespace kitgen::cli
