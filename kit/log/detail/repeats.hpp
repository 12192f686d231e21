// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kit::log::detail {

/// How often the same line was asked for lately, to leave out most of what repeats. Texts that
/// find no place are written: nothing is ever left out for another one's sake. Thread safety: any
/// thread, without a lock.
class RepeatTable {
 public:
  struct Decision {
    bool is_written = true;
    std::uint64_t left_out = 0;  ///< Lines of this text since the last one that was written.
  };

  /// Of the lines of one text in one second the first `first` are written, and then one in
  /// `one_in`.
  Decision decide(const void* module, std::string_view message, std::int64_t second,
                  std::uint32_t first, std::uint32_t one_in);
  /// In all.
  std::uint64_t left_out() const { return left_out_.load(std::memory_order_relaxed); }

  static constexpr std::size_t slots = 1'024;
  static constexpr std::size_t probes = 4;

 private:
  struct Slot {
    std::atomic<std::uint64_t> key{0};    // 0: free
    std::atomic<std::uint64_t> state{0};  // the second, then how many there were in it
    std::atomic<std::uint64_t> left_out{0};
  };
  Slot* find(std::uint64_t key, std::uint32_t second);

  std::array<Slot, slots> slots_;
  std::atomic<std::uint64_t> left_out_{0};
};

}  // namespace kit::log::detail
