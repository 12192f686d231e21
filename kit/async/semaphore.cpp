// SPDX-License-Identifier: Apache-2.0
#include "kit/async/semaphore.hpp"

#include "kit/base/assert.hpp"

namespace kit {

Semaphore::~Semaphore() {
  KIT_ASSERT(available_ == permits_, "a permit outlives its semaphore");
}

std::optional<Semaphore::Permit> Semaphore::try_acquire() {
  if (available_ == 0) return std::nullopt;
  --available_;
  return Permit(*this);
}

void Semaphore::give_back() {
  // Without a loop everything is being dropped, and nobody goes on.
  if (waiting_.empty() || Loop::current_or_null() == nullptr) {
    ++available_;
    return;
  }
  // Handed on without becoming free in between: nobody can step in front.
  waiting_.pop_front().succeed(Permit(*this));
}

void Semaphore::Acquire::start() {
  if (semaphore_.available_ > 0) {
    --semaphore_.available_;
    succeed(Permit(semaphore_));
  } else {
    semaphore_.waiting_.push_back(*this);
  }
}

}  // namespace kit
