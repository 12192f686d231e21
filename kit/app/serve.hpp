// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "kit/app/database.hpp"
#include "kit/app/reload.hpp"
#include "kit/app/settings.hpp"
#include "kit/async/task.hpp"

namespace kit::app {

struct Application;  // kit/app/application.hpp

/// The whole life of a server: database, migrations, listening, import, readiness, and after a
/// signal the orderly end. SIGHUP reads the configuration again with `load`; `settings` has then
/// what could be taken over. Yields when it was asked to stop and everything was finished.
/// Lifetime: `application`, `settings` and `load` until it has ended.
Task<> serve(Application& application, LoadedSettings& settings, LoadAgain& load);

/// Opens the database and, with the setting migrate_on_start, brings it up to date; otherwise fails
/// with `failed_precondition` when steps are pending. `on_fatal`: see `SqliteOptions`.
Task<std::unique_ptr<OpenDatabase>> open_database(const Application& application,
                                                  const Settings& settings,
                                                  std::function<void(const Error&)> on_fatal = {});

/// The same for a command, which leaves the schema as it is.
Task<std::unique_ptr<OpenDatabase>> open_as_it_is(const Application& application,
                                                  Settings settings);

}  // namespace kit::app
