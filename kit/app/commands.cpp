// SPDX-License-Identifier: Apache-2.0
#include "kit/app/commands.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "kit/adapters/sqlite/backup.hpp"
#include "kit/app/application.hpp"
#include "kit/app/caches.hpp"
#include "kit/app/command_line.hpp"
#include "kit/app/imports.hpp"
#include "kit/app/serve.hpp"
#include "kit/app/settings.hpp"
#include "kit/app/terminal.hpp"
#include "kit/base/text.hpp"
#include "kit/db/migrations.hpp"
#include "kit/record/row_caches.hpp"

namespace kit::app {
namespace {

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string step(std::uint32_t number, const std::string& name) {
  std::string digits = std::to_string(number);
  return std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') + digits + ' ' + name;
}

Result<std::optional<std::uint32_t>> number_argument(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2) return std::optional<std::uint32_t>();
  const auto number = parse_int(arguments[1]);
  if (!number || *number < 1 || *number > std::numeric_limits<std::uint32_t>::max()) {
    return Error(Code::invalid_argument, "'" + arguments[1] + "' is no number of steps");
  }
  return std::optional(static_cast<std::uint32_t>(*number));
}

db::MigrationOptions migration_options(const Settings& settings, const CommandLine& line,
                                       std::optional<std::uint32_t> number) {
  db::MigrationOptions options;
  options.to = number;
  options.allow_destructive = line.allow_destructive || settings.allow_destructive;
  options.lock_timeout = settings.migration_lock_timeout;
  options.table_wait = settings.migration_table_wait;
  options.on_wait = [] {
    std::fputs("waiting for another runner that writes to the database\n", stderr);
  };
  return options;
}

Task<> migrate_up(db::Migrator& migrator, db::MigrationOptions options) {
  const auto applied = co_await migrator.up(std::move(options));
  for (const db::MigrationStatus& done : applied)
    print("applied  " + step(done.number, done.name) + '\n');
  if (applied.empty()) print("nothing to apply: the schema is up to date\n");
}

Task<> migrate_down(db::Migrator& migrator, std::uint32_t steps, db::MigrationOptions options) {
  const auto undone = co_await migrator.down(steps, std::move(options));
  for (const db::MigrationStatus& done : undone)
    print("undone   " + step(done.number, done.name) + '\n');
  if (undone.empty()) print("nothing to undo\n");
}

/// Shown whatever the history says; what is wrong with it is the command's failure.
Task<> migrate_status(db::Migrator& migrator) {
  db::MigrationReport report = co_await migrator.report();
  for (const db::MigrationStatus& one : report.steps) {
    print(padded(one.applied_at ? "applied " + *one.applied_at : "pending", 36) +
          step(one.number, one.name) + (one.is_edited ? "  (edited since)" : "") + '\n');
    if (one.progress) {
      print("  half " + std::string(one.progress->is_down ? "undone: " : "applied: ") +
            std::to_string(one.progress->statements_done) + " of " +
            std::to_string(one.progress->statements) +
            " statements; migrate up goes on, migrate down undoes it\n");
    }
    if (one.failure)
      print("  failed at " + one.failure->failed_at + ": " + one.failure->error + '\n');
  }
  if (report.problem) co_await std::move(*report.problem);
}

void print_plan(std::span<const db::Migration> pending) {
  for (const db::Migration& one : pending)
    print("-- " + step(one.number, one.name) + '\n' + one.up + '\n');
  if (pending.empty()) print("-- nothing is pending\n");
}

Task<> migrate_plan(db::Migrator& migrator) {
  const std::vector<db::Migration> pending = co_await migrator.plan();
  print_plan(pending);
}

/// A server has its database, or says so itself.
bool has_database(const Settings& settings) {
  std::error_code ignored;
  return settings.database.is_server() ||
         std::filesystem::exists(settings.database.sqlite.path, ignored);
}

/// Where there is no database yet everything is pending; looking must not make one.
void describe_missing(const Application& application, const Settings& settings, bool plan) {
  print("-- there is no database " + settings.database.shown() + " yet\n");
  const auto steps = db::migrations_for(db::Dialect::sqlite, application.migrations);
  if (plan) return print_plan(steps);
  for (const db::Migration& one : steps)
    print(padded("pending", 36) + step(one.number, one.name) + '\n');
}

std::string result_line(const db::ImportReport& report) {
  std::string text = padded(report.target, 22);
  if (report.skipped) return text + "unchanged since it was imported\n";
  if (!report.problems.empty()) {
    return text + "REFUSED: " + std::to_string(report.problems.size()) +
           " bad rows, nothing was kept\n";
  }
  return text + padded(grouped(report.inserted) + " inserted", 18) +
         padded(grouped(report.updated) + " updated", 18) + grouped(report.unchanged) +
         " unchanged\n";
}

/// The value of --format.
Result<std::optional<db::RowFormat>> format_of(const CommandLine& line) {
  if (line.format.empty()) return std::optional<db::RowFormat>();
  const std::optional<db::RowFormat> format = db::row_format(line.format);
  if (!format)
    return Error(Code::invalid_argument, "--format is csv or xlsx, not '" + line.format + "'");
  KIT_TRY(db::check_available(*format));
  return format;
}

/// For commands that run as long as they have to, with nobody waiting for an answer.
Settings without_time_limits(const Settings& settings) {
  constexpr std::chrono::hours day{24};
  Settings patient = settings;
  patient.database.sqlite.snapshot_limit = day;
  patient.database.sqlite.statement_limit = day;
  return patient;
}

Task<> import_and_tell(db::Database& database, Service& service, const Settings& settings,
                       const CommandLine& line) {
  Terminal terminal(true);
  ImportRun run;
  run.directory = line.folder.empty() ? settings.import.directory : line.folder;
  run.names = line.arguments;
  run.format = co_await format_of(line);
  run.dry_run = line.dry_run;
  run.progress = [&terminal](const ImportProgress& progress) { terminal.progress(progress); };
  Task<ImportSummary> importing = import_files(database, service.imports(), std::move(run));
  Result<ImportSummary> imported = co_await as_result(std::move(importing));
  terminal.progress_done();
  const ImportSummary summary = co_await std::move(imported);
  for (std::size_t i = 0; i < summary.reports.size(); ++i) {
    print(result_line(summary.reports[i]));
    print(problems_text(summary.reports[i], summary.files[i]));
  }
  if (line.dry_run) print("dry run: nothing was kept\n");
  if (summary.refused() > 0)
    co_await Error(Code::failed_precondition,
                   "the import was refused; nothing of the file was kept");
}

}  // namespace

