// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/security/identity.hpp"

namespace kit::security::detail {

/// Longer tokens are verified each time.
inline constexpr std::size_t max_cached_token_bytes = 4096;

/// Tokens that were verified, of one thread. A place is chosen by a hash with a random key of the
/// signature's end, and a token is compared as a whole, in a time that does not depend on where it
/// differs. Thread safety: one thread at a time.
class TokenCache {
 public:
  /// Empty, with room for that many (a power of two, at least 4); 0: keeps nothing.
  void reset(std::size_t capacity);
  /// Null: unknown, or its time is over at `now` (microseconds since 1970). Lifetime: until the
  /// next call.
  const std::shared_ptr<const Identity>* find(std::string_view token, std::int64_t now) const;
  /// In the place of one that has expired, or else of any.
  void put(std::string_view token, std::int64_t now, std::int64_t good_until,
           std::shared_ptr<const Identity> identity);
  std::size_t size() const;

 private:
  static constexpr std::size_t ways = 4;
  struct Entry {
    std::uint64_t hash = 0;
    std::int64_t good_until = 0;
    std::string token;
    std::shared_ptr<const Identity> identity;
  };
  std::uint64_t hash_of(std::string_view token) const;
  std::size_t first_of(std::uint64_t hash) const { return hash >> shift_ << 2; }

  std::vector<Entry> entries_;
  unsigned shift_ = 63;  // of a hash, so that the number of a set is left
  std::uint64_t keys_[2] = {};
  std::size_t victim_ = 0;
};

}  // namespace kit::security::detail
