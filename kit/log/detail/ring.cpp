// SPDX-License-Identifier: Apache-2.0
#include "kit/log/detail/ring.hpp"

#include <cstring>

namespace kit::log::detail {

// A header always fits before the end: positions and the capacity are multiples of its size.
static_assert(Ring::capacity % 16 == 0);

Ring::Ring() : buffer_(std::make_unique_for_overwrite<std::byte[]>(capacity)) {}

std::size_t Ring::record_size(std::size_t text_size) {
  return (sizeof(Header) + text_size + 15) / 16 * 16;
}

bool Ring::push(std::int64_t time, std::string_view text) {
  const std::size_t size = record_size(text.size());
  const std::uint64_t head = head_.load(std::memory_order_relaxed);
  const std::size_t before_end = capacity - head % capacity;
  const std::size_t skipped = size > before_end ? before_end : 0;
  if (text.size() > max_line || head + skipped + size - tail_seen_ > capacity) {
    tail_seen_ = tail_.load(std::memory_order_acquire);
    if (text.size() > max_line || head + skipped + size - tail_seen_ > capacity) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  }
  if (skipped > 0) {
    Header wrap{wrap_mark, 0};
    std::memcpy(place(head), &wrap, sizeof wrap);
  }
  Header header{text.size(), time};
  std::byte* const to = place(head + skipped);
  std::memcpy(to, &header, sizeof header);
  std::memcpy(to + sizeof header, text.data(), text.size());
  // Sequentially consistent, against the writer's "I am asleep": one of the two sees the other.
  head_.store(head + skipped + size, std::memory_order_seq_cst);
  return true;
}

bool Ring::is_half_full() {
  const std::uint64_t head = head_.load(std::memory_order_relaxed);
  if (head - tail_seen_ <= capacity / 2) return false;
  tail_seen_ = tail_.load(std::memory_order_acquire);
  return head - tail_seen_ > capacity / 2;
}

Ring::Header Ring::header_at(std::uint64_t at) {
  Header header{};
  std::memcpy(&header, place(at), sizeof header);
  return header;
}

bool Ring::is_empty() const {
  return head_.load(std::memory_order_seq_cst) == tail_.load(std::memory_order_relaxed);
}

std::optional<Ring::Line> Ring::front(std::uint64_t until) {
  std::uint64_t tail = tail_.load(std::memory_order_relaxed);
  if (until == tail) return std::nullopt;
  Header header = header_at(tail);
  if (header.size == wrap_mark) {
    // The thread publishes the mark together with the record behind it.
    tail += capacity - tail % capacity;
    tail_.store(tail, std::memory_order_release);
    header = header_at(tail);
  }
  const auto* text = reinterpret_cast<const char*>(place(tail) + sizeof header);
  return Line{header.time, {text, header.size}};
}

void Ring::pop() {
  const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
  tail_.store(tail + record_size(header_at(tail).size), std::memory_order_release);
}

}  // namespace kit::log::detail
