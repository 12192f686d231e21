// SPDX-License-Identifier: Apache-2.0
#include "kit/log/detail/repeats.hpp"

#include <bit>
#include <cstring>

namespace kit::log::detail {
namespace {

constexpr std::uint64_t mix(std::uint64_t value) {
  // The finish of splitmix64: https://prng.di.unimi.it/splitmix64.c
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EB;
  return value ^ (value >> 31U);
}

/// Never 0. Messages are the program's own: nobody chooses them so that they collide.
std::uint64_t key_of(const void* module, std::string_view message) {
  std::uint64_t hash = std::bit_cast<std::uintptr_t>(module) ^ message.size();
  while (message.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, message.data(), sizeof word);
    hash = mix((hash ^ word) * 0x9E3779B97F4A7C15);
    message.remove_prefix(sizeof word);
  }
  std::uint64_t rest = 0;
  if (!message.empty()) std::memcpy(&rest, message.data(), message.size());
  return mix((hash ^ rest) * 0x9E3779B97F4A7C15) | 1U;
}

constexpr std::uint64_t pack(std::uint32_t second, std::uint32_t count) {
  return std::uint64_t{second} << 32U | count;
}

}  // namespace

RepeatTable::Slot* RepeatTable::find(std::uint64_t key, std::uint32_t second) {
  for (std::size_t i = 0; i < probes; ++i) {
    if (Slot& slot = slots_[(key / 2 + i) % slots];
        slot.key.load(std::memory_order_relaxed) == key) {
      return &slot;
    }
  }
  for (std::size_t i = 0; i < probes; ++i) {
    Slot& slot = slots_[(key / 2 + i) % slots];
    std::uint64_t other = slot.key.load(std::memory_order_relaxed);
    const bool is_quiet = slot.state.load(std::memory_order_relaxed) >> 32U != second &&
                          slot.left_out.load(std::memory_order_relaxed) == 0;
    if (other != 0 && !is_quiet) continue;
    if (slot.key.compare_exchange_strong(other, key, std::memory_order_relaxed)) {
      slot.state.store(0, std::memory_order_relaxed);
      return &slot;
    }
    if (other == key) return &slot;
  }
  return nullptr;
}

RepeatTable::Decision RepeatTable::decide(const void* module, std::string_view message,
                                          std::int64_t second, std::uint32_t first,
                                          std::uint32_t one_in) {
  if (one_in <= 1) return {};
  const auto now = static_cast<std::uint32_t>(second);
  Slot* const slot = find(key_of(module, message), now);
  if (slot == nullptr) return {};
  std::uint64_t state = slot->state.load(std::memory_order_relaxed);
  std::uint32_t count = 0;
  do {
    const auto counted = static_cast<std::uint32_t>(state);
    count = state >> 32U == now ? counted + (counted < UINT32_MAX ? 1 : 0) : 1;
  } while (!slot->state.compare_exchange_weak(state, pack(now, count), std::memory_order_relaxed));
  if (count > first && (count - first) % one_in != 0) {
    slot->left_out.fetch_add(1, std::memory_order_relaxed);
    left_out_.fetch_add(1, std::memory_order_relaxed);
    return {.is_written = false};
  }
  if (slot->left_out.load(std::memory_order_relaxed) == 0) return {};
  return {.left_out = slot->left_out.exchange(0, std::memory_order_relaxed)};
}

}  // namespace kit::log::detail
