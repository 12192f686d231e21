// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/evolution.hpp"

#include <algorithm>
#include <map>

#include "kit/base/sha256.hpp"
#include "kit/base/text.hpp"
#include "kitgen/cli/manifest.hpp"
#include "kitgen/cli/server_migrations.hpp"
#include "kitgen/evolve/snapshot.hpp"
#include "kitgen/evolve/sqlite.hpp"
#include "kitgen/model/naming.hpp"
#include "kitgen/schema/diagnostic.hpp"

namespace kitgen::cli {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;

Error refusal(std::string text) {
  return Error(Code::failed_precondition, std::move(text) + "Nothing was written.\n");
}

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
    KIT_TRY(find_migrations());
    auto servers = ServerMigrations::open(root_, options_.added_databases);
    if (!servers) return std::move(servers).error();
    servers_ = std::move(*servers);
    if (options_.recreate || last_ == 0) return first();
    auto text = root_.read(std::string(evolve::snapshot_path));
    if (!text) return std::move(text).error();
    if (!*text) return adopt();
    if ((*text)->find("\n<<<<<<< ") != std::string::npos || (*text)->starts_with("<<<<<<< ")) {
      return refusal(std::string(evolve::snapshot_path) +
                     ": it holds marks of a merge (<<<<<<<): keep the lines of both sides, and of "
                     "\"migration\" the number of the last file in migrations/. ");
    }
    auto snapshot = evolve::Snapshot::parse(**text);
    if (!snapshot) return std::move(snapshot).error();
    if (snapshot->migration > last_) {
      return refusal(std::string(evolve::snapshot_path) + " is that of migration " +
                     std::to_string(snapshot->migration) + ", but migrations/ ends with number " +
                     std::to_string(last_) + "\nTake both from version control. ");
    }
    return next(*snapshot);
  }

 private:
  Result<> find_migrations() {
    auto names = root_.list("migrations");
    if (!names) return std::move(names).error();
    std::map<int, std::string> first_of_number;
    for (const std::string& name : *names) {
      const int number = migration_number(name);
      if (number > 0 && name.ends_with(".up.sql") && !options_.recreate) {
        const auto [known, is_first] = first_of_number.emplace(number, name);
        if (!is_first) return refusal(merged(known->second, name));
      }
      last_ = std::max(last_, migration_number(name));
      if (migration_number(name) == 1 && name.ends_with(".up.sql"))
        first_file_ = "migrations/" + name;
    }
    return {};
  }

  /// Two branches added a migration each.
  static std::string merged(const std::string& one, const std::string& other) {
    return "migrations/ has two of one number, " + one + " and " + other +
           ": two branches were merged, it seems.\nKeep the one that databases of others have; "
           "give "
           "the other a new number: kitgen migrate renumber " +
           other.substr(0, other.size() - 7) + "\n(or renumber " + one.substr(0, one.size() - 7) +
           "). Where " + std::string(evolve::snapshot_path) +
           " conflicts, keep the lines of both sides, the higher number of\n\"migration\" made "
           "that "
           "of the last file; then run kitgen generate once more. ";
  }

  void add_snapshot(Evolution& evolution, int migration) const {
    const evolve::Snapshot snapshot{migration, evolve::catalogue_of(service_)};
    evolution.files.push_back({std::string(evolve::snapshot_path), snapshot.to_text(),
                               render::Ownership::generated, false});
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

  Result<Evolution> first() const {
    Evolution evolution = with_migration(evolve::plan_first(service_), 1);
    evolution.sql.clear();  // long, and no surprise
    servers_.add_first(service_, true, evolution.files);
    for (const model::Entity& entity : service_.entities) {
      if (entity.renamed_from.empty()) continue;
      evolution.renames.push_back({entity.renamed_from, entity.name,
                                   model::pluralise(model::to_snake(entity.renamed_from)),
                                   entity.plural});
    }
    return evolution;
  }

  /// A project from before there were snapshots: its first migration says what the schema says.
  Result<Evolution> adopt() const {
    const std::string wanted = kit::sha256_hex(
        statements_of(evolve::sqlite_up(evolve::plan_first(service_), service_.schema_file)));
    auto text = root_.read(first_file_);
    if (!text) return std::move(text).error();
    bool is_same = *text && kit::sha256_hex(statements_of(**text)) == wanted;
    auto manifest_text = root_.read(std::string(manifest_path));
    if (!manifest_text) return std::move(manifest_text).error();
    if (*manifest_text) {
      auto manifest = Manifest::parse(**manifest_text);
      if (!manifest) return std::move(manifest).error();
      const auto kept = manifest->files.find(first_file_);
      // The sum is that of what kitgen wrote: the file may have been edited since.
      if (kept != manifest->files.end()) is_same = kept->second.sha256 == wanted;
    }
    if (is_same) {
      Evolution evolution;
      add_snapshot(evolution, 1);
      return evolution;
    }
    return refusal(
        "There is no " + std::string(evolve::snapshot_path) + ", and the schema is not what " +
        first_file_ +
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
    const evolve::Catalogue wanted = evolve::catalogue_of(service_);
    evolve::Difference difference =
        evolve::difference(snapshot.catalogue, wanted, options_.decisions);
    if (ask_ != nullptr && !difference.questions.empty()) {
      difference = ask_all(snapshot.catalogue, wanted);
    }
    if (!difference.questions.empty()) return refusal(open_questions(difference));
    const evolve::Plan plan = evolve::plan(snapshot.catalogue, wanted, difference);
    if (!plan.problems.empty()) return refusal(told(plan.problems));
    if (plan.empty()) {
      Evolution evolution;
      add_snapshot(evolution, snapshot.migration);
      servers_.add_first(service_, false, evolution.files);
      return evolution;
    }
    if (!plan.destructive.empty() && !options_.allow_destructive)
      return refusal(losses(plan.destructive));
    if (last_ == max_migration_number)
      return refusal("migrations/ is full: there are 9999 of them\n");
    Evolution evolution = with_migration(plan, last_ + 1);
    evolution.renames = renames(snapshot.catalogue, wanted, difference);
    servers_.add_first(service_, false, evolution.files);
    KIT_TRY(servers_.add_next(snapshot.catalogue, wanted, difference, service_.schema_file,
                              options_.name, evolution.files));
    return evolution;
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

  evolve::Difference ask_all(const evolve::Catalogue& before,
                             const evolve::Catalogue& wanted) const {
    evolve::Decisions decisions = options_.decisions;
    evolve::Difference difference = evolve::difference(before, wanted, decisions);
    while (!difference.questions.empty()) {
      // One after the other: an answer may settle others.
      const evolve::Question& question = difference.questions.front();
      auto& answers = (*ask_)(question) ? decisions.renames : decisions.denied;
      answers.emplace_back(question.from, question.to);
      difference = evolve::difference(before, wanted, decisions);
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
  std::string first_file_;
  ServerMigrations servers_;
  int last_ = 0;  ///< The highest number there is.
};

}  // namespace

std::string statements_of(std::string_view sql) {
  std::string text;
  for (const std::string_view line : kit::split(sql, '\n')) {
    const std::string_view bare = kit::trim(line);
    if (bare.empty() || bare.starts_with("--")) continue;
    text += line;
    text += '\n';
  }
  return text;
}

Result<Evolution> evolve_storage(const Root& root, const model::Service& service,
                                 const EvolutionOptions& options, const Ask* ask) {
  return Evolver(root, service, options, ask).run();
}

}  // namespace kitgen::cli
