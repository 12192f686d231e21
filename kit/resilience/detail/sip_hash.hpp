// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kit::resilience::detail {

/// The key of a hash that nobody outside can foretell.
struct HashKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  /// From the system's generator.
  static HashKey random();
};

/// SipHash (Aumasson and Bernstein): who does not know the key cannot find two texts of one hash,
/// nor one that meets somebody else's. 1 and 3 rounds, as hash tables of several languages have it;
/// 2 and 4 are its published form, which the tests compare with. One
/// text, or several parts.
template <int BlockRounds = 1, int FinalRounds = 3>
class SipHash {
 public:
  explicit SipHash(const HashKey& key)
      : v0_(key.low ^ 0x736f6d6570736575ULL),
        v1_(key.high ^ 0x646f72616e646f6dULL),
        v2_(key.low ^ 0x6c7967656e657261ULL),
        v3_(key.high ^ 0x7465646279746573ULL) {}

  /// The whole text, in the published form.
  void add(std::string_view bytes) {
    const std::uint64_t size = bytes.size();
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) block(word(bytes.data(), 8));
    block(word(bytes.data(), bytes.size()) | ((size & 0xFF) << 56));
  }
  /// One of several parts: "ab" "c" is not "a" "bc", whatever bytes they have.
  void add_part(std::string_view bytes) {
    block(bytes.size());
    add(bytes);
  }

  std::uint64_t finish() {
    v2_ ^= 0xFF;
    for (int i = 0; i < FinalRounds; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  static std::uint64_t word(const char* from, std::size_t size) {
    std::uint64_t value = 0;
    if (size > 0) std::memcpy(&value, from, size);
    if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
    return value;
  }
  void block(std::uint64_t value) {
    v3_ ^= value;
    for (int i = 0; i < BlockRounds; ++i) round();
    v0_ ^= value;
  }
  void round() {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
};

}  // namespace kit::resilience::detail
