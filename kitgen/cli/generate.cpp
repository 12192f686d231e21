// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/generate.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>

#include "kitgen/cli/command.hpp"
#include "kitgen/cli/evolution.hpp"
#include "kitgen/cli/report.hpp"
#include "kitgen/cli/tree.hpp"
#include "kitgen/model/json_schema.hpp"
#include "kitgen/model/load.hpp"
#include "kitgen/render/openapi.hpp"
#include "kitgen/render/project.hpp"
#include "kitgen/render/render.hpp"
#include "kitgen/render/typescript.hpp"

namespace kitgen::cli {
namespace {

namespace fs = std::filesystem;
using kit::Code;
using kit::Error;
using kit::Result;

/// Folders with a meaning of their own, which the layers must not be mixed into.
constexpr std::array<std::string_view, 8> taken_folders = {
    "api", "migrations", "config", "clients", "build", "cmake", ".kit", ".git"};

constexpr std::string_view editor_schema_path = ".kit/language.json";

struct Project {
  Root root;
  std::string schema;       ///< As the person named it, for messages.
  std::string schema_file;  ///< Relative to the root, for generated files.
  std::string output;
};

/// Files that a schema includes name none.
bool names_a_service(const std::string& path) {
  const auto text = schema::read_file(path);
  constexpr std::string_view key = "service:";
  return text && (text->starts_with(key) || text->find("\nservice:") != std::string::npos);
}

/// The folder above this one that is a project; "" without one.
std::string project_above() {
  std::error_code code;
  fs::path folder = fs::current_path(code);
  while (!code && folder.has_relative_path()) {
    folder = folder.parent_path();
    if (fs::exists(folder / manifest_path, code)) return folder.string();
  }
  return "";
}

Result<std::string> find_schema(const std::string& given) {
  if (!given.empty()) return given;
  std::vector<std::string> found;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator("api", code)) {
    const std::string extension = entry.path().extension();
    const bool is_yaml = extension == ".yaml" || extension == ".yml";
    if (is_yaml && names_a_service(entry.path().string())) found.push_back(entry.path().string());
  }
  std::ranges::sort(found);
  if (found.size() == 1) return found.front();
  if (const std::string project = found.empty() ? project_above() : ""; !project.empty()) {
    return Error(Code::invalid_argument, "the project is in " + project +
                                             ": run kitgen there, or say --project " + project);
  }
  std::string message = found.empty() ? "there is no api/*.yaml here that names its service"
                                      : "there is more than one schema here (" + found[0] + ", " +
                                            found[1] + (found.size() > 2 ? ", ...)" : ")");
  return Error(Code::invalid_argument,
               message + "; name the schema: kitgen generate api/shop.yaml");
}

/// The schema stands in the project's api folder; without one the project is the current folder.
std::string project_of(const std::string& schema) {
  std::error_code code;
  const fs::path folder = fs::absolute(schema, code).lexically_normal().parent_path();
  return folder.filename() == "api" ? folder.parent_path().string() : ".";
}

bool is_read_only(const GenerateArguments& arguments) {
  return arguments.check || arguments.dry_run || arguments.diff;
}

/// Finishes what an interrupted run decided; a run that writes nothing says that there is one.
Result<> settle(const Root& root, const GenerateArguments& arguments) {
  auto interrupted = is_interrupted(root);
  if (!interrupted) return std::move(interrupted).error();
  if (!*interrupted || arguments.dump_model) return {};
  if (is_read_only(arguments)) {
    return Error(Code::failed_precondition,
                 "a run of kitgen was interrupted here; kitgen generate finishes it");
  }
  auto lock = root.lock(".kit/lock");
  if (!lock) return std::move(lock).error();
  auto recovered = recover(root);
  if (!recovered) return std::move(recovered).error();
  if (*recovered) print("Finished a run that was interrupted.\n");
  return {};
}

bool is_for_layers(const std::string& output) {
  const std::string first = output.substr(0, output.find('/'));
  return !first.empty() && first != ".." && first != "." &&
         std::ranges::find(taken_folders, first) == taken_folders.end();
}

/// The folder of the layers: that of the last run, else the one that is given.
Result<std::string> find_output(const Root& root, const std::string& given) {
  auto manifest = read_manifest(root, "");
  if (!manifest) return std::move(manifest).error();
  const std::string& last = manifest->output;
  if (given.empty()) {
    if (last.empty()) return "internal";
    // A manifest may come with a clone.
    if (!is_for_layers(last)) {
      return Error(Code::data_loss, std::string(manifest_path) + ": output '" + last +
                                        "' is not a folder for generated code; take the file from "
                                        "version control and run again");
    }
    return last;
  }
  auto output = root.relative(given);
  if (!output) {
    return Error(Code::invalid_argument, "--output " + given + " is outside the project " +
                                             root.folder() + "; nothing was written");
  }
  if (!is_for_layers(*output)) {
    return Error(
        Code::invalid_argument,
        "--output " + given + " is not a folder for generated code; the usual one is internal");
  }
  if (!last.empty() && last != *output) {
    return Error(Code::failed_precondition,
                 "the layers of this project are in " + last + "/. In " + *output +
                     "/ they would be started anew, without what you wrote: leave --output away. A "
                     "project with another folder is a new one. Nothing was written");
  }
  return output;
}

Result<Project> open_project(const GenerateArguments& arguments) {
  if (!arguments.project.empty() && ::chdir(arguments.project.c_str()) != 0) {
    return Error(Code::not_found, arguments.project + ": " + std::strerror(errno));
  }
  // First of all: the schema itself may be among what the run was to write.
  if (const auto here = Root::open("."); here && arguments.schema.empty()) {
    KIT_TRY(settle(*here, arguments));
  }
  auto schema = find_schema(arguments.schema);
  if (!schema) return std::move(schema).error();
  const std::string folder = arguments.project.empty() ? project_of(*schema) : ".";
  if (!fs::is_directory(folder)) return Error(Code::not_found, folder + ": no such folder");
  auto root = Root::open(folder);
  if (!root) return std::move(root).error();
  KIT_TRY(settle(*root, arguments));

  auto output = find_output(*root, arguments.output);
  if (!output) return std::move(output).error();
  auto relative = root->relative(*schema);
  std::string schema_file = relative ? *relative : fs::path(*schema).filename().string();
  return Project{std::move(*root), std::move(*schema), std::move(schema_file), std::move(*output)};
}

std::string counted(std::size_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what);
}

