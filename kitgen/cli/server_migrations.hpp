// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kitgen/cli/root.hpp"
#include "kitgen/evolve/plan.hpp"
#include "kitgen/render/render.hpp"

namespace kitgen::cli {

/// "0002_add_vat" below a folder: "migrations/", "migrations/postgresql/".
std::string migration_stem(std::string_view folder, int number, const std::string& name);
/// The number of "0002_add_vat.up.sql"; 0 for what is no migration.
int migration_number(std::string_view file_name);

inline constexpr int max_migration_number = 9'999;

/// The names that `--add-database` takes: "postgresql", "mysql".
std::vector<std::string> server_dialects();

/// The histories of a project for database servers, one folder each below migrations/: a project
/// has those whose folder holds something. Each counts its own migrations.
class ServerMigrations {
 public:
  /// `added`: dialects whose folder is made now, with a first migration to the schema as it is.
  static kit::Result<ServerMigrations> open(const Root& root,
                                            const std::vector<std::string>& added);

  /// Whether something has to be written although the schema has not changed.
  bool has_new() const;
  /// One first migration each; only for the new ones, or for all when everything starts anew.
  void add_first(const model::Service& service, bool for_all,
                 std::vector<render::File>& files) const;
  /// The step to the schema for those that were there. Fails when a folder is full.
  kit::Result<> add_next(const evolve::Catalogue& before, const evolve::Catalogue& after,
                         const evolve::Difference& difference, std::string_view schema_file,
                         const std::string& name, std::vector<render::File>& files) const;

 private:
  struct History {
    std::size_t dialect = 0;
    int last = 0;  ///< 0: new.
  };
  std::vector<History> histories_;
};

}  // namespace kitgen::cli
