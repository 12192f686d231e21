// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kit/log/sink.hpp"

namespace kit::app {

/// Hands lines on, and keeps the last ones, so that a page can show those of a trace. Nothing is
/// done on the threads that log. Thread safety: any thread.
class RecentLines final : public log::Sink {
 public:
  /// Keeps between a half and all of `bytes`.
  explicit RecentLines(std::shared_ptr<log::Sink> inner, std::size_t bytes = std::size_t{4} << 20U);

  bool write(std::string_view lines) override;
  bool is_terminal() const override { return inner_->is_terminal(); }

  /// The lines that name `trace_id`, the oldest first, without colours and without their '\n'; the
  /// last `most` of them. Lines that were logged just now may be on their way: `log::flush` waits
  /// for them.
  std::vector<std::string> of_trace(std::string_view trace_id, std::size_t most = 500) const;

 private:
  const std::shared_ptr<log::Sink> inner_;
  const std::size_t half_;
  mutable std::mutex mutex_;
  std::string older_;
  std::string newer_;
};

}  // namespace kit::app