std::string summary(const model::Service& service, const Plan& plan) {
  const std::size_t entities = service.entities.size();
  const std::size_t merged = plan.count(Action::merge) + plan.count(Action::conflict);
  return service.name + ": " + counted(entities, entities == 1 ? "entity" : "entities") + ", " +
         counted(plan.manifest.files.size(), "files: ") +
         counted(plan.count(Action::create), "created, ") +
         counted(plan.count(Action::rewrite), "rewritten, ") +
         (merged == 0 ? "" : counted(merged, "merged, ")) +
         counted(plan.count(Action::remove), "removed, ") +
         counted(plan.count(Action::unchanged), "unchanged\n");
}

int check(const model::Service& service, const Plan& plan) {
  const std::string problems = file_objections(plan);
  if (!problems.empty()) print_error(problems);
  if (plan.is_clean()) {
    print(doubts(plan) + service.name + ": " +
          counted(plan.manifest.files.size(), "files are up to date\n"));
    return ok;
  }
  // What stands in the way has been said already.
  const std::string changes = listing(plan, true);
  if (!changes.empty()) {
    const std::string_view then = problems.empty() ? "" : " then";
    print_error("not up to date; kitgen generate would" + std::string(then) + "\n" + changes);
  }
  return failed;
}

int dry_run(const model::Service& service, const Plan& plan) {
  print(listing(plan, true) + summary(service, plan) + "Nothing was written (--dry-run).\n");
  const std::string problems = file_objections(plan);
  if (problems.empty()) return ok;
  print_error(problems);
  return failed;
}

/// Asks whether two are the same until there is an answer.
bool ask(const evolve::Question& question) {
  for (;;) {
    std::fputs(("was " + question.from + " renamed to " + question.to + "? [y/n] ").c_str(),
               stderr);
    std::array<char, 64> line{};
    if (std::fgets(line.data(), line.size(), stdin) == nullptr) return false;
    if (line[0] == 'y' || line[0] == 'Y') return true;
    if (line[0] == 'n' || line[0] == 'N') return false;
  }
}

/// The patch on stdout; it applies to the project's folder.
int show_patch(const Plan& plan) {
  print(patch(plan));
  const std::string problems = file_objections(plan);
  if (problems.empty()) return ok;
  print_error(problems);
  return failed;
}

/// The files of `kitgen new` that the manifest has: they follow kitgen like the other started ones.
Result<> add_skeleton(const Project& project, const model::Service& service,
                      std::vector<render::File>& files) {
  auto manifest = read_manifest(project.root, project.schema_file);
  if (!manifest) return std::move(manifest).error();
  if (manifest->project.empty()) return {};
  for (render::File& file : render::render_project(manifest->project, service.name)) {
    const auto kept = manifest->files.find(file.path);
    if (kept != manifest->files.end() && kept->second.keeping != Keeping::generated) {
      files.push_back(std::move(file));
    }
  }
  return {};
}

