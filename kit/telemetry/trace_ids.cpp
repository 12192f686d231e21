// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/trace_ids.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <bit>
#include <random>

namespace kit::telemetry {
namespace {

/// xoshiro256++ (Blackman and Vigna).
class Random {
 public:
  Random() {
    std::random_device device;
    for (std::uint64_t& word : state_) word = (std::uint64_t{device()} << 32) | device();
  }
  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

 private:
  std::uint64_t state_[4];
};

}  // namespace

std::uint64_t random_id() {
  thread_local Random random;
  const std::uint64_t id = random.next();
  return id != 0 ? id : 1;  // all zero means "none" to everybody
}

#if defined(__SSE2__)

/// Sixteen lower-case hex digits, all at once: a nibble a byte, then '0' + n, and 39 more above
/// nine.
void write_hex(std::uint64_t value, char* to) {
  const __m128i bytes = _mm_cvtsi64_si128(static_cast<long long>(std::byteswap(value)));
  const __m128i fifteen = _mm_set1_epi8(15);
  const __m128i above = _mm_and_si128(_mm_srli_epi16(bytes, 4), fifteen);
  const __m128i nibbles = _mm_unpacklo_epi8(above, _mm_and_si128(bytes, fifteen));
  const __m128i letters =
      _mm_and_si128(_mm_cmpgt_epi8(nibbles, _mm_set1_epi8(9)), _mm_set1_epi8(39));
  const __m128i digits = _mm_add_epi8(_mm_add_epi8(nibbles, _mm_set1_epi8('0')), letters);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), digits);
}

#else

void write_hex(std::uint64_t value, char* to) {
  for (int shift = 60; shift >= 0; shift -= 4) *to++ = "0123456789abcdef"[value >> shift & 15];
}

#endif

bool is_trace_id(std::string_view text) {
  bool zero = true;
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    zero &= c == '0';
  }
  return !zero;
}

}  // namespace kit::telemetry
