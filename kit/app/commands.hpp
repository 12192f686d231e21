// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kit/app/application.hpp"
#include "kit/app/command_line.hpp"
#include "kit/app/settings.hpp"

namespace kit::app {

// The commands beside `serve`. They speak on standard output; errors come back for `run` to print.

/// up [to], down [steps], status, plan.
Task<> migrate_command(const Application& application, const Settings& settings,
                       const CommandLine& line);
Task<> import_command(Application& application, const Settings& settings, const CommandLine& line);
Task<> export_command(Application& application, const Settings& settings, const CommandLine& line);

}  // namespace kit::app
