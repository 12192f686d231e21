// SPDX-License-Identifier: Apache-2.0
#include "kit/testing/virtual_loop.hpp"

#include <utility>

#include "kit/async/live.hpp"

namespace kit::testing {

VirtualLoop::~VirtualLoop() {
  close_remotes();
  for (std::size_t i = 0; i < handlers_.size(); ++i) live_sockets.remove();
}

void VirtualLoop::add(int descriptor, ReadinessHandler& handler) {
  if (std::exchange(handlers_[descriptor], &handler) == nullptr) live_sockets.add();
}

void VirtualLoop::remove(int descriptor) {
  if (handlers_.erase(descriptor) != 0) live_sockets.remove();
  notified_.erase(descriptor);
}

void VirtualLoop::post(Function<void()> action) {
  std::lock_guard lock(mutex_);
  posted_.push_back(std::move(action));
}

void VirtualLoop::notify(int descriptor, Readiness readiness) {
  Readiness& merged = notified_[descriptor];
  merged.readable |= readiness.readable;
  merged.writable |= readiness.writable;
  merged.hung_up |= readiness.hung_up;
}

bool VirtualLoop::turn() {
  bool worked = false;
  auto notified = std::exchange(notified_, {});
  for (auto [descriptor, readiness] : notified) {
    auto entry = handlers_.find(descriptor);
    if (entry == handlers_.end()) continue;
    entry->second->on_readiness(readiness);
    worked = true;
  }
  if (next_timer() <= now_) {
    run_timers(now_);
    worked = true;
  }
  std::vector<Function<void()>> actions;
  {
    std::lock_guard lock(mutex_);
    actions.swap(posted_);
  }
  for (auto& action : actions) action();
  worked |= !actions.empty();
  if (has_ready()) {
    run_ready();
    worked = true;
  }
  return worked;
}

void VirtualLoop::run() {
  Running running(*this);
  while (!stopping_) {
    if (turn()) continue;
    if (next_timer() == Clock::time_point::max()) break;
    now_ = next_timer();
  }
  stopping_ = false;
}

void VirtualLoop::advance(Clock::duration duration) {
  Running running(*this);
  auto end = now_ + duration;
  while (true) {
    if (turn()) continue;
    if (next_timer() > end) break;
    now_ = next_timer();
  }
  now_ = end;
}

}  // namespace kit::testing
