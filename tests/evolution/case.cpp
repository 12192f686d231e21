// SPDX-License-Identifier: Apache-2.0
#include "tests/evolution/case.hpp"

#include <filesystem>
#include <optional>
#include <stdexcept>

#include "kitgen/model/load.hpp"
#include "tests/evolution/fill.hpp"
#include "tests/evolution/project.hpp"
#include "tests/evolution/random_schema.hpp"

namespace evolution {
namespace {

namespace fs = std::filesystem;

std::optional<Version> load(const Schema& schema, std::string* problem = nullptr) {
  std::string yaml = to_yaml(schema);
  auto loaded = kitgen::model::load_text(yaml, "api/shop.yaml");
  if (problem != nullptr) *problem = kitgen::schema::to_string(loaded.diagnostics);
  if (!loaded.service) return std::nullopt;
  return Version{std::move(yaml), std::move(*loaded.service)};
}

/// Everything that a case works on.
struct Change {
  Schema a;
  Schema b;
  std::vector<std::string> edits;  ///< What was done, for people.
  std::uint64_t fill_seed = 0;
};

struct Recipe {
  std::uint64_t seed = 0;
  std::vector<std::uint64_t> edits;  ///< A seed each.
};

Recipe recipe_of(std::uint64_t seed) {
  Chance chance(seed ^ 0x9e3779b97f4a7c15U);
  Recipe recipe{seed, {}};
  const std::size_t count = chance.between(1, 7);
  for (std::size_t i = 0; i < count; ++i) recipe.edits.push_back(chance.seed());
  return recipe;
}

Change prepare(const Recipe& recipe, Carried carried) {
  Chance chance(recipe.seed);
  Names names;
  Change change;
  do {  // Two indexes of one name, for example, are no schema.
    change.a = random_schema(chance, names, carried);
  } while (!load(change.a));
  change.fill_seed = chance.seed();
  change.b = change.a;
  for (const std::uint64_t seed : recipe.edits) {
    Schema tried = change.b;
    std::string what = edit(tried, names, seed, carried);
    // What the language does not allow was no edit.
    if (what.empty() || !load(tried)) continue;
    change.b = std::move(tried);
    change.edits.push_back(std::move(what));
  }
  return change;
}

std::vector<std::string> dropped(const Database& from, const Database& to) {
  std::vector<std::string> drops;
  for (const Table& table : from.tables) {
    const Table* after = to.by_identity(table.identity);
    if (after == nullptr) {
      if (!table.is_pivot) drops.push_back(table.name);
      continue;
    }
    for (const Column& column : table.columns) {
      const bool is_declared = column.identity.starts_with("field ");
      if (is_declared && after->by_identity(column.identity) == nullptr)
        drops.push_back(table.name + "." + column.name);
    }
  }
  return drops;
}

/// What a database is, to be compared.
struct State {
  std::vector<std::string> catalogue;
  Rows rows;
  std::map<std::string, std::int64_t> sequences;
};

State look(const Options& options, const std::string& place, const Database& database) {
  const auto store = open_store(options, place);
  return {store->catalogue(), store->rows(database), store->sequences()};
}

std::vector<std::string> fresh_catalogue(const Version& version, const Options& options) {
  Options plain;
  plain.folder = options.folder + "/fresh";
  plain.backend = options.backend;
  plain.url = options.url;
  fs::create_directories(plain.folder);
  const auto project = make_linked_project(plain);
  if (auto made = project->start(version); !made) throw std::runtime_error(made.error().message());
  return open_store(plain, project->database())->catalogue();
}

class Case {
 public:
  Case(const Recipe& recipe, const Options& options)
      : options_(options),
        is_program_(!options.kitgen.empty()),
        change_(prepare(recipe, {!is_program_, !is_program_})),
        project_(is_program_ ? make_program_project(options) : make_linked_project(options)) {}

