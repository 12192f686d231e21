// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/room.hpp"

#include <utility>

namespace kit::kafka::detail {

bool Room::take(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (messages_ >= most_messages_ || bytes_ >= most_bytes_) return false;
  if (messages_ == 0) progress_ = Clock::now();
  ++messages_;
  bytes_ += bytes;
  return true;
}

void Room::confirm(std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    ++confirmed_;
    progress_ = Clock::now();
    last_error_.reset();
  }
  give_back(bytes);
}

void Room::refuse(std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    ++refused_;
  }
  give_back(bytes);
}

void Room::give_back(std::size_t bytes) {
  bool tells = false;
  {
    const std::lock_guard lock(mutex_);
    // Who waits for room, and who waits for the end.
    tells = messages_ >= most_messages_ || bytes_ >= most_bytes_ || messages_ == 1;
    --messages_;
    bytes_ -= bytes;
  }
  if (tells) changed_.notify();
}

void Room::note(Error error) {
  const std::lock_guard lock(mutex_);
  last_error_ = std::move(error);
}

std::size_t Room::pending() const {
  const std::lock_guard lock(mutex_);
  return messages_;
}

std::uint64_t Room::confirmed() const {
  const std::lock_guard lock(mutex_);
  return confirmed_;
}

std::uint64_t Room::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

bool Room::is_stalled(Clock::duration limit) const {
  const std::lock_guard lock(mutex_);
  return messages_ > 0 && Clock::now() - progress_ >= limit;
}

std::optional<Error> Room::last_error() const {
  const std::lock_guard lock(mutex_);
  if (!last_error_) return std::nullopt;
  return last_error_->clone();
}

}  // namespace kit::kafka::detail
