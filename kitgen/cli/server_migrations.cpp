// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/server_migrations.hpp"

#include <algorithm>
#include <array>

#include "kit/base/text.hpp"
#include "kitgen/evolve/mysql.hpp"
#include "kitgen/evolve/postgres.hpp"

namespace kitgen::cli {
namespace {

using kit::Result;

struct Dialect {
  std::string_view name;  ///< As `kit::db::Database::dialect()` says.
  std::string (*up)(const evolve::Plan&, std::string_view);
  std::string (*down)(const evolve::Plan&, std::string_view);
  bool builds_apart;  ///< Indexes are built beside the writers, in a migration of their own.
};

constexpr std::array<Dialect, 2> dialects{
    {{"postgresql", evolve::postgres_up, evolve::postgres_down, true},
     {"mysql", evolve::mysql_up, evolve::mysql_down, false}}};

void add_step(const Dialect& dialect, const evolve::Plan& plan, const std::string& path,
              std::string_view origin, std::vector<render::File>& files) {
  files.push_back(
      {path + ".down.sql", dialect.down(plan, origin), render::Ownership::generated, false});
  files.push_back(
      {path + ".up.sql", dialect.up(plan, origin), render::Ownership::generated, false});
}

void add_snapshot(const MigrationSet& set, int migration, const evolve::Catalogue& catalogue,
                  std::vector<render::File>& files) {
  const evolve::Snapshot snapshot{migration, catalogue};
  files.push_back({set.snapshot_path, snapshot.to_text(), render::Ownership::generated, false});
}

std::vector<evolve::Plan> plans_for(const Dialect& dialect, const evolve::Catalogue& before,
                                    const evolve::Catalogue& wanted,
                                    const evolve::Difference& difference) {
  std::vector<evolve::Plan> plans;
  if (dialect.builds_apart) {
    plans = evolve::plans_apart(before, wanted, difference);
  } else {
    plans.push_back(evolve::plan(before, wanted, difference));
  }
  std::erase_if(plans, [](const evolve::Plan& plan) { return plan.empty(); });
  return plans;
}

}  // namespace

std::vector<std::string> server_dialects() {
  std::vector<std::string> names;
  for (const Dialect& dialect : dialects) names.emplace_back(dialect.name);
  return names;
}

Result<ServerMigrations> ServerMigrations::open(const Root& root,
                                                const std::vector<std::string>& added,
                                                bool recreate) {
  ServerMigrations servers;
  for (std::size_t i = 0; i < dialects.size(); ++i) {
    auto migrations = find_migrations(root, dialects[i].name, recreate);
    if (!migrations) return std::move(migrations).error();
    const bool is_added = std::ranges::find(added, dialects[i].name) != added.end();
    const bool is_new = migrations->last == 0 && is_added;
    std::optional<evolve::Snapshot> snapshot;
    if (!recreate && !is_new) {
      auto read = read_snapshot(root, *migrations);
      if (!read) return std::move(read).error();
      snapshot = std::move(*read);
    }
    if (migrations->last > 0 || is_added)
      servers.sets_.push_back({i, std::move(*migrations), std::move(snapshot)});
  }
  return servers;
}

Result<> ServerMigrations::add(const Change& change, std::vector<render::File>& files) const {
  const evolve::Plan first = evolve::plan_first(change.service);
  for (const Set& set : sets_) {
    if (set.migrations.last > 0 && !change.recreate) {
      KIT_TRY(add_next(set, change, files));
      continue;
    }
    add_step(dialects[set.dialect], first, migration_stem(set.migrations.folder, 1, first.name),
             change.service.schema_file, files);
    add_snapshot(set.migrations, 1, change.wanted, files);
  }
  return {};
}

Result<> ServerMigrations::add_next(const Set& set, const Change& change,
                                    std::vector<render::File>& files) {
  const MigrationSet& migrations = set.migrations;
  const evolve::Catalogue* before = set.snapshot ? &set.snapshot->catalogue : change.before;
  if (before == nullptr) {
    return refusal("There is no " + migrations.snapshot_path + ", and " + migrations.folder +
                   " has migrations: what they lead to is not known.\nVersion control has the "
                   "folder .kit: git checkout -- .kit. Without it: kitgen generate "
                   "--recreate-migrations starts\nanew, for projects that never ran with real "
                   "data. ");
  }
  auto difference = change.compare(*before, migrations);
  if (!difference) return std::move(difference).error();
  const Dialect& dialect = dialects[set.dialect];
  int number = migrations.last;
  const auto plans = plans_for(dialect, *before, change.wanted, *difference);
  for (const evolve::Plan& plan : plans) {
    if (++number > max_migration_number)
      return refusal(migrations.folder + " is full: there are 9999 migrations in it\n");
    const bool is_named = !change.name.empty() && !plan.is_apart;
    const std::string indexes = change.name.empty() ? plan.name : change.name + "_indexes";
    const std::string& name = is_named ? change.name : indexes;
    add_step(dialect, plan, migration_stem(migrations.folder, number, name),
             change.service.schema_file, files);
  }
  // A set without a snapshot: what comes behind its last one is nobody's yet.
  const int known = set.snapshot ? set.snapshot->migration : migrations.last;
  add_snapshot(migrations, plans.empty() ? known : number, change.wanted, files);
  return {};
}

}  // namespace kitgen::cli
