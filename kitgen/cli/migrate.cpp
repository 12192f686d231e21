// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <utility>

#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/db/migrations.hpp"
#include "kitgen/cli/command.hpp"

namespace kitgen::cli {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;
using kit::Task;

/// A database and its migrations, for the length of one command.
struct Session {
  std::unique_ptr<kit::Loop> loop;
  std::unique_ptr<kit::sqlite::SqliteDatabase> database;
  std::vector<kit::db::Migration> migrations;
};

Result<Session> open(const MigrateArguments& arguments, bool may_create) {
  Session session;
  auto migrations = kit::db::read_migrations(arguments.migrations);
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
  if (!may_create && !std::filesystem::exists(arguments.database)) {
    return Error(Code::not_found,
                 "there is no database " + arguments.database + "; kitgen migrate up makes it");
  }
  session.migrations = std::move(*migrations);
  auto loop = kit::make_epoll_loop();
  if (!loop) return std::move(loop).error();
  session.loop = std::move(*loop);
  kit::sqlite::SqliteOptions options;
  options.path = arguments.database;
  auto database = kit::sqlite::open(options);
  if (!database) return std::move(database).error();
  session.database = std::move(*database);
  return session;
}

std::string line(const kit::db::MigrationStatus& status) {
  std::string number = std::to_string(status.number);
  if (number.size() < 4) number.insert(0, 4 - number.size(), '0');
  return "  " + number + " " + status.name + "  " +
         (status.applied_at ? "applied " + *status.applied_at : std::string("waits")) +
         (status.is_edited ? ", edited since" : "") + "\n";
}

/// Runs one command; `work` prints what it did.
template <class Work>
int with_migrator(const MigrateArguments& arguments, bool may_create, Work work) {
  auto session = open(arguments, may_create);
  if (!session) return fail(session.error());
  kit::db::Migrator migrator(*session->database, session->migrations);
  Task<std::string> task = work(migrator);
  Result<std::string> text = kit::run(*session->loop, std::move(task));
  if (!text) return fail(text.error());
  print(*text);
  return ok;
}

/// The table, even when the history does not fit; `problem` is what is wrong then.
Task<std::string> status_text(kit::db::Migrator& migrator, std::optional<Error>& problem) {
  std::string text;
  std::size_t waiting = 0;
  kit::db::MigrationReport report = co_await migrator.report();
  for (const auto& each : report.steps) {
    text += line(each);
    if (!each.applied_at) ++waiting;
  }
  if (report.problem) {
    problem = std::move(report.problem);
  } else {
    text += waiting == 0 ? "The database is up to date.\n"
                         : std::to_string(waiting) + " to apply: kitgen migrate up\n";
  }
  co_return text;
}

Task<std::string> plan_text(kit::db::Migrator& migrator) {
  std::string text;
  const std::vector<kit::db::Migration> waiting = co_await migrator.plan();
  for (const auto& each : waiting) text += "-- " + each.up_file + "\n" + each.up + "\n";
  if (waiting.empty()) text = "-- Nothing to do: the database is up to date.\n";
  co_return text;
}

Task<std::string> up_text(kit::db::Migrator& migrator, std::optional<std::uint32_t> to) {
  std::string text;
  const std::vector<kit::db::MigrationStatus> applied = co_await migrator.up(to);
  for (const auto& each : applied) text += line(each);
  if (applied.empty()) text = "Nothing to do: the database is up to date.\n";
  co_return text;
}

Task<std::string> down_text(kit::db::Migrator& migrator, std::uint32_t steps) {
  std::string text;
  const std::vector<kit::db::MigrationStatus> undone = co_await migrator.down(steps);
  for (const auto& each : undone) text += "  undone: " + each.name + "\n";
  if (undone.empty()) text = "Nothing to undo: no migration was applied.\n";
  co_return text;
}

}  // namespace

int migrate_plan(const MigrateArguments& arguments) {
  if (!std::filesystem::exists(arguments.database)) {
    // Everything waits; a plan makes no file.
    auto all = kit::db::read_migrations(arguments.migrations);
    if (!all) return fail(all.error());
    for (const auto& each : *all) print("-- " + each.up_file + "\n" + each.up + "\n");
    return ok;
  }
  return with_migrator(arguments, false, [](auto& migrator) { return plan_text(migrator); });
}

int migrate_up(const MigrateArguments& arguments) {
  std::optional<std::uint32_t> to;
  if (arguments.to > 0) to = static_cast<std::uint32_t>(arguments.to);
  return with_migrator(arguments, true, [&](auto& migrator) { return up_text(migrator, to); });
}

int migrate_down(const MigrateArguments& arguments) {
  const auto steps = static_cast<std::uint32_t>(arguments.steps);
  return with_migrator(arguments, false,
                       [&](auto& migrator) { return down_text(migrator, steps); });
}

int migrate_status(const MigrateArguments& arguments) {
  std::optional<Error> problem;
  const int code = with_migrator(arguments, false,
                                 [&](auto& migrator) { return status_text(migrator, problem); });
  return problem ? fail(*problem) : code;
}

}  // namespace kitgen::cli