Result<> refuse_missing_database(const Application& application, const Settings& settings) {
  if (has_database(settings)) return {};
  return Error(Code::not_found, "there is no database " + settings.database.shown() +
                                    " (the setting database.path); `" +
                                    std::string(application.name) + " migrate up` would make it");
}

Task<> migrate_command(const Application& application, const Settings& settings,
                       const CommandLine& line) {
  const std::vector<std::string>& arguments = line.arguments;
  constexpr std::array<std::string_view, 4> verbs{"up", "down", "status", "plan"};
  const std::string verb = arguments.empty() ? "status" : arguments.front();
  if (std::ranges::find(verbs, verb) == verbs.end()) {
    std::string text =
        "migrate takes up, down, status or plan, not '" + verb + "'" + did_you_mean(verb, verbs);
    co_await Error(Code::invalid_argument, std::move(text));
  }
  const std::optional<std::uint32_t> number = co_await number_argument(arguments);
  if ((verb == "status" || verb == "plan") && !has_database(settings)) {
    describe_missing(application, settings, verb == "plan");
    co_return;
  }
  if (verb == "down") co_await refuse_missing_database(application, settings);
  const std::unique_ptr<OpenDatabase> opened = co_await open_by_url(settings.database);
  db::Migrator migrator(opened->database(), application.migrations);
  if (verb == "up") {
    db::MigrationOptions options = migration_options(settings, line, number);
    co_await migrate_up(migrator, std::move(options));
  } else if (verb == "down") {
    db::MigrationOptions options = migration_options(settings, line, std::nullopt);
    co_await migrate_down(migrator, number.value_or(1), std::move(options));
  } else if (verb == "status") {
    co_await migrate_status(migrator);
  } else {
    co_await migrate_plan(migrator);
  }
}

Task<> import_command(Application& application, const Settings& settings, const CommandLine& line) {
  const Settings patient = without_time_limits(settings);
  // Before the database is opened: a URL may be wrong.
  const OpenCache cache = co_await open_cache(settings.cache, application.name);
  const std::unique_ptr<OpenDatabase> opened = co_await open_database(application, patient);
  const std::unique_ptr<Service> service = application.make_service(opened->database());
  record::RowCaches* const caches = service->row_caches();
  db::Database& database = caches != nullptr ? caches->database() : opened->database();
  Task<> importing = import_and_tell(database, *service, settings, line);
  Task<> told = announcing(caches, shared_cache(application, cache), std::move(importing));
  co_await std::move(told);
}

Task<> export_command(Application& application, const Settings& settings, const CommandLine& line) {
  if (line.folder.empty())
    co_await Error(Code::invalid_argument, "export needs --dir DIR, the folder to write into");
  const std::optional<db::RowFormat> given = co_await format_of(line);
  co_await refuse_missing_database(application, settings);
  Settings patient = without_time_limits(settings);
  patient.migrate_on_start = false;
  const std::unique_ptr<OpenDatabase> opened = co_await open_database(application, patient);
  db::Database& database = opened->database();
  std::unique_ptr<Service> service = application.make_service(database);
  Function<void(std::string_view, std::int64_t)> say = [](std::string_view file,
                                                          std::int64_t rows) {
    print(padded(std::string(file), 26) + grouped(rows) + " rows\n");
  };
  const db::RowFormat format = given.value_or(db::RowFormat::csv);
  Task<std::int64_t> writing = export_files(database, service->imports(), line.folder,
                                            line.arguments, format, std::move(say));
  co_await std::move(writing);
}

Task<> db_command(const Settings& settings, const CommandLine& line) {
  const std::vector<std::string>& arguments = line.arguments;
  const std::string verb = arguments.empty() ? "" : arguments.front();
  if (settings.database.is_server()) {
    co_await Error(Code::invalid_argument,
                   "db is for a file of SQLite; " + settings.database.shown() +
                       " is a server's, which has tools of its own (pg_dump, mariadb-dump)");
  }
  const std::string& path = settings.database.sqlite.path;
  if (verb == "check" && arguments.size() == 1) {
    const sqlite::CheckReport report = co_await sqlite::check(path);
    for (const std::string& problem : report.problems) print(problem + '\n');
    if (!report.problems.empty())
      co_await Error(Code::data_loss, path + " is damaged; bring a backup back");
    print(path + " is sound: " + grouped(report.pages) + " pages, and all references\n");
    co_return;
  }
  if (verb != "backup" || arguments.size() != 2) {
    co_await Error(Code::invalid_argument,
                   "db takes check, or backup and the file to write: db backup copy.db");
  }
  sqlite::BackupOptions options;
  options.from = path;
  options.to = arguments[1];
  // Nobody else waits for this process.
  const sqlite::BackupReport report = co_await sqlite::backup(options);
  print("copied into " + options.to + " (" + grouped(report.bytes) + " bytes, checked)\n");
}

}  // namespace kit::app
