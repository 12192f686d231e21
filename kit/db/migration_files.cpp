// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <system_error>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/db/migrations.hpp"
#include "kit/db/script.hpp"

namespace kit::db {
namespace {

constexpr std::size_t largest_script = 16 * 1024 * 1024;

Error bad(const std::string& message) {
  return Error(Code::invalid_argument, message).with_reason("MIGRATIONS_INVALID");
}

struct FileName {
  std::uint32_t number = 0;
  std::string name;
  bool up = false;
};

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

/// "0001_create_store.up.sql".
Result<FileName> parse_name(std::string_view file) {
  FileName parsed;
  std::string_view rest = file;
  parsed.up = rest.ends_with(".up.sql");
  if (!parsed.up && !rest.ends_with(".down.sql")) {
    return bad(std::string(file) + ": a migration's name ends with .up.sql or .down.sql");
  }
  rest.remove_suffix(parsed.up ? 7 : 9);
  auto underscore = rest.find('_');
  auto number = parse_int(rest.substr(0, underscore));
  if (underscore == rest.npos || underscore < 4 || !number || *number < 1 || *number > 999'999 ||
      !is_name(rest.substr(underscore + 1))) {
    return bad(std::string(file) + ": a migration's name is like 0001_create_customer.up.sql");
  }
  parsed.number = static_cast<std::uint32_t>(*number);
  parsed.name = rest.substr(underscore + 1);
  return parsed;
}

/// "postgresql" of "migrations/postgresql/0001_create_store.up.sql".
std::string_view dialect_of(std::string_view path) {
  const auto end = path.rfind('/');
  if (end == path.npos) return "sqlite";
  const std::string_view folders = path.substr(0, end);
  const std::string_view folder = folders.substr(folders.rfind('/') + 1);
  return folder == "postgresql" || folder == "mysql" ? folder : "sqlite";
}

Result<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::error_code failure;
  auto size = std::filesystem::file_size(path, failure);
  if (!in || failure) return Error(Code::unavailable, "can't read " + path.string());
  if (size > largest_script) return bad(path.filename().string() + " is larger than 16 MiB");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// The scripts of one folder; `dialect`: whose they are.
Result<std::vector<Migration>> read_folder(const std::string& folder, const std::string& dialect) {
  std::error_code failure;
  std::filesystem::directory_iterator entries(folder, failure);
  if (failure) {
    return Error(Code::not_found, "can't read the folder " + folder + ": " + failure.message());
  }
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& entry : entries) {
    std::string name = entry.path().filename().string();
    if (name.starts_with('.') || !name.ends_with(".sql")) continue;
    auto text = read_file(entry.path());
    if (!text) return std::move(text).error();
    texts.emplace_back(std::move(name), std::move(text).value());
  }
  std::sort(texts.begin(), texts.end());
  std::vector<MigrationFile> files;
  const std::string start = dialect.empty() ? "" : dialect + "/";
  for (auto& [name, text] : texts) name.insert(0, start);
  for (const auto& [name, text] : texts) files.push_back({name, text});
  return read_migrations(files);
}

}  // namespace

Result<std::vector<Migration>> read_migrations(std::span<const MigrationFile> files) {
  std::map<std::pair<std::string_view, std::uint32_t>, Migration> found;
  for (const auto& [path, text] : files) {
    std::string_view file = path.substr(path.rfind('/') + 1);
    auto parsed = parse_name(file);
    if (!parsed) return std::move(parsed).error();
    const std::string_view dialect = dialect_of(path);
    Migration& migration = found[{dialect, parsed->number}];
    if (migration.name.empty()) {
      migration.dialect = dialect;
      migration.number = parsed->number;
      migration.name = parsed->name;
    }
    std::string& other_file = parsed->up ? migration.up_file : migration.down_file;
    if (migration.name != parsed->name || !other_file.empty()) {
      const std::string& other =
          migration.up_file.empty() ? migration.down_file : migration.up_file;
      return bad("number " + std::to_string(parsed->number) + " is used twice: " + other + " and " +
                 std::string(file) +
                 "; when two branches wrote one each, the step that no database has yet gets the "
                 "next free number: kitgen migrate renumber " +
                 std::string(file));
    }
    other_file = file;
    (parsed->up ? migration.up : migration.down) = text;
  }
  std::vector<Migration> migrations;
  for (auto& [key, migration] : found) {
    if (migration.up_file.empty()) {
      return bad(migration.down_file + " has no .up.sql that it undoes");
    }
    migrations.push_back(std::move(migration));
  }
  for (const std::string_view dialect : {"sqlite", "postgresql", "mysql"}) {
    std::vector<Migration> own;
    std::ranges::copy_if(migrations, std::back_inserter(own),
                         [&](const Migration& each) { return each.dialect == dialect; });
    KIT_TRY(check_migrations(own));
  }
  return migrations;
}

std::vector<Migration> migrations_for(Dialect dialect, std::span<const Migration> migrations) {
  const std::string_view known = name(dialect);
  const bool has_own =
      std::ranges::find(migrations, known, &Migration::dialect) != migrations.end();
  const std::string_view wanted = has_own ? known : "";
  std::vector<Migration> own;
  std::ranges::copy_if(migrations, std::back_inserter(own),
                       [&](const Migration& each) { return each.dialect == wanted; });
  return own;
}

Result<std::vector<Migration>> read_migrations(const std::string& folder) {
  std::filesystem::path path(folder);
  if (!path.has_filename()) path = path.parent_path();  // "migrations/mysql/"
  const std::string last = path.filename().string();
  return read_folder(folder, dialect_of(last + "/") == last ? last : "");
}

Result<std::vector<Migration>> read_migrations(const std::string& folder, Dialect dialect) {
  if (dialect == Dialect::sqlite) return read_folder(folder, "");
  const std::string own(name(dialect));
  const std::filesystem::path path(folder);
  const bool is_it = (path.has_filename() ? path : path.parent_path()).filename() == own;
  const std::filesystem::path wanted = is_it ? path : path / own;
  std::error_code failure;
  if (std::filesystem::is_directory(wanted, failure)) return read_folder(wanted.string(), own);
  return Error(Code::not_found, "there are no migrations for " + own + " (no folder " +
                                    wanted.string() + "): kitgen generate --add-database " + own +
                                    " makes them")
      .with_reason("MIGRATIONS_MISSING");
}

Result<> check_migrations(std::span<const Migration> migrations) {
  std::uint32_t expected = 1;
  for (const auto& migration : migrations) {
    std::string shown = migration.up_file.empty()
                            ? std::to_string(migration.number) + "_" + migration.name
                            : migration.up_file;
    if (migration.number != expected) {
      return bad(migration.number < expected ? shown + ": this number comes twice or out of order"
                                             : shown + ": number " + std::to_string(expected) +
                                                   " is missing before it: bring its file back, or "
                                                   "renumber this one when no database has it yet");
    }
    if (migration.name.empty()) return bad(shown + ": a migration needs a name");
    auto statements = split_script(migration.up);
    if (!statements) return bad(shown + ": " + statements.error().message());
    if (statements->empty()) return bad(shown + ": no statement in it");
    if (auto down = split_script(migration.down); !down) {
      return bad(migration.down_file + ": " + down.error().message());
    }
    ++expected;
  }
  return {};
}

}  // namespace kit::db
