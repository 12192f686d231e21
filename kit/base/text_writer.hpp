// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace kit {

/// Appends many short pieces to a string. `out` has them, and may be looked at again, once the
/// writer is gone. Lifetime: `out` outlives the writer. Cost: for each piece a comparison and a
/// copy, where `std::string` calls a function.
class TextWriter {
 public:
  explicit TextWriter(std::string& out) : out_(out), at_(out.data() + out.size()), end_(at_) {}
  ~TextWriter() { out_.resize(size()); }
  TextWriter(const TextWriter&) = delete;
  TextWriter& operator=(const TextWriter&) = delete;

  std::size_t size() const { return static_cast<std::size_t>(at_ - out_.data()); }
  void append(std::string_view text) {
    char* to = room(text.size());
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    at_ = to + text.size();
  }
  void push_back(char c) {
    *room(1) = c;
    ++at_;
  }
  /// A place for up to `most` bytes; `advance_to` says how far it was used. Valid until the next
  /// call.
  char* room(std::size_t most) {
    if (static_cast<std::size_t>(end_ - at_) < most) grow(most);
    return at_;
  }
  void advance_to(char* end) { at_ = end; }

 private:
  /// Makes all of the string's memory usable; what is not used is cut off in the end.
  void grow(std::size_t most) {
    const std::size_t used = size();
    out_.resize_and_overwrite(std::max(used + most, out_.capacity()),
                              [](char*, std::size_t whole) { return whole; });
    at_ = out_.data() + used;
    end_ = out_.data() + out_.size();
  }

  std::string& out_;
  char* at_;
  char* end_;
};

}  // namespace kit
