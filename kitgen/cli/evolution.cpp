// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/evolution.hpp"

#include <algorithm>
#include <optional>

#include "kit/base/sha256.hpp"
#include "kit/base/text.hpp"
#include "kitgen/cli/manifest.hpp"
#include "kitgen/cli/migration_set.hpp"
#include "kitgen/cli/server_migrations.hpp"
#include "kitgen/evolve/snapshot.hpp"
#include "kitgen/evolve/sqlite.hpp"
#include "kitgen/model/naming.hpp"
#include "kitgen/schema/diagnostic.hpp"

namespace kitgen::cli {
namespace {

using kit::Result;

/// The line of a text, from 1; "" for none.
std::string line_of(const std::string& text, int number) {
  const std::vector<std::string_view> lines = kit::split(text, '\n');
  const auto line = static_cast<std::size_t>(number);
  return line > 0 && line <= lines.size() ? std::string(lines[line - 1]) : "";
}

class Evolver {
 public:
  Evolver(const Root& root, const model::Service& service, const EvolutionOptions& options,
          const Ask* ask)
      : root_(root), service_(service), options_(options), ask_(ask) {}

  Result<Evolution> run() {
    auto set = find_migrations(root_, "", options_.recreate);
    if (!set) return std::move(set).error();
    set_ = std::move(*set);
    auto servers = ServerMigrations::open(root_, options_.added_databases, options_.recreate);
    if (!servers) return std::move(servers).error();
    servers_ = std::move(*servers);
    if (options_.recreate) return first();
    auto snapshot = read_snapshot(root_, set_);
    if (!snapshot) return std::move(snapshot).error();
    if (set_.last == 0) return first();
    if (!*snapshot) return adopt();
    return next(**snapshot);
  }

 private:
  void add_snapshot(Evolution& evolution, int migration) const {
    const evolve::Snapshot snapshot{migration, wanted_};
    evolution.files.push_back(
        {set_.snapshot_path, snapshot.to_text(), render::Ownership::generated, false});
  }

  Evolution with_migration(const evolve::Plan& plan, int number) const {
    Evolution evolution;
    const std::string path =
        migration_stem("migrations/", number, options_.name.empty() ? plan.name : options_.name);
    const std::string up = evolve::sqlite_up(plan, service_.schema_file);
    evolution.files.push_back({path + ".down.sql", evolve::sqlite_down(plan, service_.schema_file),
                               render::Ownership::generated, false});
    evolution.files.push_back({path + ".up.sql", up, render::Ownership::generated, false});
    add_snapshot(evolution, number);
    evolution.sql = up;
    return evolution;
  }

  Result<Evolution> first() {
    Evolution evolution = with_migration(evolve::plan_first(service_), 1);
    evolution.sql.clear();  // long, and no surprise
    KIT_TRY(add_servers(nullptr, evolution));
    for (const model::Entity& entity : service_.entities) {
      if (entity.renamed_from.empty()) continue;
      evolution.renames.push_back({entity.renamed_from, entity.name,
                                   model::pluralise(model::to_snake(entity.renamed_from)),
                                   entity.plural});
    }
    return evolution;
  }

  /// A project from before there were snapshots: its first migration says what the schema says.
  Result<Evolution> adopt() {
    const std::string wanted = kit::sha256_hex(
        statements_of(evolve::sqlite_up(evolve::plan_first(service_), service_.schema_file)));
    auto text = root_.read(set_.first_file);
    if (!text) return std::move(text).error();
    bool is_same = *text && kit::sha256_hex(statements_of(**text)) == wanted;
    auto manifest_text = root_.read(std::string(manifest_path));
    if (!manifest_text) return std::move(manifest_text).error();
    if (*manifest_text) {
      auto manifest = Manifest::parse(**manifest_text);
      if (!manifest) return std::move(manifest).error();
      const auto kept = manifest->files.find(set_.first_file);
      // The sum is that of what kitgen wrote: the file may have been edited since.
      if (kept != manifest->files.end()) is_same = kept->second.sha256 == wanted;
    }
    if (is_same) {
      Evolution evolution;
      add_snapshot(evolution, 1);
      KIT_TRY(add_servers(&wanted_, evolution));
      return evolution;
    }
    return refusal(
        "There is no " + set_.snapshot_path + ", and the schema is not what " + set_.first_file +
        " says: the change between them cannot be seen.\nThe ways on:\n"
        "  - version control has the folder .kit: git checkout -- .kit\n"
        "  - some database holds real data: take the schema back to what the migration says, run "
        "kitgen generate, which\n    writes the snapshot; then make the change again and run it "
        "once more;\n"
        "  - no database holds anything worth keeping: remove the development database (" +
        service_.name + ".db, with " + service_.name + ".db-wal\n    and " + service_.name +
        ".db-shm) and start anew: kitgen generate --recreate-migrations.\n");
  }

  Result<Evolution> next(const evolve::Snapshot& snapshot) {
    auto difference = compare(snapshot.catalogue, set_);
    if (!difference) return std::move(difference).error();
    const evolve::Plan plan = evolve::plan(snapshot.catalogue, wanted_, *difference);
    Evolution evolution;
    if (plan.empty()) {
      add_snapshot(evolution, snapshot.migration);
    } else {
      if (set_.last == max_migration_number)
        return refusal("migrations/ is full: there are 9999 of them\n");
      evolution = with_migration(plan, set_.last + 1);
      evolution.renames = renames(snapshot.catalogue, wanted_, *difference);
    }
    KIT_TRY(add_servers(&snapshot.catalogue, evolution));
    return evolution;
  }

