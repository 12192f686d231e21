// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "kit/queue/queue.hpp"

namespace kit::tests {

/// A broker the suite is run on. Each has a file that defines `make`.
class Backend {
 public:
  virtual ~Backend() = default;
  static std::unique_ptr<Backend> make();

  /// How long an unacknowledged delivery is left alone.
  static constexpr std::chrono::milliseconds redeliver_after{2'000};

  virtual queue::Queue& queue() = 0;
  /// The broker has this topic from now on.
  virtual void create(const std::string&) {}
};

}  // namespace kit::tests
