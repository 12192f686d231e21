// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "kitgen/cli/command.hpp"

namespace kitgen::cli {
namespace {

namespace fs = std::filesystem;

/// The names a project's program can have: those of its schemas.
std::vector<std::string> program_names() {
  std::vector<std::string> names;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator("api", code)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  return names;
}

/// build/*/NAME, the one that was built last.
std::string find_binary() {
  fs::path best;
  fs::file_time_type best_time = fs::file_time_type::min();
  std::error_code code;
  for (const std::string& name : program_names()) {
    for (const auto& build : fs::directory_iterator("build", code)) {
      const fs::path candidate = build.path() / name;
      if (!fs::is_regular_file(candidate, code) || ::access(candidate.c_str(), X_OK) != 0) continue;
      const auto time = fs::last_write_time(candidate, code);
      if (best.empty() || time > best_time) {
        best = candidate;
        best_time = time;
      }
    }
  }
  return best.string();
}

}  // namespace

int run_project(const RunArguments& arguments) {
  const std::string binary = arguments.binary.empty() ? find_binary() : arguments.binary;
  if (binary.empty()) {
    print_error(program_names().empty()
                    ? "this is no project: there is no api/*.yaml here. Go into the project's "
                      "folder, or name its program with --binary"
                    : "the project's program is not built yet (looked for build/*/" +
                          program_names().front() +
                          "). Build it with make, or name it with --binary");
    return failed;
  }
  std::vector<std::string> words = {binary, arguments.command};
  words.insert(words.end(), arguments.rest.begin(), arguments.rest.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(binary.c_str(), pointers.data());
  print_error("cannot run " + binary + ": " + std::strerror(errno));
  return failed;
}

}  // namespace kitgen::cli
