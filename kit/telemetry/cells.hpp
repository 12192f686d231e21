// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "kit/base/thread_shard.hpp"

namespace kit::telemetry::detail {

/// Numbers that many threads add to. Each shard has a page of its own for the numbers of many
/// metrics, so that a number costs 8 bytes for each thread that counts, and not a cache line.
class Cells {
 public:
  /// Of one owner, in a page.
  static constexpr std::size_t most = 512;

  explicit Cells(std::size_t count);
  ~Cells();
  Cells(const Cells&) = delete;
  Cells& operator=(const Cells&) = delete;

  void add(std::size_t index, std::uint64_t amount) {
    const std::size_t shard = kit::detail::current_shard();
    kit::detail::add_in_shard(own(shard)[index], shard, amount);
  }
  /// Two at once.
  void add(std::size_t index, std::uint64_t amount, std::size_t other, std::uint64_t other_amount) {
    const std::size_t shard = kit::detail::current_shard();
    std::atomic<std::uint64_t>* const cells = own(shard);
    kit::detail::add_in_shard(cells[index], shard, amount);
    kit::detail::add_in_shard(cells[other], shard, other_amount);
  }
  /// Of all threads, until about now.
  std::uint64_t sum(std::size_t index) const;

 private:
  std::atomic<std::uint64_t>* own(std::size_t shard) const { return first_ + shard * most; }

  std::atomic<std::uint64_t>* first_;  // in the page of shard 0; the others' follow page by page
  std::size_t count_;
};

}  // namespace kit::telemetry::detail