  Verdict run() {
    verdict_.edits = change_.edits.size();
    try {
      steps();
    } catch (const std::exception& error) {
      fail(error.what());
    }
    if (!verdict_.failure.empty()) verdict_.failure += report();
    return std::move(verdict_);
  }

 private:
  bool fail(const std::string& what) {
    if (verdict_.failure.empty()) verdict_.failure = what + "\n";
    return false;
  }

  void steps() {
    std::string problem;
    auto a = load(change_.a, &problem);
    auto b = load(change_.b);
    if (!a || !b) {
      fail("this test made a schema that is none: " + problem);
      return;
    }
    from_ = describe(change_.a, a->service);
    to_ = describe(change_.b, b->service);
    from_.rewrites_json = to_.rewrites_json = options_.backend != Backend::sqlite;
    if (auto started = project_->start(*a); !started) {
      fail("the first migration: " + started.error().message());
      return;
    }
    fill();
    before_ = look(options_, project_->database(), from_);
    for (const auto& [name, rows] : before_.rows) verdict_.rows += rows.size();
    if (!plan(*b)) return;
    wanted_ = fresh_catalogue(*b, options_);
    if (!go_up(before_)) return;
    if (verdict_.was_refused_by_rows) return;
    if (!go_down()) return;
    // And again, from what the way down left.
    const State again = look(options_, project_->database(), from_);
    if (go_up(again)) verdict_.was_refused_by_rows = false;
  }

  void fill() {
    Chance chance(change_.fill_seed);
    const Rows rows = random_rows(chance, change_.a, from_);
    open_store(options_, project_->database())->insert(from_, rows, chance);
  }

  /// False when there is nothing more to do.
  bool plan(const Version& b) {
    const std::string refusal = plan_refusal(change_.a, from_, change_.b, to_);
    auto planned = project_->evolve(b, dropped(from_, to_));
    if (planned.ok() != refusal.empty()) {
      return fail(planned.ok() ? "not refused, though " + refusal
                               : "refused: " + planned.error().message());
    }
    if (planned.ok()) return true;
    verdict_.was_refused_as_planned = true;
    if (planned.error().code() == kit::Code::internal) return fail(planned.error().message());
    same(before_, look(options_, project_->database(), from_), from_, "a refused plan");
    return false;
  }

  void same(const State& before, const State& after, const Database& database,
            const std::string& what) {
    const std::string lines = difference(before.catalogue, after.catalogue);
    if (!lines.empty()) fail(what + " changed the catalogue:\n" + lines);
    const std::string rows = compare(database, before.rows, after.rows);
    if (!rows.empty()) fail(what + " changed rows:\n" + rows);
    if (before.sequences != after.sequences) fail(what + " changed the sequences");
  }

  bool go_up(const State& start) {
    const Outcome expected = rows_after(change_.a, from_, change_.b, to_, start.rows);
    auto done = project_->up();
    // A check names the column; an error of a server's statement does not.
    if (!done.ok() && done.error().code() == kit::Code::internal)
      return fail("not refused by a check: " + done.error().message());
    if (done.ok() != expected.refusal.empty()) {
      return fail(done.ok() ? "applied, though " + expected.refusal
                            : "not applied: " + done.error().message());
    }
    if (!done.ok()) {
      verdict_.was_refused_by_rows = true;
      same(start, look(options_, project_->database(), from_), from_, "a refused migration");
      return verdict_.failure.empty();
    }
    const State after = look(options_, project_->database(), to_);
    const std::string lines = difference(wanted_, after.catalogue);
    if (!lines.empty()) return fail("the catalogue after up:\n" + lines);
    const std::string rows = compare(to_, expected.rows, after.rows);
    if (!rows.empty()) return fail("the rows after up:\n" + rows);
    return whole("up") && sequences(from_, start, to_, after, "up");
  }

