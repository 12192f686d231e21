// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kit/base/result.hpp"

namespace kit::sqlite {

struct BackupOptions {
  std::string from;  ///< The database; a program may have it open and write to it.
  std::string to;    ///< Must not exist.
  /// So much is copied at a time, and then the disk is left to others for `pause`.
  std::size_t pages_at_once = 256;
  std::chrono::milliseconds pause{1};
  /// How long it waits where another process has the lock.
  std::chrono::milliseconds busy_timeout{10'000};
  /// Called after each portion with what is done and the whole, in pages.
  std::function<void(std::int64_t, std::int64_t)> on_progress = {};
};

struct BackupReport {
  std::int64_t pages = 0;
  std::int64_t bytes = 0;
};

/// Copies a database in one state, that of the moment at which it begins: writers go on meanwhile,
/// and the log grows until it is done, because the copy reads from it. The copy is checked
/// (`check`), made durable and then appears under its name, whole or not at all. Fails with
/// `already_exists` (`to`, or a log of it, is there), `not_found` (`from`), `resource_exhausted`
/// (DISK_FULL), `data_loss` (the database is damaged), `unavailable`. Blocks.
Result<BackupReport> backup(const BackupOptions& options);

/// What is wrong with a database: nothing when it is sound.
struct CheckReport {
  std::vector<std::string> problems;  ///< At most 100 of each kind.
  std::int64_t pages = 0;
};

/// Reads all of it: `integrity_check`, and `foreign_key_check`. A program may have it open. Fails
/// with `not_found`, `data_loss` (is no database), `unavailable`. Blocks.
Result<CheckReport> check(const std::string& path);

}  // namespace kit::sqlite
