// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/base/time.hpp"

namespace kit::http {
class Router;
}

namespace kit::app {

/// How far an import is.
struct ImportProgress {
  std::string file;
  std::size_t number = 0, files = 0;  ///< This is file `number` of `files`.
  std::int64_t rows = 0;              ///< Of all files so far.
  int percent = 0;                    ///< Of this file.
};

/// What the process is doing: what probes and the start page tell. Thread safety: any thread.
class Status {
 public:
  /// `database_health` is asked by every readiness probe.
  explicit Status(std::function<Result<>()> database_health)
      : database_health_(std::move(database_health)) {}

  void import_progress(ImportProgress progress);
  /// The data is in; `problem` says why not, when it is not.
  void import_finished(std::string problem);
  void draining() { draining_.store(true); }

  bool started() const { return started_.load(); }
  bool is_draining() const { return draining_.load(); }
  std::optional<ImportProgress> importing() const;
  /// Why the import on start failed, or empty.
  std::string import_problem() const;
  std::string database_problem() const;
  bool ready() const;
  /// "starting", "ready", "draining" or "unhealthy".
  std::string_view name() const;
  /// For people: what stands in the way of being ready; empty when nothing does.
  std::string detail() const;
  Clock::duration uptime() const { return Clock::now() - begun_; }

 private:
  std::function<Result<>()> database_health_;
  Clock::time_point begun_ = Clock::now();
  std::atomic<bool> started_{false};
  std::atomic<bool> draining_{false};
  mutable std::mutex mutex_;  // guards the two below
  std::optional<ImportProgress> progress_;
  std::string import_problem_;
};

/// The probes of Kubernetes: /healthz (alive: always 200), /readyz (200 while requests should be
/// sent here) and /startupz (200 once started). Lifetime: `status` outlives the router.
Result<> add_probes(http::Router& router, const Status& status);

}  // namespace kit::app
