// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kit/log/sink.hpp"

namespace kit::log {

/// While it lives lines go here instead of standard error. For tests.
class Capture {
 public:
  explicit Capture(Format format = Format::json);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  /// Every line logged so far, without the '\n'.
  std::vector<std::string> lines() const;
  /// Whether a line contains `text`.
  bool contains(std::string_view text) const;

 private:
  class Buffer;
  std::shared_ptr<Buffer> buffer_;
  Options before_;
};

}  // namespace kit::log
