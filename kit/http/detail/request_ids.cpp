// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/request_ids.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <bit>
#include <cstdint>
#include <cstring>
#include <random>

#include "kit/http/detail/chars.hpp"

namespace kit::http::detail {
namespace {

/// xoshiro256++ (Blackman and Vigna): unique, not secret.
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
    return result | 1;  // all zero means "none" to everybody
  }

 private:
  std::uint64_t state_[4];
};

#if defined(__SSE2__)

/// Sixteen lower-case hex digits, all at once: a nibble a byte, then '0' + n, and 39 more above
/// nine.
void hex16(std::uint64_t value, char* to) {
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

void hex16(std::uint64_t value, char* to) {
  for (int shift = 60; shift >= 0; shift -= 4) *to++ = "0123456789abcdef"[value >> shift & 15];
}

#endif

bool is_id(std::string_view text) {
  bool zero = true;
  for (char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    zero &= c == '0';
  }
  return !zero;
}

bool is_flags(std::string_view text) {
  return hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0 && lower(text[0]) == text[0] &&
         lower(text[1]) == text[1];
}

/// The trace id (or nothing) of "00-<32 hex>-<16 hex>-<2 hex>"; later versions may have more
/// behind.
std::string_view trace_id_of(std::string_view header) {
  if (header.size() < 55 || header[2] != '-' || header[35] != '-' || header[52] != '-') return {};
  const std::string_view version = header.substr(0, 2);
  if (!is_flags(version) || version == "ff") return {};
  if (header.size() > 55 && (version == "00" || header[55] != '-')) return {};
  if (!is_id(header.substr(3, 32)) || !is_id(header.substr(36, 16))) return {};
  if (!is_flags(header.substr(53, 2))) return {};
  return header.substr(3, 32);
}

}  // namespace

bool is_safe_request_id(std::string_view id) {
  return id.size() <= 128 && all_of_class(id, char_safe_id);
}

void identify(LogContext& log, std::string_view trace_parent, std::string_view request_id) {
  thread_local Random random;
  const std::string_view trace =
      trace_parent.empty() ? std::string_view() : trace_id_of(trace_parent);
  if (!trace.empty()) {
    trace.copy(log.trace_id.data(), 32);
  } else {
    hex16(random.next(), log.trace_id.data());
    hex16(random.next(), log.trace_id.data() + 16);
  }
  hex16(random.next(), log.span_id.data());
  log.request_id = is_safe_request_id(request_id)
                       ? request_id
                       : std::string_view(log.span_id.data(), log.span_id.size());
}

}  // namespace kit::http::detail
