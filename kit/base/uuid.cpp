// SPDX-License-Identifier: Apache-2.0
#include "kit/base/uuid.hpp"

#include <sys/random.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "kit/base/assert.hpp"
#include "kit/base/percent.hpp"

namespace kit {
namespace {

void fill_random(std::uint8_t* to, std::size_t count) {
  while (count > 0) {
    ssize_t got = ::getrandom(to, count, 0);
    if (got < 0 && errno == EINTR) continue;
    KIT_ASSERT(got > 0, "getrandom failed");
    to += got;
    count -= static_cast<std::size_t>(got);
  }
}

std::uint64_t unix_milliseconds() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

/// The parts of the last version 7 of this thread: the random part is rand_a (12 bits) and rand_b
/// (62 bits).
struct LastUuid {
  std::uint64_t milliseconds = 0;
  std::uint16_t rand_a = 0;
  std::uint64_t rand_b = 0;
};

constexpr std::uint64_t rand_b_mask = (std::uint64_t{1} << 62) - 1;

void draw(LastUuid& state) {
  std::uint8_t random[10];
  fill_random(random, sizeof random);
  std::memcpy(&state.rand_b, random, 8);
  std::memcpy(&state.rand_a, random + 8, 2);
  state.rand_b &= rand_b_mask;
  state.rand_a &= 0x0FFF;
}

/// Within one millisecond, or when the clock went back: the random part grows by a random step (RFC
/// 9562, method 2), so that ids sort as made and stay hard to guess.
void step(LastUuid& state) {
  std::uint32_t amount = 0;
  fill_random(reinterpret_cast<std::uint8_t*>(&amount), sizeof amount);
  state.rand_b += std::uint64_t{amount} + 1;
  if (state.rand_b <= rand_b_mask) return;
  state.rand_b &= rand_b_mask;
  if (++state.rand_a <= 0x0FFF) return;
  state.rand_a = 0;
  ++state.milliseconds;
}

bool is_dash_position(std::size_t at) {
  return at == 8 || at == 13 || at == 18 || at == 23;
}

}  // namespace

Uuid Uuid::make_v7() {
  thread_local LastUuid last;
  if (std::uint64_t now = unix_milliseconds(); now > last.milliseconds) {
    last.milliseconds = now;
    draw(last);
  } else {
    step(last);
  }
  Uuid uuid;
  for (std::size_t i = 0; i < 6; ++i) {
    uuid.bytes[i] = static_cast<std::uint8_t>(last.milliseconds >> (40 - 8 * i));
  }
  uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | (last.rand_a >> 8));
  uuid.bytes[7] = static_cast<std::uint8_t>(last.rand_a);
  for (std::size_t i = 0; i < 8; ++i) {
    uuid.bytes[8 + i] = static_cast<std::uint8_t>(last.rand_b >> (56 - 8 * i));
  }
  uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | (uuid.bytes[8] & 0x3F));
  return uuid;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Uuid uuid;
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_dash_position(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    int value = hex_digit(text[i]);
    if (value < 0) return std::nullopt;
    auto& byte = uuid.bytes[nibble / 2];
    byte = static_cast<std::uint8_t>((byte << 4) | value);
    ++nibble;
  }
  return uuid;
}

std::string Uuid::to_string() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out(36, '-');
  std::size_t at = 0;
  for (std::uint8_t byte : bytes) {
    if (is_dash_position(at)) ++at;
    out[at++] = digits[byte >> 4];
    out[at++] = digits[byte & 15];
  }
  return out;
}

}  // namespace kit

std::size_t std::hash<kit::Uuid>::operator()(const kit::Uuid& uuid) const noexcept {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, uuid.bytes.data(), 8);
  std::memcpy(&low, uuid.bytes.data() + 8, 8);
  // Version 7 has little entropy in `high`: spread it before mixing (the odd constant is 2^64 /
  // golden ratio).
  return static_cast<std::size_t>((high * 0x9E3779B97F4A7C15ULL) ^ low);
}
