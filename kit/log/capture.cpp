// SPDX-License-Identifier: Apache-2.0
#include "kit/log/capture.hpp"

#include <mutex>

#include "kit/base/text.hpp"
#include "kit/log/detail/backend.hpp"

namespace kit::log {

class Capture::Buffer final : public Sink {
 public:
  bool write(std::string_view lines) override {
    std::lock_guard lock(mutex_);
    text_.append(lines);
    return true;
  }
  std::string text() const {
    std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

Capture::Capture(Format format)
    : buffer_(std::make_shared<Buffer>()),
      before_(detail::Backend::instance().configure({format, buffer_})) {}

Capture::~Capture() {
  configure(before_);
}

std::vector<std::string> Capture::lines() const {
  flush();
  std::vector<std::string> out;
  std::string text = buffer_->text();
  if (text.empty()) return out;
  text.pop_back();
  for (std::string_view line : split(text, '\n')) out.emplace_back(line);
  return out;
}

bool Capture::contains(std::string_view text) const {
  flush();
  return buffer_->text().find(text) != std::string::npos;
}

}  // namespace kit::log
