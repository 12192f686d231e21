// SPDX-License-Identifier: Apache-2.0
// When the writer's thread writes the log back into the database.
#include "kit/adapters/sqlite/detail/writer.hpp"

namespace kit::sqlite::detail {

/// Writes the log back when it is long, between two groups.
void Writer::maintain(std::unique_lock<std::mutex>& lock) {
  auto bytes = connection_->log_bytes();
  if (bytes < checkpoint_at_) return;
  const bool complete = write_back(lock, bytes >= options_.truncate_log_bytes);
  // What a reader still needs stays in the log: try again when there is much more of it.
  checkpoint_at_ =
      complete ? options_.checkpoint_log_bytes : bytes + options_.checkpoint_log_bytes / 4;
}

/// Nobody writes: a log that is short costs readers nothing, and the disk no more than it holds.
void Writer::tidy(std::unique_lock<std::mutex>& lock) {
  tidy_at_ = Clock::time_point::max();
  if (fatal_ || corrupt_) return;
  const bool complete = write_back(lock, true);
  const bool is_quiet = tidy_at_ == Clock::time_point::max();
  if (!complete && is_quiet) tidy_at_ = Clock::now() + 10 * options_.idle_checkpoint;
}

bool Writer::write_back(std::unique_lock<std::mutex>& lock, bool truncate) {
  phase_ = Phase::opening;
  lock.unlock();
  int code = 0;
  auto written = connection_->checkpoint(truncate, code);
  lock.lock();
  phase_ = Phase::idle;
  ++stats_.checkpoints;
  if (!written) note_locked(code, written.error());
  const bool complete = written.ok() && *written;
  if (complete && truncate) stats_.log_bytes = 0;
  if (written.ok() && !complete) tell_held(lock);
  return complete;
}

/// Somebody reads from the log.
void Writer::tell_held(std::unique_lock<std::mutex>& lock) {
  ++stats_.held_logs;
  const auto now = Clock::now();
  const std::uint64_t bytes = connection_->log_bytes();
  if (!options_.on_log_held || bytes < options_.truncate_log_bytes || now < warn_at_) return;
  warn_at_ = now + options_.log_warning_pause;
  phase_ = Phase::opening;
  lock.unlock();
  options_.on_log_held(bytes);
  lock.lock();
  phase_ = Phase::idle;
}

}  // namespace kit::sqlite::detail
