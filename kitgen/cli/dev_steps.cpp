// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/dev_steps.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "kit/base/text.hpp"
#include "kitgen/cli/dev_database.hpp"

namespace kitgen::cli {
namespace {

namespace fs = std::filesystem;
using kit::Code;
using kit::Error;
using kit::Result;

const std::string here = ".";
const std::string copies_folder = ".kit/dev";
constexpr std::size_t kept_copies = 5;

std::string read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Where a program of PATH stands; "" for nowhere.
std::string find_program(std::string_view name) {
  const char* const path = std::getenv("PATH");
  for (const std::string_view folder : kit::split(path == nullptr ? "" : path, ':')) {
    const fs::path candidate = fs::path(folder) / name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate.string();
  }
  return {};
}

std::string compiler() {
  if (const char* const chosen = std::getenv("CXX")) return chosen;
  const std::string clang = find_program("clang++-19");
  return clang.empty() ? "g++" : clang;
}

/// What is built and run once, quickly: not optimised, with lines for stack traces but no variables
/// for a debugger.
constexpr std::array<std::string_view, 2> build_flags = {"-DCMAKE_BUILD_TYPE=Debug",
                                                         "-DCMAKE_CXX_FLAGS_DEBUG=-g1"};

/// `make` knows where this project's kit is, and its compiler.
bool makefile_configures() {
  return read_file("Makefile").find("\n$(BUILD)/build.ninja:") != std::string::npos;
}

std::string last_line(std::string_view text) {
  text = kit::trim(text);
  const std::size_t end = text.rfind('\n');
  return std::string(end == text.npos ? text : text.substr(end + 1));
}

/// "20260131-134500", UTC.
std::string stamp_of_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y%m%d-%H%M%S", &parts);
  return {text.data(), size};
}

/// SQL without comments and blank lines.
std::string statements(std::string_view plan) {
  std::string sql;
  for (const std::string_view line : kit::split(plan, '\n')) {
    const std::string_view bare = kit::trim(line);
    if (!bare.empty() && !bare.starts_with("--")) sql.append(bare).append("\n");
  }
  return sql;
}

/// The lines of `migrate up`: "  0002 add_note  applied ...".
std::vector<std::string> applied_steps(std::string_view text) {
  std::vector<std::string> steps;
  for (const std::string_view line : kit::split(text, '\n')) {
    const std::string_view bare = kit::trim(line);
    const std::string_view number = bare.substr(0, bare.find(' '));
    if (number.size() < 4 || !kit::parse_int(number)) continue;
    const std::string_view rest = kit::trim(bare.substr(number.size()));
    steps.push_back(std::string(number) + "_" + std::string(rest.substr(0, rest.find(' '))));
  }
  return steps;
}

/// What ninja says about a failure, without its progress and the command lines.
std::string problems(const std::string& log) {
  std::string text;
  bool is_command = false;
  for (const std::string_view line : kit::split(log, '\n')) {
    const bool was_failure = std::exchange(is_command, line.starts_with("FAILED: "));
    const bool is_progress = line.starts_with('[') || line.starts_with("ninja: Entering");
    if (!was_failure && !is_command && !is_progress) text.append(line).append("\n");
  }
  return text;
}

}  // namespace

std::string application_name(std::string_view cmake_lists) {
  constexpr std::string_view call = "\nkit_application(";
  const std::size_t at = cmake_lists.find(call);
  if (at == cmake_lists.npos) return {};
  const std::string_view rest = cmake_lists.substr(at + call.size());
  return std::string(kit::trim(rest.substr(0, rest.find_first_of(" \n)"))));
}

bool is_destructive(std::string_view plan) {
  constexpr std::string_view remark = "--   destructive: ";
  return std::ranges::any_of(kit::split(plan, '\n'), [&](std::string_view line) {
    return line.starts_with(remark) && line.substr(remark.size()) != "no";
  });
}

Result<DevSteps> DevSteps::open(Supervisor& supervisor, const DevArguments& arguments) {
  std::error_code code;
  DevSteps steps(supervisor, fs::read_symlink("/proc/self/exe", code).string());
  steps.name_ = application_name(read_file("CMakeLists.txt"));
  if (steps.name_.empty() || !fs::is_directory("api", code)) {
    return Error(
        Code::not_found,
        "this is no project: it wants api/*.yaml and a CMakeLists.txt with "
        "kit_application(NAME ...). Go into the project's folder, or make one: kitgen new shop");
  }
  steps.build_ = arguments.build;
  steps.allow_destructive_ = arguments.allow_destructive;
  steps.binary_ = (fs::path(arguments.build) / steps.name_).string();
  if (!steps.binary_.starts_with("/")) steps.binary_.insert(0, "./");
  if (arguments.port) steps.options_.push_back("--http.port=" + std::to_string(*arguments.port));
  steps.options_.insert(steps.options_.end(), arguments.rest.begin(), arguments.rest.end());
  // Without it ccache keeps nothing that uses kit's precompiled header.
  ::setenv("CCACHE_SLOPPINESS", "pch_defines,time_macros", 0);
  return steps;
}

