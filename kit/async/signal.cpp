// SPDX-License-Identifier: Apache-2.0
#include "kit/async/signal.hpp"

#include <utility>

namespace kit {

std::uint64_t Signal::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

Signal::Changed Signal::changed(std::uint64_t seen, Clock::time_point until) {
  return Changed(*this, seen, until);
}

void Signal::notify() {
  std::vector<std::shared_ptr<Waiter>> woken;
  {
    const std::lock_guard lock(mutex_);
    ++count_;
    woken.swap(waiters_);
  }
  for (auto& waiter : woken) {
    const LoopRemote loop = waiter->loop;
    Function<void()> wake = [waiter = std::move(waiter)] {
      if (waiter->operation != nullptr) waiter->operation->wake();
    };
    loop.post(std::move(wake));
  }
}

void Signal::Changed::start() {
  Loop& loop = Loop::current();
  {
    const std::lock_guard lock(signal_.mutex_);
    if (signal_.count_ != seen_) return succeed();
    waiter_ = std::make_shared<Waiter>();
    waiter_->loop = loop.remote();
    waiter_->operation = this;
    signal_.waiters_.push_back(waiter_);
  }
  if (until_ == Clock::time_point::max()) return;
  timer_.set_action([](void* self) { static_cast<Changed*>(self)->wake(); }, this);
  loop.start(timer_, until_);
}

void Signal::Changed::detach() {
  timer_.stop();
  if (waiter_ == nullptr) return;
  waiter_->operation = nullptr;
  {
    const std::lock_guard lock(signal_.mutex_);
    std::erase(signal_.waiters_, waiter_);
  }
  waiter_.reset();
}

void Signal::Changed::wake() {
  detach();
  succeed();
}

}  // namespace kit
