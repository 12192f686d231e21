// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kit/base/function.hpp"
#include "kitgen/cli/migration_set.hpp"
#include "kitgen/cli/root.hpp"
#include "kitgen/evolve/plan.hpp"
#include "kitgen/evolve/snapshot.hpp"
#include "kitgen/render/render.hpp"

namespace kitgen::cli {

/// The names that `--add-database` takes: "postgresql", "mysql".
std::vector<std::string> server_dialects();

/// The migrations of a project for database servers, a set each: a project has those whose folder
/// or snapshot is there. Each has its own snapshot, so that a set that is behind is brought forward
/// by itself.
class ServerMigrations {
 public:
  /// What leads a set from what it leads to now to the schema; an error when it must not be done.
  using Compare = kit::FunctionRef<kit::Result<evolve::Difference>(const evolve::Catalogue& before,
                                                                   const MigrationSet& set)>;
  /// Where the sets are to lead to.
  struct Change {
    const model::Service& service;
    const evolve::Catalogue& wanted;
    /// What a set without a snapshot leads to: kitgen wrote all sets at once before each had its
    /// own. Null: that is not known.
    const evolve::Catalogue* before;
    const std::string& name;  ///< Of the migrations; "": told by what they change.
    Compare compare;
    bool recreate;  ///< All begin anew.
  };

  /// `added`: dialects that are the project's from now on. Fails with `failed_precondition` for a
  /// set with files that don't fit each other or the snapshot; not when `recreate`.
  static kit::Result<ServerMigrations> open(const Root& root, const std::vector<std::string>& added,
                                            bool recreate);

  /// A first migration for each new set, the next one for each that is behind, and all snapshots.
  /// Fails as `compare` does, when a folder is full, or for a set of which nobody knows what it
  /// leads to.
  kit::Result<> add(const Change& change, std::vector<render::File>& files) const;

 private:
  struct Set {
    std::size_t dialect = 0;
    MigrationSet migrations;
    std::optional<evolve::Snapshot> snapshot;
  };
  static kit::Result<> add_next(const Set& set, const Change& change,
                                std::vector<render::File>& files);

  std::vector<Set> sets_;
};

}  // namespace kitgen::cli