  /// What the sets of servers need; `before`: what those without a snapshot lead to.
  Result<> add_servers(const evolve::Catalogue* before, Evolution& evolution) {
    const auto compares = [this](const evolve::Catalogue& from, const MigrationSet& set) {
      return compare(from, set);
    };
    const ServerMigrations::Change change{service_,      wanted_,  before,
                                          options_.name, compares, options_.recreate};
    KIT_TRY(servers_.add(change, evolution.files));
    if (slips_ && !slips_->empty()) return refusal(told(*slips_));
    return {};
  }

  /// What leads a set from `before` to the schema, when that may be done.
  Result<evolve::Difference> compare(const evolve::Catalogue& before, const MigrationSet& set) {
    evolve::Difference difference = evolve::difference(before, wanted_, decisions_);
    if (ask_ != nullptr && !difference.questions.empty()) difference = ask_all(before);
    keep_common(difference.slips);
    // What the schema says is in front of what a set says: they differ only where one lags.
    const std::string behind =
        set.folder == "migrations/" ? "" : set.folder + " is behind the schema. ";
    if (!difference.questions.empty()) return refusal(open_questions(difference) + behind);
    const evolve::Plan plan = evolve::plan(before, wanted_, difference);
    if (!plan.problems.empty()) return refusal(told(plan.problems) + behind);
    if (!plan.destructive.empty() && !options_.allow_destructive)
      return refusal(losses(plan.destructive) + behind);
    return difference;
  }

  /// A decision that one set has a use for is no slip.
  void keep_common(const std::vector<evolve::Problem>& slips) {
    if (!slips_) slips_ = slips;
    std::erase_if(*slips_, [&](const evolve::Problem& slip) {
      return std::ranges::find(slips, slip.message, &evolve::Problem::message) == slips.end();
    });
  }

  static std::vector<Renaming> renames(const evolve::Catalogue& before,
                                       const evolve::Catalogue& wanted,
                                       const evolve::Difference& difference) {
    std::vector<Renaming> result;
    for (const evolve::TableMatch& match : difference.tables) {
      const evolve::Table* from = before.find(match.from);
      const evolve::Table* to = wanted.find(match.to);
      if (from == nullptr || to == nullptr || from->is_pivot() || to->is_pivot()) continue;
      if (from->entity != to->entity)
        result.push_back({from->entity, to->entity, from->name, to->name});
    }
    return result;
  }

  evolve::Difference ask_all(const evolve::Catalogue& before) {
    evolve::Difference difference = evolve::difference(before, wanted_, decisions_);
    while (!difference.questions.empty()) {
      // One after the other: an answer may settle others.
      const evolve::Question& question = difference.questions.front();
      auto& answers = (*ask_)(question) ? decisions_.renames : decisions_.denied;
      answers.emplace_back(question.from, question.to);
      difference = evolve::difference(before, wanted_, decisions_);
    }
    return difference;
  }

  std::string open_questions(const evolve::Difference& difference) const {
    std::vector<evolve::Problem> problems;
    for (const evolve::Question& question : difference.questions) {
      problems.push_back(
          {question.line, question.position,
           "was " + question.from + " renamed to " + question.to + ", or is it gone?",
           "renamed: write " + question.hint + " (or say --rename " + question.from + "=" +
               question.to + "); gone: say --drop " + question.from,
           question.file});
    }
    return told(problems);
  }

  /// Problems as the schema's own errors are told.
  std::string told(const std::vector<evolve::Problem>& problems) const {
    const std::string& schema_file = service_.schema_file;
    std::vector<schema::Diagnostic> diagnostics;
    for (const evolve::Problem& problem : problems) {
      schema::Diagnostic diagnostic;
      diagnostic.file = problem.file.empty()
                            ? schema_file
                            : schema_file.substr(0, schema_file.rfind('/') + 1) + problem.file;
      diagnostic.at.line = problem.line;
      diagnostic.at.column = problem.position;
      diagnostic.message = problem.message;
      diagnostic.suggestion = problem.remedy;
      // A schema outside of the project is told without its line.
      const auto source = root_.read(diagnostic.file);
      if (source.ok() && *source) diagnostic.source = line_of(**source, problem.line);
      diagnostics.push_back(std::move(diagnostic));
    }
    schema::sort_diagnostics(diagnostics);
    return schema::to_string(diagnostics);
  }

  static std::string losses(const std::vector<std::string>& lines) {
    std::string text = "The change of the schema loses data:\n";
    for (const std::string& line : lines) text += "  - " + line + "\n";
    return text + "If that is meant, run kitgen generate --allow-destructive. ";
  }

  const Root& root_;
  const model::Service& service_;
  const EvolutionOptions& options_;
  const Ask* ask_;
  const evolve::Catalogue wanted_ = evolve::catalogue_of(service_);
  evolve::Decisions decisions_ = options_.decisions;   ///< And what a person answered.
  std::optional<std::vector<evolve::Problem>> slips_;  ///< Of every set that was compared.
  MigrationSet set_;                                   ///< SQLite's.
  ServerMigrations servers_;
};

}  // namespace

Result<Evolution> evolve_storage(const Root& root, const model::Service& service,
                                 const EvolutionOptions& options, const Ask* ask) {
  return Evolver(root, service, options, ask).run();
}

}  // namespace kitgen::cli
