// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/db/migrations.hpp"
#include "kitgen/cli/command.hpp"
#include "kitgen/cli/migrate_database.hpp"
#include "kitgen/cli/migrate_plan.hpp"

namespace kitgen::cli {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;
using kit::Task;

/// A database and its migrations, for the length of one command.
struct Session {
  std::unique_ptr<kit::Loop> loop;
  std::unique_ptr<kit::db::Database> database;
  std::vector<kit::db::Migration> migrations;
};

Result<Session> open(const MigrateArguments& arguments, bool may_create) {
  Session session;
  auto migrations = kit::db::read_migrations(arguments.migrations, dialect_of(arguments.database));
  if (!migrations) return std::move(migrations).error();
  if (migrations->empty()) {
    return Error(Code::not_found, arguments.migrations +
                                      " holds no migrations (files like 0001_name.up.sql); "
                                      "kitgen generate writes the first one");
  }
  const auto last = static_cast<int>(migrations->back().number);
  if (arguments.to > last) {
    return Error(Code::not_found, "there is no migration " + std::to_string(arguments.to) +
                                      "; the last one is number " + std::to_string(last));
  }
  session.migrations = std::move(*migrations);
  auto loop = kit::make_epoll_loop();
  if (!loop) return std::move(loop).error();
  session.loop = std::move(*loop);
  auto database = open_database(arguments.database, may_create);
  if (!database) return std::move(database).error();
  session.database = std::move(*database);
  return session;
}

std::string failure_text(const kit::db::MigrationFailure& failure) {
  const std::string left = failure.statements_done == 0
                               ? "nothing of that is left"
                               : "its first " + std::to_string(failure.statements_done) +
                                     " statements stay: mend it, and up goes on behind them";
  std::string text = "       " + std::string(failure.is_down ? "undoing it" : "it") +
                     " failed at " + failure.failed_at + ", and " + left + "\n";
  // The error begins with its place.
  text += "       " + failure.error + "\n";
  if (!failure.statement.empty()) text += "       in: " + failure.statement + "\n";
  return text;
}

std::string progress_text(const kit::db::MigrationProgress& progress) {
  return "       " + std::string(progress.is_down ? "undoing it" : "it") +
         " was interrupted: " + std::to_string(progress.statements_done) + " of " +
         std::to_string(progress.statements) + " statements are in the database; up goes on" +
         (progress.is_down ? "" : ", down undoes them") + "\n";
}

std::string line(const kit::db::MigrationStatus& status) {
  std::string number = std::to_string(status.number);
  if (number.size() < 4) number.insert(0, 4 - number.size(), '0');
  return "  " + number + " " + status.name + "  " +
         (status.applied_at ? "applied " + *status.applied_at : std::string("waits")) +
         (status.is_edited ? ", edited since" : "") + "\n" +
         (status.progress ? progress_text(*status.progress) : "") +
         (status.failure ? failure_text(*status.failure) : "");
}

kit::db::MigrationOptions options_of(const MigrateArguments& arguments) {
  kit::db::MigrationOptions options;
  if (arguments.to > 0) options.to = static_cast<std::uint32_t>(arguments.to);
  options.allow_destructive = arguments.allow_destructive;
  options.lock_timeout = arguments.lock_timeout;
  options.table_wait = arguments.table_wait;
  options.on_wait = [] { print_error("waiting for another runner that writes to the database"); };
  return options;
}

/// Runs one command; `work` prints what it did.
template <class Work>
int with_migrator(const MigrateArguments& arguments, bool may_create, Work work) {
  auto session = open(arguments, may_create);
  if (!session) return fail(session.error());
  kit::db::Migrator migrator(*session->database, session->migrations);
  Task<std::string> task = work(migrator, *session->database);
  Result<std::string> text = kit::run(*session->loop, std::move(task));
  if (!text) return fail(text.error());
  print(*text);
  return ok;
}

/// What `status` found, for people and for the exit code.
struct StatusText {
  std::string table;
  std::optional<Error> problem;  ///< Of the history.
  bool has_failed = false;       ///< The last try of some step.
};

/// The table, even when the history does not fit.
Task<std::string> status_text(kit::db::Migrator& migrator, StatusText& status) {
  std::size_t waiting = 0;
  kit::db::MigrationReport report = co_await migrator.report();
  for (const auto& each : report.steps) {
    status.table += line(each);
    if (!each.applied_at) ++waiting;
    status.has_failed = status.has_failed || each.failure.has_value();
  }
  if (report.problem) {
    status.problem = std::move(report.problem);
  } else {
    status.table += waiting == 0 ? "The database is up to date.\n"
                                 : std::to_string(waiting) + " to apply: kitgen migrate up\n";
  }
  co_return status.table;
}

Task<std::string> plan_text(kit::db::Migrator& migrator, kit::db::Database& database, bool json) {
  const std::vector<kit::db::Migration> waiting = co_await migrator.plan();
  const std::vector<kit::db::StepPlan> steps = co_await kit::db::plan_steps(database, waiting);
  co_return json ? plan_as_json(steps) : plan_as_text(steps);
}

Task<std::string> up_text(kit::db::Migrator& migrator, kit::db::MigrationOptions options) {
  std::string text;
  const std::vector<kit::db::MigrationStatus> applied = co_await migrator.up(std::move(options));
  for (const auto& each : applied) text += line(each);
  if (applied.empty()) text = "Nothing to do: the database is up to date.\n";
  co_return text;
}

Task<std::string> down_text(kit::db::Migrator& migrator, std::uint32_t steps,
                            kit::db::MigrationOptions options) {
  std::string text;
  const std::vector<kit::db::MigrationStatus> undone =
      co_await migrator.down(steps, std::move(options));
  for (const auto& each : undone) text += "  undone: " + each.name + "\n";
  if (undone.empty()) text = "Nothing to undo: no migration was applied.\n";
  co_return text;
}

}  // namespace

int migrate_plan(const MigrateArguments& arguments) {
  const bool is_file = dialect_of(arguments.database) == kit::db::Dialect::sqlite;
  if (is_file && !std::filesystem::exists(arguments.database)) {
    // Everything waits; a plan makes no file.
    auto all = kit::db::read_migrations(arguments.migrations);
    if (!all) return fail(all.error());
    auto steps = kit::db::plan_steps(*all);
    if (!steps) return fail(steps.error());
    print(arguments.json ? plan_as_json(*steps) : plan_as_text(*steps));
    return ok;
  }
  return with_migrator(arguments, false, [&](auto& migrator, auto& database) {
    return plan_text(migrator, database, arguments.json);
  });
}

int migrate_up(const MigrateArguments& arguments) {
  return with_migrator(arguments, true, [&](auto& migrator, auto&) {
    return up_text(migrator, options_of(arguments));
  });
}

int migrate_down(const MigrateArguments& arguments) {
  const auto steps = static_cast<std::uint32_t>(arguments.steps);
  return with_migrator(arguments, false, [&](auto& migrator, auto&) {
    return down_text(migrator, steps, options_of(arguments));
  });
}

int migrate_status(const MigrateArguments& arguments) {
  StatusText status;
  const int code = with_migrator(
      arguments, false, [&](auto& migrator, auto&) { return status_text(migrator, status); });
  if (status.problem) return fail(*status.problem);
  return status.has_failed ? failed : code;
}

}  // namespace kitgen::cli
