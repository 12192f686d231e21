// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "kit/app/settings.hpp"
#include "kit/async/task.hpp"
#include "kit/db/database.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::app {

/// The database of a program, whichever it is. Thread safety: as `db::Database`; `health` any
/// thread.
class OpenDatabase {
 public:
  virtual ~OpenDatabase() = default;
  virtual db::Database& database() = 0;
  /// For readiness probes: why the database does not take work. Of a server it is what the last
  /// look of `watch` has found.
  virtual Result<> health() const = 0;
  /// Looks at a server once a second, on a connection of the loop's thread, and logs when it goes
  /// and comes. Ends only by cancellation.
  virtual Task<> watch() = 0;
  /// Its figures. Lifetime: this outlives `registry`.
  virtual void add_metrics(telemetry::Registry& registry) = 0;
};

/// Opens what `settings.url` names. `on_fatal`: see `sqlite::SqliteOptions`. Fails with
/// `invalid_argument` (a URL that can't be right), `unimplemented` (this program was built without
/// the client library; the message names the package), and as the adapters' `open`. Blocks: for the
/// start of a program.
Result<std::unique_ptr<OpenDatabase>> open_by_url(const Settings::Database& settings,
                                                  std::function<void(const Error&)> on_fatal = {});

}  // namespace kit::app
