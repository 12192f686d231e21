// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace kit::log::detail {

/// A queue of lines from one thread to the writer; neither ever waits for the other.
/// A record is a header and its bytes, both on 8-byte steps and in one piece: where it would not
/// fit before the end of the buffer a header without bytes says "go on at the start".
class Ring {
 public:
  static constexpr std::size_t capacity = std::size_t{256} * 1024;
  static constexpr std::size_t max_line = capacity / 4;

  struct Line {
    std::int64_t time;  // for putting the lines of several threads in order
    std::string_view text;
  };

  Ring();

  // The thread's side.

  /// False, and the line counts as lost, when there is no room.
  bool push(std::int64_t time, std::string_view text);
  bool is_half_full();
  void close() { closed_.store(true, std::memory_order_release); }

  // The writer's side.

  /// How far the thread has come, for `front`.
  std::uint64_t head() const { return head_.load(std::memory_order_acquire); }
  /// The oldest line, unless it was queued after `until`; valid until `pop`.
  std::optional<Line> front(std::uint64_t until);
  void pop();
  bool is_empty() const;
  bool is_closed() const { return closed_.load(std::memory_order_acquire); }
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  struct Header {
    std::uint64_t size;  // of the text; wrap_mark: nothing more before the end
    std::int64_t time;
  };
  static constexpr std::uint64_t wrap_mark = ~std::uint64_t{0};
  static std::size_t record_size(std::size_t text_size);
  std::byte* place(std::uint64_t at) { return buffer_.get() + at % capacity; }
  Header header_at(std::uint64_t at);

  std::unique_ptr<std::byte[]> buffer_;
  // Positions only grow. Each side's own line of the cache.
  alignas(64) std::atomic<std::uint64_t> head_{0};  // written by the thread
  std::uint64_t tail_seen_ = 0;                     // the thread's memory of tail_
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<bool> closed_{false};
  alignas(64) std::atomic<std::uint64_t> tail_{0};  // written by the writer
};

}  // namespace kit::log::detail
