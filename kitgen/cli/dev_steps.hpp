// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kitgen/cli/command.hpp"
#include "kitgen/cli/dev_server.hpp"

namespace kitgen::cli {

/// What leads from a schema to a program and its database; each step is a program of its own, in
/// the project's folder. A step yields what is worth a few words, and fails with what that program
/// said.
class DevSteps {
 public:
  /// Fails with `not_found` when the current folder is no project. Lifetime: `supervisor` outlives
  /// this.
  static kit::Result<DevSteps> open(Supervisor& supervisor, const DevArguments& arguments);

  kit::Result<std::string> check_schema();
  kit::Result<std::string> generate();
  /// Configures a build folder that is not there yet, as `make run` does.
  kit::Result<std::string> configure();
  kit::Result<std::string> build();
  /// The settings the program would have.
  kit::Result<ServerSettings> settings();
  /// Brings the development database to the schema, and says which command takes that back.
  kit::Result<std::string> migrate(const std::string& database);

  bool is_configured() const;
  const std::string& binary() const { return binary_; }
  /// The words behind the program's name, for all of its commands.
  const std::vector<std::string>& options() const { return options_; }

 private:
  DevSteps(Supervisor& supervisor, std::string kitgen)
      : supervisor_(supervisor), kitgen_(std::move(kitgen)) {}
  /// Its output. Fails with the output when the program fails.
  kit::Result<std::string> run(std::vector<std::string> command);
  kit::Result<std::string> run_kitgen(std::vector<std::string> words);
  kit::Result<std::string> keep_copy(const std::string& database, const std::string& plan);

  Supervisor& supervisor_;
  std::string kitgen_;
  std::string name_;
  std::string build_;
  std::string binary_;
  std::vector<std::string> options_;
  bool allow_destructive_ = false;
};

/// The program's name: the target of kit_application(NAME ...) in a CMakeLists.txt; "" for none.
std::string application_name(std::string_view cmake_lists);
/// Whether a step of `migrate plan` loses data.
bool is_destructive(std::string_view plan);

}  // namespace kitgen::cli
