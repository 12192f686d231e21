// SPDX-License-Identifier: Apache-2.0
// kitgen db: copies of a database of SQLite, and whether it is sound.
#include "kitgen/cli/db_command.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "kit/adapters/sqlite/backup.hpp"
#include "kit/base/text.hpp"
#include "kitgen/cli/command.hpp"
#include "kitgen/cli/migrate_database.hpp"
#include "kitgen/cli/parser.hpp"

namespace kitgen::cli {
namespace {

constexpr std::string_view db_names[] = {"backup", "check", "restore"};

/// How far a copy is, on a terminal.
class Progress {
 public:
  void show(std::int64_t done, std::int64_t all) {
    const auto percent = static_cast<int>(all == 0 ? 100 : done * 100 / all);
    if (!is_shown_ || percent == last_) return;
    last_ = percent;
    std::fprintf(stderr, "\r%3d %%", percent);
    if (percent == 100) std::fputs("\r     \r", stderr);
  }

 private:
  bool is_shown_ = ::isatty(STDERR_FILENO) != 0;
  int last_ = -1;
};

int refuse_server(std::string_view address) {
  const bool is_postgres = dialect_of(address) == kit::db::Dialect::postgresql;
  return fail(kit::Error(kit::Code::invalid_argument,
                         "kitgen db is for files of SQLite; a server has tools of its own: " +
                             std::string(is_postgres ? "pg_dump and pg_restore, pg_amcheck"
                                                     : "mariadb-dump and mariadb, mariadb-check")));
}

int copy_file(const std::string& from, const std::string& to, const std::string& said) {
  kit::sqlite::BackupOptions options;
  options.from = from;
  options.to = to;
  Progress progress;
  options.on_progress = [&progress](std::int64_t done, std::int64_t all) {
    progress.show(done, all);
  };
  const auto report = kit::sqlite::backup(options);
  if (!report) return fail(report.error());
  print(said + to + " (" + std::to_string(report->bytes) + " bytes, checked)\n");
  return ok;
}

int check_file(const std::string& path) {
  const auto report = kit::sqlite::check(path);
  if (!report) return fail(report.error());
  for (const std::string& problem : report->problems) print(path + ": " + problem + "\n");
  if (report->problems.empty()) {
    print(path + " is sound: " + std::to_string(report->pages) + " pages and all references\n");
    return ok;
  }
  print_error("kitgen: " + path +
              " is damaged: bring a backup back into a new file, kitgen db restore BACKUP "
              "--database NEW\n");
  return failed;
}

}  // namespace

int run_db(std::vector<std::string> words) {
  Parser parser("db");
  std::string verb;
  std::string file;
  std::string database;
  parser.positional("verb", verb);
  parser.positional("file", file);
  parser.option("--database", database, "shop.db");
  if (const auto code = parser.parse(std::move(words))) return *code;
  if (std::ranges::find(db_names, verb) == std::end(db_names)) {
    return usage_error(
        "db takes backup, check or restore" +
            (verb.empty() ? std::string()
                          : ", not '" + verb + "'" + kit::did_you_mean(verb, db_names)),
        "db");
  }
  if (database.empty()) return usage_error("which database? --database shop.db", "db");
  if (verb == "check" && !file.empty())
    return usage_error("'" + file + "' is one word too many", "db");
  if (verb != "check" && file.empty())
    return usage_error("db " + verb + " needs the file of the backup", "db");
  for (const std::string& address : {database, file}) {
    if (dialect_of(address) != kit::db::Dialect::sqlite) return refuse_server(address);
  }
  if (verb == "backup") return copy_file(database, file, "copied into ");
  if (verb == "restore") return copy_file(file, database, "restored as ");
  return check_file(database);
}

}  // namespace kitgen::cli
