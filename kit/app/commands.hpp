// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kit/async/task.hpp"
#include "kit/base/result.hpp"

namespace kit::app {

struct Application;  // kit/app/application.hpp
struct CommandLine;  // kit/app/command_line.hpp
struct Settings;     // kit/app/settings.hpp

/// For commands that use what is there: a mistyped path must not become an empty database.
Result<> refuse_missing_database(const Application& application, const Settings& settings);

// The commands beside `serve`. They speak on standard output; errors come back for `run` to print.

/// up [to], down [steps], status, plan.
Task<> migrate_command(const Application& application, const Settings& settings,
                       const CommandLine& line);
Task<> import_command(Application& application, const Settings& settings, const CommandLine& line);
/// list, run NAME.
Task<> jobs_command(Application& application, const Settings& settings, const CommandLine& line);
/// disable, enable, end-sessions USER; keys list USER, create USER [SCOPE ...], revoke ID.
Task<> credentials_command(Application& application, const Settings& settings,
                           const CommandLine& line);
Task<> export_command(Application& application, const Settings& settings, const CommandLine& line);
/// `db backup FILE` and `db check`, of SQLite, while other processes use the database.
Task<> db_command(const Settings& settings, const CommandLine& line);

}  // namespace kit::app