  bool go_down() {
    const State start = look(options_, project_->database(), to_);
    const std::string refusal =
        undo_refusal(change_.a, from_, change_.b, to_, before_.rows, start.rows);
    auto done = project_->down();
    if (!done.ok() && done.error().code() == kit::Code::internal)
      return fail("not refused by a check: " + done.error().message());
    if (done.ok() != refusal.empty()) {
      return fail(done.ok() ? "undone, though " + refusal
                            : "not undone: " + done.error().message());
    }
    if (!done.ok()) {
      same(start, look(options_, project_->database(), to_), to_, "a refused way down");
      return false;
    }
    const State after = look(options_, project_->database(), from_);
    const std::string lines = difference(before_.catalogue, after.catalogue);
    if (!lines.empty()) return fail("the catalogue after down:\n" + lines);
    const std::string rows = compare_undone(from_, to_, before_.rows, after.rows);
    if (!rows.empty()) return fail("the rows after down:\n" + rows);
    return whole("down") && sequences(to_, start, from_, after, "down");
  }

  bool whole(const std::string& way) {
    const std::string damage = open_store(options_, project_->database())->check_integrity();
    return damage.empty() || fail("after " + way + ":\n" + damage);
  }

  /// An id is never given twice.
  bool sequences(const Database& from, const State& before, const Database& to, const State& after,
                 const std::string& way) {
    for (const Table& table : from.tables) {
      const Table* now = to.by_identity(table.identity);
      const auto was = before.sequences.find(table.name);
      if (now == nullptr || was == before.sequences.end()) continue;
      const auto is = after.sequences.find(now->name);
      if (is == after.sequences.end() || is->second < was->second)
        return fail("after " + way + " ids of " + now->name + " would be given again");
    }
    return true;
  }

  std::string report() const {
    std::string text = "edits:\n";
    for (const std::string& each : change_.edits) text += "  " + each + "\n";
    return text + "from:\n" + to_yaml(change_.a) + "to:\n" + to_yaml(change_.b) + project_->sql();
  }

  Options options_;
  bool is_program_;
  Change change_;
  std::unique_ptr<Project> project_;
  Database from_;
  Database to_;
  State before_;
  std::vector<std::string> wanted_;
  Verdict verdict_;
};

Verdict run_recipe(const Recipe& recipe, const Options& options) {
  Options own = options;
  own.folder = options.folder + "/" + std::to_string(recipe.seed);
  fs::create_directories(own.folder);
  Verdict verdict = Case(recipe, own).run();
  if (!options.keep) fs::remove_all(own.folder);
  return verdict;
}

}  // namespace

std::unique_ptr<Store> open_store(const Options& options, const std::string& place) {
#ifdef KIT_EVOLUTION_POSTGRES
  if (options.backend == Backend::postgresql) return open_postgres(options.url, place);
#endif
#ifdef KIT_EVOLUTION_MYSQL
  if (options.backend == Backend::mysql) return open_mysql(options.url, place);
#endif
  if (options.backend == Backend::sqlite) return open_sqlite(place);
  throw std::runtime_error("built without the client library of this server");
}

void clear_store(const Options& options, const std::string& place) {
#ifdef KIT_EVOLUTION_POSTGRES
  if (options.backend == Backend::postgresql) clear_postgres(options.url, place);
#endif
#ifdef KIT_EVOLUTION_MYSQL
  if (options.backend == Backend::mysql) clear_mysql(options.url, place);
#endif
}

Verdict run_case(std::uint64_t seed, const Options& options) {
  return run_recipe(recipe_of(seed), options);
}

std::string shrink(std::uint64_t seed, const Options& options) {
  Recipe recipe = recipe_of(seed);
  std::string failure = run_recipe(recipe, options).failure;
  for (std::size_t i = 0; i < recipe.edits.size();) {
    Recipe fewer = recipe;
    fewer.edits.erase(fewer.edits.begin() + static_cast<std::ptrdiff_t>(i));
    std::string other = run_recipe(fewer, options).failure;
    if (other.empty()) {
      ++i;
    } else {
      recipe = std::move(fewer);
      failure = std::move(other);
    }
  }
  return failure;
}

}  // namespace evolution
