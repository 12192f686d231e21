// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <filesystem>
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

}  // namespace

int migrate_new(const MigrateArguments& arguments) {
  if (!is_step_name(arguments.name)) {
    return fail(Error(Code::invalid_argument,
                      "'" + arguments.name +
                          "' is no name for a migration; it is like add_phone: a-z, 0-9 and _"));
  }
  auto number = next_number(arguments.migrations);
  if (!number) return fail(number.error());
  const std::string stem = numbered(*number, arguments.name);
  const fs::path path = fs::path(arguments.migrations) / stem;
  auto up = write_new(path.string() + ".up.sql", with_name(start_of_up, stem));
  if (!up) return fail(up.error());
  auto down = write_new(path.string() + ".down.sql", with_name(start_of_down, stem));
  if (!down) return fail(down.error());
  print("  started " + path.string() + ".up.sql\n  started " + path.string() +
        ".down.sql\nWrite the statements, then: kitgen migrate lint\n");
  return ok;
}

int migrate_renumber(const MigrateArguments& arguments) {
  const std::string stem = stem_of(arguments.name);
  const fs::path folder = arguments.migrations;
  const std::size_t underscore = stem.find('_');
  std::error_code failure;
  if (underscore == std::string::npos || !fs::exists(folder / (stem + ".up.sql"), failure)) {
    return fail(Error(Code::not_found, "there is no " + (folder / (stem + ".up.sql")).string() +
                                           "; name a step like 0002_add_phone"));
  }
  auto number = next_number(arguments.migrations);
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
  auto migrations = kit::db::read_migrations(arguments.migrations);
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
