// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kitgen/evolve/catalogue.hpp"

namespace kitgen::evolve {

/// Where the snapshot for databases of this dialect is kept: ".kit/schema.postgresql.json";
/// SQLite's, whose name is "", is ".kit/schema.json".
std::string snapshot_path(std::string_view dialect = "");
/// Whether a project's file is one of them.
bool is_snapshot(std::string_view path);

/// What the migrations up to number `migration` lead to. Each set of migrations of a project has
/// its own, committed with the project.
struct Snapshot {
  int migration = 0;
  Catalogue catalogue;

  /// Strict: an unknown key or type, a name that is none, a reference to nothing, text where SQL
  /// only allows a literal. Fails with `data_loss`, naming the file and what to do.
  static kit::Result<Snapshot> parse(std::string_view text,
                                     const std::string& path = snapshot_path());
  /// Sorted, one thing a line: merges of two branches conflict only where both changed one.
  std::string to_text() const;
};

}  // namespace kitgen::evolve
