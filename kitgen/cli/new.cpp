// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <optional>
#include <system_error>

#include "kitgen/cli/command.hpp"
#include "kitgen/cli/evolution.hpp"
#include "kitgen/cli/generate.hpp"
#include "kitgen/cli/tree.hpp"
#include "kitgen/model/load.hpp"
#include "kitgen/model/naming.hpp"
#include "kitgen/render/project.hpp"

namespace kitgen::cli {
namespace {

namespace fs = std::filesystem;
using kit::Code;
using kit::Error;
using kit::Result;

Result<> check_name(const std::string& name) {
  const auto bad = [&](const std::string& why) {
    return Error(Code::invalid_argument, "'" + name + "' cannot be a project's name: " + why);
  };
  if (!model::is_snake_case(name)) {
    std::string proposal;
    if (model::is_identifier(name)) proposal = model::to_snake(name);
    if (!model::is_identifier(name) && name.find('-') != std::string::npos) {
      proposal = name;
      std::ranges::replace(proposal, '-', '_');
    }
    const bool usable = model::is_snake_case(proposal);
    return bad("it must be lower-case words joined by underscores, starting with a letter" +
               (usable ? "; how about " + proposal + "?" : std::string()));
  }
  if (const auto languages = model::reserved_in(name)) return bad("it is " + *languages);
  if (const auto taken = model::reserved_for_services(name)) return bad("it is " + *taken);
  if (model::is_cpp_word(name)) return bad("it is a word of C++ or of the code around it");
  return {};
}

/// A folder that is there has to be empty; what a killed run had staged in it does not count.
Result<> check_folder(const std::string& folder) {
  std::error_code code;
  const fs::file_status status = fs::symlink_status(folder, code);
  if (status.type() == fs::file_type::not_found) return {};
  if (!fs::is_directory(folder, code)) {
    return Error(Code::failed_precondition, folder + " is there already and is no folder");
  }
  bool is_empty = true;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    is_empty = is_empty && entry.path().filename() == ".kit";
  }
  const fs::path kept = fs::path(folder) / ".kit";
  if (fs::exists(kept / "journal.json", code)) {
    return Error(Code::failed_precondition, "a run of kitgen was interrupted in " + folder +
                                                "; kitgen generate --project " + folder +
                                                " finishes it");
  }
  if (is_empty && !fs::exists(kept / "manifest.json", code)) return {};
  return Error(Code::failed_precondition,
               "the folder " + folder +
                   " is not empty; a new project wants one of its own: kitgen new NAME --dir DIR");
}

/// A source checkout of kit and the program, when that was built in it.
struct Checkout {
  std::string folder;
  std::string program;
};

std::optional<Checkout> checkout() {
  std::error_code code;
  const fs::path program = fs::read_symlink("/proc/self/exe", code);
  for (fs::path folder = program.parent_path(); !code && folder.has_relative_path();
       folder = folder.parent_path()) {
    const bool is_kit = fs::exists(folder / "layers.txt", code) &&
                        fs::exists(folder / "kit/app/application.hpp", code) &&
                        fs::exists(folder / "cmake/KitModule.cmake", code);
    if (is_kit) return Checkout{folder.string(), program.string()};
  }
  return std::nullopt;
}

/// All files of the new project, as a plan for an empty folder.
Result<Plan> plan_project(const Root& root, const NewArguments& arguments) {
  const std::string& name = arguments.name;
  std::vector<render::File> files;
  std::vector<render::File> untracked;
  const std::string schema_file = "api/" + name + ".yaml";
  for (render::File& file : render::render_project(name, name)) {
    (file.path == schema_file ? untracked : files).push_back(std::move(file));
  }
  model::Loaded loaded = model::load_text(untracked.front().text, schema_file);
  if (!loaded.service) return Error(Code::internal, schema::to_string(loaded.diagnostics));
  loaded.service->schema_file = schema_file;
  auto code = render_all(*loaded.service, "internal");
  if (!code) return std::move(code).error();
  std::ranges::move(*code, std::back_inserter(files));
  EvolutionOptions evolution;
  evolution.added_databases = arguments.databases;
  auto evolved = evolve_storage(root, *loaded.service, evolution, nullptr);
  if (!evolved) return std::move(evolved).error();
  std::ranges::move(evolved->files, std::back_inserter(files));
  if (const auto source = checkout()) {
    const std::string text =
        "# Of this machine only (not in version control): the checkout that made this project.\n"
        "KIT_ROOT := " +
        source->folder + "\nKITGEN := " + source->program + "\n";
    untracked.push_back({"kit.local.mk", text, render::Ownership::started, false});
  }
  PlanOptions options;
  options.schema = schema_file;
  options.output = "internal";
  auto plan = make_plan(root, std::move(files), options);
  if (!plan) return std::move(plan).error();
  plan->manifest.project = name;
  plan->manifest_changed = true;
  for (render::File& file : untracked) {
    Change change;
    change.action = Action::create;
    change.path = std::move(file.path);
    change.text = std::move(file.text);
    plan->changes.push_back(std::move(change));
  }
  return plan;
}

/// Into a folder that is there, all or nothing.
Result<> build(const std::string& folder, const NewArguments& arguments) {
  auto root = Root::open(folder);
  if (!root) return std::move(root).error();
  auto lock = root->lock(".kit/lock");
  if (!lock) return std::move(lock).error();
  auto recovered = recover(*root);
  if (!recovered) return std::move(recovered).error();
  auto plan = plan_project(*root, arguments);
  if (!plan) return std::move(plan).error();
  return apply(*root, *plan);
}

/// A folder beside the new one: what is made there shows in one rename.
class StageFolder {
 public:
  explicit StageFolder(const fs::path& target)
      : path_(target.parent_path() / ("." + target.filename().string() + ".kitgen-new")) {}
  StageFolder(const StageFolder&) = delete;
  StageFolder& operator=(const StageFolder&) = delete;
  ~StageFolder() {
    std::error_code code;
    if (is_ours_) fs::remove_all(path_, code);
  }

