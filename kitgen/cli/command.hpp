// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/error.hpp"

namespace kitgen::cli {

/// Exit codes of `kitgen`, the same for every command.
inline constexpr int ok = 0;
inline constexpr int failed = 1;  ///< The schema, the project or the database: said on stderr.
inline constexpr int usage = 2;   ///< The command line itself.

inline constexpr std::string_view version = "0.1.0";

struct GenerateArguments {
  std::string schema;   ///< "": the only api/*.yaml
  std::string output;   ///< "": internal
  std::string project;  ///< "": where the schema's api/ folder stands
  bool check = false;
  bool dry_run = false;
  bool diff = false;
  bool dump_model = false;
  bool discard_edits = false;
  bool recreate_migrations = false;
  bool allow_destructive = false;
  std::string migration_name;                                ///< "": told by what it changes
  std::vector<std::pair<std::string, std::string>> renames;  ///< {"customers.telephone", "phone"}
  std::vector<std::string> drops;                            ///< "customers.telephone"
  std::vector<std::string> added_databases;                  ///< "postgresql"
  bool restore_deleted = false;
  bool verbose = false;
};
int generate(const GenerateArguments& arguments);

struct NewArguments {
  std::string name;
  std::string folder;  ///< "": ./NAME
  /// "postgresql", "mysql": servers that the project has migrations for besides SQLite.
  std::vector<std::string> databases;
};
int new_project(const NewArguments& arguments);

struct MigrateArguments {
  std::string database;  ///< A file of SQLite, or a server's URL.
  std::string migrations = "migrations";
  std::string name;  ///< Of a new step, or the file that gets another number.
  int steps = 1;
  int to = 0;  ///< 0: all
  bool allow_destructive = false;
  bool json = false;
  std::chrono::milliseconds lock_timeout = std::chrono::minutes(10);
  std::chrono::milliseconds table_wait = std::chrono::seconds(3);
};
int migrate_plan(const MigrateArguments& arguments);
int migrate_up(const MigrateArguments& arguments);
int migrate_down(const MigrateArguments& arguments);
int migrate_status(const MigrateArguments& arguments);
int migrate_new(const MigrateArguments& arguments);
int migrate_renumber(const MigrateArguments& arguments);
int migrate_lint(const MigrateArguments& arguments);

/// `kitgen migrate ...`; behind it the verb and its options.
int run_migrate(std::vector<std::string> words);

struct DevArguments {
  std::string project;  ///< "": the current folder
  std::string build = "build/dev";
  std::optional<int> port;  ///< Nothing: that of the project's configuration; 0: a free one.
  bool migrate = true;
  bool allow_destructive = false;
  bool once = false;
  std::vector<std::string> rest;  ///< For the project's program.
};
/// Builds, migrates and serves the project in the current folder, and does so again after every
/// change until it is told to end.
int dev(const DevArguments& arguments);

struct RunArguments {
  std::string command;  ///< "import", "export", "doctor"
  std::string binary;   ///< "": found in the project's build folder
  std::vector<std::string> rest;
};
/// Runs the project's own program, whose hand-written rules apply. Does not return when it could.
int run_project(const RunArguments& arguments);

void print(std::string_view text);        ///< To stdout.
void print_error(std::string_view text);  ///< "kitgen: text" to stderr, with the line's end.
int fail(const kit::Error& error);        ///< `print_error` of its message; `failed`.

/// The whole of `main`.
int run(int argc, char** argv);

}  // namespace kitgen::cli
