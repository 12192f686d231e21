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

std::string folder_of(const Dialect& dialect) {
  return "migrations/" + std::string(dialect.name) + "/";
}

void add(const Dialect& dialect, const evolve::Plan& plan, int number, const std::string& name,
         std::string_view origin, std::vector<render::File>& files) {
  const std::string path = migration_stem(folder_of(dialect), number, name);
  files.push_back(
      {path + ".down.sql", dialect.down(plan, origin), render::Ownership::generated, false});
  files.push_back(
      {path + ".up.sql", dialect.up(plan, origin), render::Ownership::generated, false});
}

}  // namespace

std::string migration_stem(std::string_view folder, int number, const std::string& name) {
  std::string digits = std::to_string(number);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  return std::string(folder) + digits + "_" + name;
}

int migration_number(std::string_view file_name) {
  const std::size_t end = file_name.find('_');
  if (end == std::string_view::npos || !file_name.ends_with(".sql")) return 0;
  const auto number = kit::parse_int(file_name.substr(0, end));
  return number && *number > 0 && *number <= max_migration_number ? static_cast<int>(*number) : 0;
}

std::vector<std::string> server_dialects() {
  std::vector<std::string> names;
  for (const Dialect& dialect : dialects) names.emplace_back(dialect.name);
  return names;
}

Result<ServerMigrations> ServerMigrations::open(const Root& root,
                                                const std::vector<std::string>& added) {
  ServerMigrations servers;
  for (std::size_t i = 0; i < dialects.size(); ++i) {
    auto names = root.list("migrations/" + std::string(dialects[i].name));
    if (!names) return std::move(names).error();
    History history{i, 0};
    for (const std::string& name : *names)
      history.last = std::max(history.last, migration_number(name));
    const bool is_added = std::ranges::find(added, dialects[i].name) != added.end();
    if (history.last > 0 || is_added) servers.histories_.push_back(history);
  }
  return servers;
}

bool ServerMigrations::has_new() const {
  return std::ranges::any_of(histories_, [](const History& each) { return each.last == 0; });
}

void ServerMigrations::add_first(const model::Service& service, bool for_all,
                                 std::vector<render::File>& files) const {
  const evolve::Plan plan = evolve::plan_first(service);
  for (const History& history : histories_) {
    if (history.last == 0 || for_all)
      add(dialects[history.dialect], plan, 1, plan.name, service.schema_file, files);
  }
}

Result<> ServerMigrations::add_next(const evolve::Catalogue& before, const evolve::Catalogue& after,
                                    const evolve::Difference& difference,
                                    std::string_view schema_file, const std::string& name,
                                    std::vector<render::File>& files) const {
  for (const History& history : histories_) {
    if (history.last == 0) continue;
    const Dialect& dialect = dialects[history.dialect];
    std::vector<evolve::Plan> plans;
    if (dialect.builds_apart) {
      plans = evolve::plans_apart(before, after, difference);
    } else {
      plans.push_back(evolve::plan(before, after, difference));
    }
    int number = history.last;
    for (const evolve::Plan& plan : plans) {
      if (++number > max_migration_number) {
        return kit::Error(kit::Code::failed_precondition,
                          folder_of(dialect) +
                              " is full: there are 9999 migrations in it\n"
                              "Nothing was written.\n");
      }
      const bool is_named = !name.empty() && !plan.is_apart;
      const std::string indexes = name.empty() ? plan.name : name + "_indexes";
      add(dialect, plan, number, is_named ? name : indexes, schema_file, files);
    }
  }
  return {};
}

}  // namespace kitgen::cli