  /// Takes over what a killed run left. Fails with `aborted` when another one is at work.
  Result<> open() {
    std::error_code code;
    fs::create_directories(path_.parent_path(), code);
    if (!code) fs::create_directory(path_, code);
    if (code) return Error(Code::failed_precondition, path_.string() + ": " + code.message());
    auto root = Root::open(path_.string());
    if (!root) return std::move(root).error();
    auto lock = root->lock(".lock");
    if (!lock) return std::move(lock).error();
    lock_ = std::move(*lock);
    is_ours_ = true;
    for (const auto& entry : fs::directory_iterator(path_, code)) {
      if (entry.path().filename() != ".lock") fs::remove_all(entry.path(), code);
      if (code) return Error(Code::failed_precondition, path_.string() + ": " + code.message());
    }
    fs::create_directory(project(), code);
    if (code) return Error(Code::failed_precondition, path_.string() + ": " + code.message());
    return {};
  }

  fs::path project() const { return path_ / "project"; }

 private:
  fs::path path_;
  Descriptor lock_;
  bool is_ours_ = false;
};

Result<> build_beside(const std::string& folder, const NewArguments& arguments) {
  std::error_code code;
  fs::path target = fs::absolute(folder, code).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  StageFolder stage(target);
  KIT_TRY(stage.open());
  KIT_TRY(build(stage.project().string(), arguments));
  // An empty folder that came meanwhile is replaced, anything else is refused by the system.
  if (::rename(stage.project().c_str(), target.c_str()) != 0) {
    return Error(Code::failed_precondition, folder + ": " + std::strerror(errno));
  }
  auto parent = Root::open(target.string());
  if (!parent) return std::move(parent).error();
  return parent->sync();
}

}  // namespace

int new_project(const NewArguments& arguments) {
  if (const auto checked = check_name(arguments.name); !checked) return fail(checked.error());
  const std::string folder = arguments.folder.empty() ? arguments.name : arguments.folder;
  if (const auto checked = check_folder(folder); !checked) return fail(checked.error());
  std::error_code no_folder;
  const bool is_there = fs::is_directory(folder, no_folder);
  const auto built = is_there ? build(folder, arguments) : build_beside(folder, arguments);
  if (!built) return fail(built.error());
  print("Made " + folder + ". Next:\n\n  cd " + folder +
        "\n  make run          build, then serve http://127.0.0.1:8080/\n  edit api/" +
        arguments.name +
        ".yaml, then make run again\n  make dev          the same after every save\n\nAll verbs: "
        "make help\n");
  return ok;
}

}  // namespace kitgen::cli
