// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstring>
#include <utility>

#include "kit/net/detail/tls_context.hpp"

namespace kit::net::detail {

bool TicketKeys::rotate(Clock::time_point now) {
  Key fresh;
  fresh.made = now;
  for (auto [bytes, size] : {std::pair{fresh.name.data(), fresh.name.size()},
                             std::pair{fresh.cipher.data(), fresh.cipher.size()},
                             std::pair{fresh.mac.data(), fresh.mac.size()}}) {
    if (RAND_bytes(bytes, static_cast<int>(size)) != 1) return false;
  }
  previous_ = current_;
  current_ = fresh;
  return true;
}

std::optional<TicketKeys::Key> TicketKeys::for_sealing(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if ((!current_ || now - current_->made >= rotation) && !rotate(now)) return std::nullopt;
  return current_;
}

std::optional<TicketKeys::Opening> TicketKeys::for_opening(const unsigned char* name,
                                                           Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (const std::optional<Key>* key : {&current_, &previous_}) {
    if (!*key || now - (*key)->made >= 2 * rotation) continue;
    if (CRYPTO_memcmp((*key)->name.data(), name, (*key)->name.size()) != 0) continue;
    return Opening{**key, key == &current_ && now - (*key)->made < rotation};
  }
  return std::nullopt;
}

void SessionCache::put(const std::string& server, Session session) {
  const std::lock_guard lock(mutex_);
  if (sessions_.size() >= most && !sessions_.contains(server)) sessions_.erase(sessions_.begin());
  sessions_[server] = std::move(session);
}

Session SessionCache::take(const std::string& server) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(server);
  if (found == sessions_.end()) return nullptr;
  Session session = std::move(found->second);
  sessions_.erase(found);
  return session;
}

std::size_t SessionCache::size() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

}  // namespace kit::net::detail
