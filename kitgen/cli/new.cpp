// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "kitgen/cli/command.hpp"
#include "kitgen/cli/root.hpp"
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

Result<> make_folder(const std::string& folder) {
  std::error_code code;
  if (fs::exists(folder, code) && !fs::is_directory(folder, code)) {
    return Error(Code::failed_precondition, folder + " is there already and is no folder");
  }
  if (fs::is_directory(folder, code) && !fs::is_empty(folder, code)) {
    return Error(
        Code::failed_precondition,
        "the folder " + folder +
            " is not empty; a new project wants one of its own: kitgen new NAME --dir DIR");
  }
  fs::create_directories(folder, code);
  if (code) return Error(Code::failed_precondition, folder + ": " + code.message());
  return {};
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

Result<> write_skeleton(const std::string& folder, const std::string& name) {
  auto root = Root::open(folder);
  if (!root) return std::move(root).error();
  for (const render::File& file : render::render_project(name)) {
    KIT_TRY(root->write(file.path, file.text, file.is_executable));
  }
  if (const auto source = checkout()) {
    KIT_TRY(root->write("kit.local.mk",
                        "# Of this machine only (not in version control): the checkout that made "
                        "this project.\nKIT_ROOT := " +
                            source->folder + "\nKITGEN := " + source->program + "\n",
                        false));
  }
  return root->sync();
}

}  // namespace

int new_project(const NewArguments& arguments) {
  if (const auto checked = check_name(arguments.name); !checked) return fail(checked.error());
  const std::string folder = arguments.folder.empty() ? arguments.name : arguments.folder;
  if (const auto made = make_folder(folder); !made) return fail(made.error());
  if (const auto written = write_skeleton(folder, arguments.name); !written) {
    return fail(written.error());
  }
  GenerateArguments first;
  first.schema = (fs::path(folder) / "api" / (arguments.name + ".yaml")).string();
  first.quiet = true;
  const int code = generate(first);
  if (code != ok) return code;
  print("Made " + folder + ". Next:\n\n  cd " + folder +
        "\n  make run          build, then serve http://127.0.0.1:8080/\n  edit api/" +
        arguments.name +
        ".yaml, then make run again\n\n"
        "An edit that changes tables becomes a new file in migrations/: read it before it runs.\n\n"
        "All verbs: make help\n");
  return ok;
}

}  // namespace kitgen::cli
