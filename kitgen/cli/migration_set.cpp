// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/migration_set.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "kit/base/text.hpp"

namespace kitgen::cli {
namespace {

using kit::Result;

constexpr std::string_view end_of_up = ".up.sql";

/// Two branches added a migration each.
kit::Error merged(const MigrationSet& set, const std::string& one, const std::string& other) {
  // A server's step is named with its folder.
  const std::string place = set.folder == "migrations/" ? "" : set.folder;
  return refusal(set.folder + " has two of one number, " + one + " and " + other +
                 ": two branches were merged, it seems.\nKeep the one that databases of others "
                 "have; give the other a new number: kitgen migrate renumber " +
                 place + other.substr(0, other.size() - end_of_up.size()) + "\n(or renumber " +
                 place + one.substr(0, one.size() - end_of_up.size()) + "). Where " +
                 set.snapshot_path +
                 " conflicts, keep the lines of both sides, the higher number of\n\"migration\" "
                 "made that of the last file; then run kitgen generate once more. ");
}

kit::Error lost(const MigrationSet& set, int number) {
  return refusal(set.folder + " has no number " + std::to_string(number) +
                 " (a file that ends with .up.sql), but goes on to " + std::to_string(set.last) +
                 ": a file was lost, or a branch is not merged yet.\nTake it from version control, "
                 "with its .down.sql: databases may have run it. ");
}

/// The other way on where all migrations of a set are gone.
std::string without(const MigrationSet& set) {
  if (set.folder == "migrations/") {
    return "Nothing holds real data yet: kitgen generate --recreate-migrations starts anew. ";
  }
  return "Without this kind of database from now on: remove " + set.snapshot_path + " too. ";
}

}  // namespace

std::string migration_stem(std::string_view folder, int number, const std::string& name) {
  std::string digits = std::to_string(number);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  return std::string(folder) + digits + "_" + name;
}

int migration_number(std::string_view file_name) {
  const std::size_t end = file_name.find('_');
  if (end == std::string_view::npos || !file_name.ends_with(".sql")) return 0;
  const auto number = kit::parse_int(file_name.substr(0, end));
  return number && *number > 0 && *number <= max_migration_number ? static_cast<int>(*number) : 0;
}

std::string statements_of(std::string_view sql) {
  std::string text;
  for (const std::string_view line : kit::split(sql, '\n')) {
    const std::string_view bare = kit::trim(line);
    if (bare.empty() || bare.starts_with("--")) continue;
    text += line;
    text += '\n';
  }
  return text;
}

kit::Error refusal(std::string text) {
  return kit::Error(kit::Code::failed_precondition, std::move(text) + "Nothing was written.\n");
}

Result<MigrationSet> find_migrations(const Root& root, std::string_view dialect, bool is_replaced) {
  MigrationSet set;
  set.folder = "migrations/" + (dialect.empty() ? "" : std::string(dialect) + "/");
  set.snapshot_path = evolve::snapshot_path(dialect);
  auto names = root.list(set.folder.substr(0, set.folder.size() - 1));
  if (!names) return std::move(names).error();
  std::map<int, std::string> first_of_number;
  for (const std::string& name : *names) {
    const int number = migration_number(name);
    set.last = std::max(set.last, number);
    if (number == 0 || !name.ends_with(end_of_up)) continue;
    const auto [known, is_first] = first_of_number.emplace(number, name);
    if (!is_first && !is_replaced) return merged(set, known->second, name);
    if (number == 1) set.first_file = set.folder + name;
  }
  for (int number = 1; number <= set.last && !is_replaced; ++number) {
    if (!first_of_number.contains(number)) return lost(set, number);
  }
  return set;
}

Result<std::optional<evolve::Snapshot>> read_snapshot(const Root& root, const MigrationSet& set) {
  auto text = root.read(set.snapshot_path);
  if (!text) return std::move(text).error();
  if (!*text) return std::optional<evolve::Snapshot>();
  if ((*text)->find("\n<<<<<<< ") != std::string::npos || (*text)->starts_with("<<<<<<< ")) {
    return refusal(set.snapshot_path +
                   ": it holds marks of a merge (<<<<<<<): keep the lines of both sides, and of "
                   "\"migration\" the number of the last file in " +
                   set.folder + ". ");
  }
  auto snapshot = evolve::Snapshot::parse(**text, set.snapshot_path);
  if (!snapshot) return std::move(snapshot).error();
  if (snapshot->migration > set.last) {
    return refusal(set.snapshot_path + " is that of migration " +
                   std::to_string(snapshot->migration) + ", but " + set.folder +
                   (set.last == 0 ? " has none" : " ends with number " + std::to_string(set.last)) +
                   "\nTake both from version control. " + (set.last == 0 ? without(set) : ""));
  }
  return std::optional(std::move(*snapshot));
}

}  // namespace kitgen::cli
