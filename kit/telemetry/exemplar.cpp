// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/exemplar.hpp"

#include <time.h>

#include <span>

namespace kit::telemetry {
namespace {

/// 16 digits of lower-case hex as the number they are; nothing for anything else.
std::optional<std::uint64_t> parse_hex(std::span<const char, 16> digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    value = value << 4U | static_cast<std::uint64_t>(digit);
  }
  return value;
}

void write_hex(std::span<char, 16> to, std::uint64_t value) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 0xF];
  }
}

}  // namespace

/// A sequence lock: `version` is odd while the rest is written, and another one after it.
struct alignas(64) Exemplars::Slot {
  std::atomic<std::uint64_t> version{0};
  std::atomic<std::uint64_t> trace_high{0};
  std::atomic<std::uint64_t> trace_low{0};
  std::atomic<std::uint64_t> span{0};
  std::atomic<std::uint64_t> value{0};
  std::atomic<std::int64_t> at_us{0};
};

Exemplars::~Exemplars() {
  delete[] slots_.load(std::memory_order_relaxed);
}

Exemplars::Slot* Exemplars::slots() {
  Slot* known = slots_.load(std::memory_order_acquire);
  if (known != nullptr) return known;
  auto made = std::make_unique<Slot[]>(places_);
  if (slots_.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) {
    return made.release();
  }
  return known;
}

void Exemplars::offer(std::size_t place, std::uint64_t value, const LogContext& context,
                      Timestamp now) {
  const std::int64_t now_us = now.since_epoch.count();
  const std::int64_t next = next_us_.load(std::memory_order_relaxed);
  constexpr std::int64_t interval = std::chrono::microseconds(ExemplarPolicy::interval).count();
  constexpr std::int64_t kept = std::chrono::microseconds(ExemplarPolicy::kept).count();
  // A clock that was set back must not shut the door for longer than the interval.
  if (now_us < next && next - now_us <= interval) return;
  Slot& slot = slots()[place];
  std::uint64_t version = slot.version.load(std::memory_order_acquire);
  const std::int64_t age = now_us - slot.at_us.load(std::memory_order_relaxed);
  if (version % 2 != 0 || (version != 0 && age >= 0 && age < kept)) return;
  const std::span ids(context.trace_id);
  const auto high = parse_hex(ids.first<16>());
  const auto low = parse_hex(ids.last<16>());
  const auto span = parse_hex(context.span_id);
  if (!high || !low || !span) return;
  // Whoever is a moment late lets the other one have the place.
  if (!slot.version.compare_exchange_strong(version, version + 1, std::memory_order_acquire)) {
    return;
  }
  // With release each, so that a reader who sees one of them sees the odd version too.
  slot.trace_high.store(*high, std::memory_order_release);
  slot.trace_low.store(*low, std::memory_order_release);
  slot.span.store(*span, std::memory_order_release);
  slot.value.store(value, std::memory_order_release);
  slot.at_us.store(now_us, std::memory_order_release);
  slot.version.store(version + 2, std::memory_order_release);
  next_us_.store(now_us + interval, std::memory_order_relaxed);
}

std::optional<Exemplar> Exemplars::at(std::size_t place) const {
  const Slot* const slots = slots_.load(std::memory_order_acquire);
  if (slots == nullptr) return std::nullopt;
  const Slot& slot = slots[place];
  const std::uint64_t version = slot.version.load(std::memory_order_acquire);
  if (version == 0 || version % 2 != 0) return std::nullopt;
  Exemplar exemplar;
  const std::span ids(exemplar.trace_id);
  write_hex(ids.first<16>(), slot.trace_high.load(std::memory_order_acquire));
  write_hex(ids.last<16>(), slot.trace_low.load(std::memory_order_acquire));
  write_hex(exemplar.span_id, slot.span.load(std::memory_order_acquire));
  exemplar.value = slot.value.load(std::memory_order_acquire);
  exemplar.at.since_epoch = std::chrono::microseconds{slot.at_us.load(std::memory_order_acquire)};
  if (slot.version.load(std::memory_order_relaxed) != version) return std::nullopt;
  return exemplar;
}

namespace detail {

Timestamp coarse_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return Timestamp{
      std::chrono::microseconds(std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000)};
}

}  // namespace detail
}  // namespace kit::telemetry
