// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kit/log/detail/render.hpp"
#include "kit/log/detail/ring.hpp"
#include "kit/log/sink.hpp"

namespace kit::log::detail {

/// The queues, the sink and the thread between them. One per process, made by the first line, never
/// destroyed: lines of static destructors find it too.
class Backend {
 public:
  static Backend& instance();

  /// True when the queue of this thread is gone already: what runs now are destructors of
  /// thread-local objects.
  static bool thread_is_ending();
  Style style() const { return style_.load(std::memory_order_relaxed); }
  void submit(std::int64_t time_us, std::string_view line);

  /// Gives the options that were in force.
  Options configure(const Options& options);
  void flush();
  /// Async-signal-safe: asks the writer for a flush and waits for it, but not for ever.
  void flush_from_signal();
  std::uint64_t lost_lines() const;
  /// A level holds for a while only: the writer sees to it that it ends.
  void levels_changed();

 private:
  Backend();
  friend struct ThreadRing;
  std::shared_ptr<Ring> add_ring();
  void survive_forks();
  void stop();
  void run();
  bool drain();
  bool collect();
  void write_batch(std::size_t lines);
  void report_losses();
  void forget_closed_rings();
  bool rings_empty();
  void sleep(int idle_rounds);
  int until_next_expiry();
  void wake();
  void submit_directly(std::string_view line);
  void apply(const Options& options);

  mutable std::mutex rings_mutex_;
  std::vector<std::shared_ptr<Ring>> rings_;
  std::uint64_t lost_in_closed_ = 0;  // under rings_mutex_

  std::mutex sink_mutex_;
  Options options_;
  std::shared_ptr<Sink> sink_;
  std::string batch_;
  struct Source {
    std::shared_ptr<Ring> ring;
    std::uint64_t until;
  };
  std::vector<Source> sources_;
  std::uint64_t lost_reported_ = 0;
  std::atomic<Style> style_{Style::json};

  std::atomic<std::uint64_t> lost_at_sink_{0};
  std::atomic<std::uint64_t> flushes_wanted_{0};
  std::atomic<std::uint64_t> flushes_done_{0};
  std::mutex flush_mutex_;
  std::condition_variable flush_done_;

  int wake_fd_ = -1;
  std::atomic<bool> asleep_{false};
  std::atomic<bool> woken_{false};
  std::atomic<bool> has_expiries_{false};
  std::atomic<bool> stopped_{false};
  bool writer_is_gone_ = false;  // in a forked child
  std::thread writer_;
};

}  // namespace kit::log::detail
