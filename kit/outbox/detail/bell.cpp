// SPDX-License-Identifier: Apache-2.0
#include "kit/outbox/detail/bell.hpp"

#include <utility>
#include <vector>

namespace kit::outbox::detail {
namespace {

struct Bells {
  std::mutex mutex;
  std::vector<std::weak_ptr<Bell>> all;
};

Bells& bells() {
  static Bells* const only = new Bells;  // threads may ring it while the process ends
  return *only;
}

}  // namespace

void Bell::ring() {
  LoopRemote loop;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(rung_, true)) return;
    loop = waiter_loop_;
  }
  (void)loop.post([self = shared_from_this()] { self->arrive(); });
}

void Bell::arrive() {
  if (waiting_ == nullptr) return;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(rung_, false)) return;
  }
  Wait* const wait = std::exchange(waiting_, nullptr);
  wait->timer_.stop();
  wait->succeed();
}

void Bell::Wait::start() {
  {
    const std::lock_guard lock(bell_.mutex_);
    if (std::exchange(bell_.rung_, false)) return succeed();
    bell_.waiter_loop_ = Loop::current().remote();
  }
  bell_.waiting_ = this;
  timer_.set_action(
      [](void* argument) {
        auto* const self = static_cast<Wait*>(argument);
        self->bell_.waiting_ = nullptr;
        self->succeed();
      },
      this);
  Loop::current().start(timer_, Loop::current().now() + limit_);
}

void Bell::Wait::detach() {
  timer_.stop();
  if (bell_.waiting_ == this) bell_.waiting_ = nullptr;
}

void listen(const std::shared_ptr<Bell>& bell) {
  Bells& all = bells();
  const std::lock_guard lock(all.mutex);
  std::erase_if(all.all, [](const std::weak_ptr<Bell>& one) { return one.expired(); });
  all.all.push_back(bell);
}

void ring_all() {
  std::vector<std::shared_ptr<Bell>> ringing;
  Bells& all = bells();
  {
    const std::lock_guard lock(all.mutex);
    for (const std::weak_ptr<Bell>& one : all.all) {
      if (auto bell = one.lock()) ringing.push_back(std::move(bell));
    }
  }
  for (const auto& bell : ringing) bell->ring();
}

}  // namespace kit::outbox::detail