Result<std::string> DevSteps::run(std::vector<std::string> command) {
  const std::string program = command.front();
  auto output = supervisor_.run(std::move(command), here);
  if (!output) return std::move(output).error();
  if (output->status == 0) return std::move(output->text);
  std::string text = std::move(output->text);
  if (kit::trim(text).empty()) text = program + " ended with " + std::to_string(output->status);
  return Error(Code::failed_precondition, std::move(text));
}

Result<std::string> DevSteps::run_kitgen(std::vector<std::string> words) {
  words.insert(words.begin(), kitgen_);
  return run(std::move(words));
}

Result<std::string> DevSteps::check_schema() {
  KIT_TRY(run_kitgen({"generate", "--dump-model"}));
  return std::string();
}

Result<std::string> DevSteps::generate() {
  std::vector<std::string> words = {"generate"};
  if (allow_destructive_) words.emplace_back("--allow-destructive");
  auto text = run_kitgen(std::move(words));
  if (!text) return std::move(text).error();
  return last_line(*text);
}

bool DevSteps::is_configured() const {
  return fs::exists(fs::path(build_) / "CMakeCache.txt");
}

Result<std::string> DevSteps::configure() {
  std::vector<std::string> command = {"cmake", "-S", here,    "-B",
                                      build_,  "-G", "Ninja", "-DCMAKE_CXX_COMPILER=" + compiler()};
  std::string joined = "CMAKE_FLAGS=";
  for (const std::string_view flag : build_flags) {
    command.emplace_back(flag);
    joined.append(flag).append(" ");
  }
  if (makefile_configures())
    command = {"make", "-s", "BUILD=" + build_, joined, build_ + "/build.ninja"};
  KIT_TRY(run(std::move(command)));
  return build_;
}

Result<std::string> DevSteps::build() {
  std::vector<std::string> command = {"cmake", "--build", build_, "--target", name_};
  // Directly, where that is possible: it then ends with us.
  if (const std::string ninja = find_program("ninja");
      !ninja.empty() && fs::exists(fs::path(build_) / "build.ninja"))
    command = {ninja, "-C", build_, name_};
  auto text = run(std::move(command));
  if (!text) return Error(text.error().code(), problems(text.error().message()));
  // "[7/7] Linking CXX executable shop": as many steps as there were.
  const std::string last = last_line(*text);
  if (!last.starts_with('[')) return std::string("nothing to do");
  const std::size_t slash = last.find('/');
  return last.substr(slash + 1, last.find(']') - slash - 1) + " steps";
}

Result<ServerSettings> DevSteps::settings() {
  std::vector<std::string> command = {binary_, "config"};
  command.insert(command.end(), options_.begin(), options_.end());
  auto text = run(std::move(command));
  if (!text) return std::move(text).error();
  return read_settings(*text);
}

Result<std::string> DevSteps::keep_copy(const std::string& database, const std::string& plan) {
  if (!fs::exists(database) || statements(plan).empty()) return std::string();
  std::error_code code;
  fs::create_directories(copies_folder, code);
  const std::string stem = fs::path(database).stem().string();
  std::string copy = copies_folder + "/" + stem + "-" + stamp_of_now() + ".db";
  KIT_TRY(copy_database(database, copy));
  drop_old_copies(copies_folder, stem, kept_copies);
  return copy;
}

Result<std::string> DevSteps::migrate(const std::string& database) {
  const std::string option = "--database=" + database;
  auto plan = run_kitgen({"migrate", "plan", option});
  if (!plan) return std::move(plan).error();
  auto copy = keep_copy(database, *plan);
  if (!copy) return std::move(copy).error();
  std::vector<std::string> words = {"migrate", "up", option};
  if (allow_destructive_) words.emplace_back("--allow-destructive");
  auto text = run_kitgen(std::move(words));
  if (!text) return std::move(text).error();
  const std::vector<std::string> steps = applied_steps(*text);
  if (steps.empty()) return std::string("up to date");
  std::string note;
  for (const std::string& step : steps) note += (note.empty() ? "" : ", ") + step;
  note += " applied; undo: kitgen migrate down " + std::to_string(steps.size()) + " --database " +
          database;
  if (is_destructive(*plan) && !copy->empty()) {
    note += "\n             it takes data away; the rows as they were: " + *copy +
            " (with no server running: rm -f " + database + "-wal " + database + "-shm && cp " +
            *copy + " " + database + ")";
  }
  return note;
}

}  // namespace kitgen::cli