struct Planned {
  Plan plan;
  std::string sql;  ///< Of a new migration.
};

/// Everything a run would do, the storage included.
Result<Planned> plan_all(const Project& project, const model::Service& service,
                         const GenerateArguments& arguments, std::vector<render::File> files) {
  // First: without the right manifest everything else would be told wrongly.
  KIT_TRY(add_skeleton(project, service, files));
  EvolutionOptions evolution;
  evolution.recreate = arguments.recreate_migrations;
  evolution.allow_destructive = arguments.allow_destructive;
  evolution.name = arguments.migration_name;
  evolution.decisions.renames = arguments.renames;
  evolution.decisions.drops = arguments.drops;
  evolution.added_databases = arguments.added_databases;
  const bool can_ask =
      !arguments.check && ::isatty(STDIN_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0;
  const auto ask_person = [](const evolve::Question& question) { return ask(question); };
  const Ask asker(ask_person);
  auto evolved = evolve_storage(project.root, service, evolution, can_ask ? &asker : nullptr);
  if (!evolved) return std::move(evolved).error();
  std::ranges::move(evolved->files, std::back_inserter(files));
  const PlanOptions options{arguments.discard_edits,   arguments.recreate_migrations,
                            arguments.restore_deleted, std::move(evolved->renames),
                            project.schema_file,       project.output};
  auto plan = make_plan(project.root, std::move(files), options);
  if (!plan) return std::move(plan).error();
  return Planned{std::move(*plan), std::move(evolved->sql)};
}

Result<int> write(const Project& project, const model::Service& service,
                  const GenerateArguments& arguments, std::vector<render::File> files) {
  if (is_read_only(arguments)) {
    auto planned = plan_all(project, service, arguments, std::move(files));
    if (!planned) return std::move(planned).error();
    if (arguments.diff) return show_patch(planned->plan);
    if (arguments.check) return check(service, planned->plan);
    if (!planned->sql.empty()) print(planned->sql + "\n");
    return dry_run(service, planned->plan);
  }
  auto lock = project.root.lock(".kit/lock");
  if (!lock) return std::move(lock).error();
  auto recovered = recover(project.root);
  if (!recovered) return std::move(recovered).error();
  if (*recovered) print("Finished a run that was interrupted.\n");
  auto planned = plan_all(project, service, arguments, std::move(files));
  if (!planned) return std::move(planned).error();
  const Plan& plan = planned->plan;
  const std::string problems = file_objections(plan);
  if (!problems.empty()) {
    print_error(problems);
    return failed;
  }
  auto hints = ignore_hint(project.root, plan);
  if (!hints) return std::move(hints).error();
  *hints += git_hint(project.root, plan);
  KIT_TRY(apply(project.root, plan));
  print(listing(plan, arguments.verbose) + summary(service, plan) + *hints);
  const std::string conflicts = conflict_report(plan);
  if (conflicts.empty()) return ok;
  print_error(conflicts);
  return failed;
}

}  // namespace

Result<std::vector<render::File>> render_all(const model::Service& service,
                                             const std::string& output) {
  render::Options options;
  options.output = output;
  options.all = true;
  std::vector<render::File> files;
  using Render =
      Result<std::vector<render::File>> (*)(const model::Service&, const render::Options&);
  constexpr std::array<Render, 3> renderers = {render::render_cpp, render::render_openapi,
                                               render::render_typescript};
  for (const Render renderer : renderers) {
    auto more = renderer(service, options);
    if (!more) return std::move(more).error();
    std::ranges::move(*more, std::back_inserter(files));
  }
  // Editors complete the schema by it: the file's first line names it.
  files.push_back({std::string(editor_schema_path), model::json_schema()});
  return files;
}

int generate(const GenerateArguments& arguments) {
  auto project = open_project(arguments);
  if (!project) return fail(project.error());
  model::Loaded loaded = model::load_file(project->schema);
  if (!loaded.diagnostics.empty()) print_error(schema::to_string(loaded.diagnostics));
  if (!loaded.service) {
    print_error("nothing was written");
    return failed;
  }
  loaded.service->schema_file = project->schema_file;
  if (arguments.dump_model) {
    print(model::dump(*loaded.service));
    return ok;
  }
  auto files = render_all(*loaded.service, project->output);
  if (!files) return fail(files.error());
  auto result = write(*project, *loaded.service, arguments, std::move(*files));
  return result ? *result : fail(result.error());
}

}  // namespace kitgen::cli
