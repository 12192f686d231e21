// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>

#include "kit/async/signal.hpp"
#include "kit/base/error.hpp"
#include "kit/base/time.hpp"

namespace kit::kafka::detail {

/// How many messages and bytes are under way, what became of the last ones, and who waits for
/// that. Thread safety: any thread.
class Room {
 public:
  Room(std::size_t messages, std::size_t bytes) : most_messages_(messages), most_bytes_(bytes) {}

  /// False when there is no room now. One message may reach over the bytes, so that any fits.
  bool take(std::size_t bytes);
  /// The brokers have confirmed a message.
  void confirm(std::size_t bytes);
  /// They have not, or it did not go to them.
  void refuse(std::size_t bytes);
  /// Something failed that is of no single message.
  void note(Error error);

  std::size_t pending() const;
  std::uint64_t confirmed() const;
  std::uint64_t refused() const;
  /// Whether something is under way and nothing was confirmed for so long.
  bool is_stalled(Clock::duration limit) const;
  std::optional<Error> last_error() const;

  Signal& changed() { return changed_; }

 private:
  void give_back(std::size_t bytes);

  const std::size_t most_messages_;
  const std::size_t most_bytes_;
  Signal changed_;
  mutable std::mutex mutex_;
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t confirmed_ = 0;
  std::uint64_t refused_ = 0;
  Clock::time_point progress_{};  // the last confirmation, or when the first was under way
  std::optional<Error> last_error_;
};

}  // namespace kit::kafka::detail
