// SPDX-License-Identifier: Apache-2.0
#include "kit/security/detail/token_cache.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "kit/base/assert.hpp"

namespace kit::security::detail {
namespace {

constexpr std::size_t hashed_bytes = 16;

std::uint64_t word_at(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Reads all of both, whatever they hold. Both have at least 32 bytes.
bool is_equal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  std::uint64_t difference[4] = {};
  std::size_t at = 0;
  for (; at + 32 <= a.size(); at += 32) {
    for (std::size_t i = 0; i < 4; ++i) {
      difference[i] |= word_at(a.data() + at + 8 * i) ^ word_at(b.data() + at + 8 * i);
    }
  }
  // The last 32 once more, for the rest.
  at = a.size() - 32;
  for (std::size_t i = 0; i < 4; ++i) {
    difference[i] |= word_at(a.data() + at + 8 * i) ^ word_at(b.data() + at + 8 * i);
  }
  return (difference[0] | difference[1] | difference[2] | difference[3]) == 0;
}

}  // namespace

void TokenCache::reset(std::size_t capacity) {
  entries_.clear();
  if (capacity == 0) return;
  const std::size_t sets = std::bit_ceil(std::max<std::size_t>(capacity, 2 * ways)) / ways;
  entries_.resize(sets * ways);
  shift_ = 64 - static_cast<unsigned>(std::countr_zero(sets));
  KIT_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(keys_), sizeof keys_) == 1,
             "the system has random bytes");
}

std::uint64_t TokenCache::hash_of(std::string_view token) const {
  // What stands at the end of a signature is as good as random in tokens that get in here, and the
  // keys keep those who make them from choosing a place.
  const char* const end = token.data() + token.size();
  std::uint64_t hash = (word_at(end - 8) ^ keys_[0]) * 0x9E3779B97F4A7C15ULL;
  hash = (std::rotl(hash, 31) ^ word_at(end - hashed_bytes) ^ keys_[1]) * 0xD6E8FEB86659FD93ULL;
  return hash ^ hash >> 32;
}

const std::shared_ptr<const Identity>* TokenCache::find(std::string_view token,
                                                        std::int64_t now) const {
  if (entries_.empty() || token.size() < 32) return nullptr;
  const std::uint64_t hash = hash_of(token);
  const Entry* const set = entries_.data() + first_of(hash);
  for (std::size_t i = 0; i < ways; ++i) {
    const Entry& entry = set[i];
    if (entry.hash != hash || entry.identity == nullptr || !is_equal(entry.token, token)) continue;
    return now < entry.good_until ? &entry.identity : nullptr;
  }
  return nullptr;
}

void TokenCache::put(std::string_view token, std::int64_t now, std::int64_t good_until,
                     std::shared_ptr<const Identity> identity) {
  if (entries_.empty() || token.size() < 32 || token.size() > max_cached_token_bytes) return;
  const std::uint64_t hash = hash_of(token);
  Entry* const set = entries_.data() + first_of(hash);
  Entry* place = std::find_if(set, set + ways, [&](const Entry& entry) {
    return entry.identity == nullptr || entry.good_until <= now ||
           (entry.hash == hash && entry.token == token);
  });
  if (place == set + ways) place = set + (victim_++ % ways);
  place->hash = hash;
  place->good_until = good_until;
  place->token = token;
  place->identity = std::move(identity);
}

std::size_t TokenCache::size() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      entries_, [](const Entry& entry) { return entry.identity != nullptr; }));
}

}  // namespace kit::security::detail
