// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/db/migrations.hpp"
#include "kitgen/cli/command.hpp"
#include "kitgen/cli/migration_lint.hpp"

namespace kitgen::cli {
namespace {

namespace fs = std::filesystem;
using kit::Code;
using kit::Error;
using kit::Result;

constexpr std::string_view start_of_up =
    R"(-- @: what it is for.
--
-- One transaction: a statement that fails leaves nothing of the step. Foreign keys are checked as a whole at the end.
--   A question first: rows of the query stop the step with this text.
--     -- kit:check customers without an e-mail address: give them one first
--     SELECT id FROM customers WHERE email IS NULL;
--   What loses data is said here, and then needs up --allow-destructive:
--     -- destructive: the column phone of customers
-- Then: kitgen migrate lint, kitgen migrate plan --database FILE, and try up, down and up again on a copy.

)";
constexpr std::string_view start_of_postgres =
    R"(-- @: what it is for.
--
-- One transaction: a statement that fails leaves nothing of the step, and locks are held to its end. Indexes of large tables
-- are built CONCURRENTLY in a step of their own that begins with -- kit:no-transaction.
--   A question first: rows of the query stop the step with this text.
--     -- kit:check customers without an e-mail address: give them one first
--     SELECT id FROM customers WHERE email IS NULL;
--   What loses data is said here, and then needs up --allow-destructive:
--     -- destructive: the column phone of customers
-- Then: kitgen migrate lint, and on a copy of the database plan, up, down and up again.

)";
constexpr std::string_view start_of_mysql =
    R"(-- @: what it is for.
--
-- Statement by statement: each stays once it ran. What was interrupted is gone on with behind the last one that is done.
--   A question first: rows of the query stop the step with this text.
--     -- kit:check customers without an e-mail address: give them one first
--     SELECT id FROM customers WHERE email IS NULL;
--   What loses data is said here, and then needs up --allow-destructive:
--     -- destructive: the column phone of customers
-- Then: kitgen migrate lint, and on a copy of the database plan, up, down and up again.

)";
constexpr std::string_view start_of_down =
    R"(-- The way back from @, newest change first. Remove this file if there is none, and say so in
-- the other one: -- kit:allow no-down

)";

std::string with_name(std::string_view text, const std::string& name) {
  std::string out(text);
  out.replace(out.find('@'), 1, name);
  return out;
}

std::string numbered(std::uint32_t number, const std::string& name) {
  std::string digits = std::to_string(number);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  return digits + "_" + name;
}

/// The number after the highest in the folder, whatever else is wrong with it.
Result<std::uint32_t> next_number(const std::string& folder) {
  std::error_code failure;
  fs::directory_iterator entries(folder, failure);
  if (failure) {
    return Error(Code::not_found, "can't read the folder " + folder + ": " + failure.message());
  }
  long long highest = 0;
  for (const auto& entry : entries) {
    const std::string file = entry.path().filename().string();
    if (!file.ends_with(".sql")) continue;
    const std::string digits = file.substr(0, file.find('_'));
    highest = std::max(highest, kit::parse_int(digits).value_or(0));
  }
  if (highest >= 999'999) return Error(Code::out_of_range, "there are no numbers left");
  return static_cast<std::uint32_t>(highest + 1);
}

bool is_step_name(const std::string& name) {
  return !name.empty() && name.size() <= 100 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// Never over a file that is there.
Result<> write_new(const fs::path& path, const std::string& text) {
  // "x" of C17: fails when it exists.
  std::FILE* file = std::fopen(path.c_str(), "wx");
  if (file == nullptr) {
    return Error(Code::already_exists, "can't make " + path.string() +
                                           ": it exists, or the folder "
                                           "can't be written");
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) == 0 && written) return {};
  return Error(Code::unavailable, "can't write " + path.string());
}

/// "0002_add_phone" of a path or file name, with or without its ends.
std::string stem_of(const std::string& given) {
  std::string stem = fs::path(given).filename().string();
  for (const std::string_view end : {".up.sql", ".down.sql"}) {
    if (stem.ends_with(end)) stem.resize(stem.size() - end.size());
  }
  return stem;
}

/// The migrations for one kind of database, as a project has them.
struct MigrationSet {
  std::string folder;
  std::string_view start;  ///< Of a new step.
};

bool has_steps(const fs::path& folder) {
  std::error_code failure;
  fs::directory_iterator entries(folder, failure);
  if (failure) return false;
  return std::any_of(fs::begin(entries), fs::end(entries), [](const fs::directory_entry& entry) {
    return entry.path().extension() == ".sql";
  });
}

/// SQLite's, unless the project has others alone, and those of the servers that it has.
Result<std::vector<MigrationSet>> sets_of(const std::string& folder) {
  std::error_code failure;
  if (!fs::is_directory(folder, failure))
    return Error(Code::not_found, "can't read the folder " + folder + ": no such folder");
  std::vector<MigrationSet> sets;
  for (const auto& [name, start] :
       {std::pair{"postgresql", start_of_postgres}, std::pair{"mysql", start_of_mysql}}) {
    const fs::path path = fs::path(folder) / name;
    if (has_steps(path)) sets.push_back({path.string(), start});
    if (fs::path(folder).filename() == name) return std::vector<MigrationSet>{{folder, start}};
  }
  if (sets.empty() || has_steps(folder)) sets.insert(sets.begin(), {folder, start_of_up});
  return sets;
}

/// The folder of a step that is named with its path: "migrations/postgresql/0002_add_phone.up.sql".
fs::path folder_of_step(const MigrateArguments& arguments) {
  const fs::path parent = fs::path(arguments.name).parent_path().filename();
  const fs::path folder(arguments.migrations);
  const bool is_servers = parent == "postgresql" || parent == "mysql";
  return is_servers && folder.filename() != parent ? folder / parent : folder;
}

/// Every set of a project.
Result<std::vector<kit::db::Migration>> all_of(const std::string& folder) {
  std::vector<kit::db::Migration> all;
  auto sets = sets_of(folder);
  if (!sets) return std::move(sets).error();
  for (const MigrationSet& set : *sets) {
    const std::string last = fs::path(set.folder).filename().string();
    const auto dialect = last == "postgresql" ? kit::db::Dialect::postgresql
                         : last == "mysql"    ? kit::db::Dialect::mysql
                                              : kit::db::Dialect::sqlite;
    auto read = kit::db::read_migrations(set.folder, dialect);
    if (!read) return std::move(read).error();
    std::ranges::move(*read, std::back_inserter(all));
  }
  return all;
}

}  // namespace

