// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "kitgen/cli/migration_lint.hpp"
#include "kitgen/evolve/mysql.hpp"
#include "kitgen/evolve/plan.hpp"
#include "kitgen/evolve/postgres.hpp"
#include "kitgen/evolve/snapshot.hpp"
#include "kitgen/evolve/sqlite.hpp"
#include "tests/evolution/file.hpp"
#include "tests/evolution/project.hpp"

namespace evolution {
namespace {

namespace evolve = kitgen::evolve;

constexpr std::string_view origin = "api/shop.yaml";

kit::Error refused(const std::string& message) {
  return {kit::Code::failed_precondition, message};
}

/// The columns that are not read as they were written.
std::string unlike(const evolve::Catalogue& written, const evolve::Catalogue& read) {
  std::string text;
  for (const auto& table : written.tables) {
    const auto* twin = read.find(table.name);
    if (twin == nullptr) return table.name;
    for (const auto& column : table.columns) {
      const auto* other = twin->find(column.name);
      if (other == nullptr || !(*other == column)) text += table.name + "." + column.name + " ";
    }
  }
  return text.empty() ? "a key, an index or a system table" : text;
}

class LinkedProject final : public Project {
 public:
  explicit LinkedProject(const Options& options)
      : options_(options), path_(options.folder + "/linked.db"), fault_(options.fault) {
    if (options.backend == Backend::sqlite) return;
    path_ = options.folder.ends_with("/fresh") ? "kit_fresh" : "kit_linked";
    clear_store(options, path_);
  }

  const std::string& database() const override { return path_; }

  kit::Result<> start(const Version& version) override {
    const evolve::Plan plan = evolve::plan_first(version.service);
    add(plan, "0001_create");
    // As the next run reads it.
    evolve::Snapshot snapshot;
    snapshot.migration = 1;
    snapshot.catalogue = evolve::catalogue_of(version.service);
    auto read = evolve::Snapshot::parse(snapshot.to_text());
    if (!read) return std::move(read).error();
    if (!read->catalogue.same_storage(snapshot.catalogue))
      return refused("a snapshot is read as something else: " +
                     unlike(snapshot.catalogue, read->catalogue));
    before_ = std::move(read->catalogue);
    return up();
  }

  kit::Result<> evolve(const Version& version, const std::vector<std::string>& drops) override {
    const evolve::Catalogue after = evolve::catalogue_of(version.service);
    evolve::Decisions decisions;
    decisions.drops = drops;
    const evolve::Difference difference = evolve::difference(before_, after, decisions);
    for (const auto& question : difference.questions)
      return refused("a question where all is said: " + question.from + " -> " + question.to);
    std::vector<evolve::Plan> plans = {evolve::plan(before_, after, difference)};
    if (options_.backend == Backend::postgresql)
      plans = evolve::plans_apart(before_, after, difference);
    for (const auto& problem : plans.front().problems) return refused(problem.message);
    if (plans.front().empty()) {
      if (before_.same_storage(after)) return {};
      return refused("no step between different schemas");
    }
    add(plans.front(), "0002_change");
    if (plans.size() > 1) add(plans.back(), "0003_indexes");
    inject();
    return lint();
  }

  kit::Result<> up() override { return open_store(options_, path_)->up(migrations_); }
  kit::Result<> down() override {
    if (migrations_.size() < 2) return {};
    return open_store(options_, path_)->down(migrations_);
  }

  std::string sql() const override {
    std::string text;
    for (const auto& each : migrations_)
      text += "-- " + each.up_file + "\n" + each.up + "-- " + each.down_file + "\n" + each.down;
    return text;
  }

 private:
  void add(const evolve::Plan& plan, const std::string& stem) {
    kit::db::Migration migration;
    migration.number = static_cast<std::uint32_t>(migrations_.size() + 1);
    migration.name = stem.substr(5);
    switch (options_.backend) {
      case Backend::sqlite:
        migration.up = evolve::sqlite_up(plan, origin);
        migration.down = evolve::sqlite_down(plan, origin);
        break;
      case Backend::postgresql:
        migration.up = evolve::postgres_up(plan, origin);
        migration.down = evolve::postgres_down(plan, origin);
        break;
      case Backend::mysql:
        migration.up = evolve::mysql_up(plan, origin);
        migration.down = evolve::mysql_down(plan, origin);
        break;
    }
    migration.up_file = stem + ".up.sql";
    migration.down_file = stem + ".down.sql";
    migrations_.push_back(std::move(migration));
  }

  /// A defect behind the migration.
  void inject() {
    if (fault_ == Fault::none) return;
    File file(path_);
    const auto one = [&](const std::string& rest) {
      const auto rows = file.select({"name"}, rest + " ORDER BY name LIMIT 1");
      return rows.empty() ? "" : std::get<std::string>(rows[0][0]);
    };
    auto& migration = migrations_.back();
    const std::string table = one("FROM sqlite_schema WHERE type = 'table' AND name LIKE 'thing%'");
    const std::string touch = "UPDATE " + table + " SET updated_at = updated_at + 1;\n";
    switch (fault_) {
      case Fault::value:
        migration.up += touch;
        break;
      case Fault::down:
        migration.down += touch;
        break;
      case Fault::index:
        migration.up += "CREATE INDEX ix_too_much ON " + table + " (created_at);\n";
        break;
      case Fault::sequence:
        migration.up += "UPDATE sqlite_sequence SET seq = seq - 1;\n";
        break;
      case Fault::refusal:
        migration.up += "INSERT INTO " + table + " (id) SELECT NULL FROM missing;\n";
        break;
      case Fault::none:
        break;
    }
  }

  /// What kitgen writes is what it would accept from others.
  kit::Result<> lint() const {
    if (fault_ != Fault::none || options_.backend != Backend::sqlite) return {};
    auto findings = kitgen::cli::lint_migrations(migrations_);
    if (!findings) return std::move(findings).error();
    for (const auto& finding : *findings)
      return refused("lint: " + kitgen::cli::to_string(finding));
    return {};
  }

  Options options_;
  std::string path_;
  Fault fault_;
  evolve::Catalogue before_;
  std::vector<kit::db::Migration> migrations_;
};

}  // namespace

std::unique_ptr<Project> make_linked_project(const Options& options) {
  return std::make_unique<LinkedProject>(options);
}

}  // namespace evolution
