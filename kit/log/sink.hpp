// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"

namespace kit::log {

/// Where lines go. Called by one thread at a time.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Takes whole lines, each ending in '\n'. False when they could not be written: they count as
  /// lost.
  virtual bool write(std::string_view lines) = 0;
  virtual bool is_terminal() const { return false; }
};

/// Writes to a file descriptor that somebody else owns; waits when it is full.
std::shared_ptr<Sink> fd_sink(int fd);
/// Appends to a file, made with mode 0640 when missing. Fails when it cannot be opened.
Result<std::shared_ptr<Sink>> file_sink(const std::string& path);

enum class Format : std::uint8_t {
  automatic,  ///< console when the sink is a terminal, otherwise json
  json,       ///< one JSON object a line
  console,    ///< for people; coloured when the sink is a terminal
};

struct Options {
  Format format = Format::automatic;
  std::shared_ptr<Sink> sink;  ///< standard error when null
};

/// Writes what is queued, then uses another sink and format. Without a call: standard error,
/// automatic.
void configure(const Options& options);

/// Waits until every line logged before the call, by any thread that is done logging it, has
/// reached the sink.
void flush();

/// Lines lost since the start, for the metrics.
std::uint64_t lost_lines();

/// From now on a crash (SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL) first lets queued lines reach the
/// sink, for at most 500 ms, then goes the way it would have gone. At exit lines are always
/// flushed.
void flush_on_crash();

}  // namespace kit::log