int migrate_new(const MigrateArguments& arguments) {
  if (!is_step_name(arguments.name)) {
    return fail(Error(Code::invalid_argument,
                      "'" + arguments.name +
                          "' is no name for a migration; it is like add_phone: a-z, 0-9 and _"));
  }
  auto sets = sets_of(arguments.migrations);
  if (!sets) return fail(sets.error());
  std::string said;
  for (const MigrationSet& set : *sets) {
    auto number = next_number(set.folder);
    if (!number) return fail(number.error());
    const std::string stem = numbered(*number, arguments.name);
    const std::string path = (fs::path(set.folder) / stem).string();
    auto up = write_new(path + ".up.sql", with_name(set.start, stem));
    if (!up) return fail(up.error());
    auto down = write_new(path + ".down.sql", with_name(start_of_down, stem));
    if (!down) return fail(down.error());
    said += "  started " + path + ".up.sql\n  started " + path + ".down.sql\n";
  }
  print(said + "Write the statements, then: kitgen migrate lint\n");
  return ok;
}

int migrate_renumber(const MigrateArguments& arguments) {
  const std::string stem = stem_of(arguments.name);
  const fs::path folder = folder_of_step(arguments);
  const std::size_t underscore = stem.find('_');
  std::error_code failure;
  if (underscore == std::string::npos || !fs::exists(folder / (stem + ".up.sql"), failure)) {
    return fail(Error(Code::not_found, "there is no " + (folder / (stem + ".up.sql")).string() +
                                           "; name a step like 0002_add_phone"));
  }
  auto number = next_number(folder.string());
  if (!number) return fail(number.error());
  const std::string moved = numbered(*number, stem.substr(underscore + 1));
  for (const std::string end : {".down.sql", ".up.sql"}) {
    if (!fs::exists(folder / (stem + end), failure)) continue;
    fs::rename(folder / (stem + end), folder / (moved + end), failure);
    if (failure) {
      return fail(
          Error(Code::unavailable, "can't rename " + stem + end + ": " + failure.message()));
    }
    print("  " + stem + end + " is now " + moved + end + "\n");
  }
  print("A database that had it under its old number has to undo it with the old file first.\n");
  return ok;
}

int migrate_lint(const MigrateArguments& arguments) {
  auto migrations = all_of(arguments.migrations);
  if (!migrations) return fail(migrations.error());
  auto findings = lint_migrations(*migrations);
  if (!findings) return fail(findings.error());
  std::string text;
  for (LintFinding& finding : *findings) {
    finding.file = (fs::path(arguments.migrations) / finding.file).string();
    text += to_string(finding);
  }
  print(text);
  if (findings->empty()) {
    print(std::to_string(migrations->size()) + " migrations, nothing found\n");
    return ok;
  }
  print_error(std::to_string(findings->size()) +
              (findings->size() == 1 ? " finding" : " findings"));
  return failed;
}

}  // namespace kitgen::cli
