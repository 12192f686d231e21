// SPDX-License-Identifier: Apache-2.0
#include "kit/async/loop.hpp"

#include <mutex>
#include <utility>

#include "kit/async/live.hpp"
#include "kit/base/assert.hpp"

namespace kit {
namespace {
thread_local Loop* current_loop = nullptr;
}

void Timer::stop() {
  if (loop_ != nullptr) loop_->erase(*this);
}

struct LoopRemote::State {
  std::mutex mutex;
  Loop* loop = nullptr;  // null: it is gone
};

bool LoopRemote::post(Function<void()> action) const {
  if (state_ == nullptr) return false;
  std::lock_guard lock(state_->mutex);
  if (state_->loop == nullptr) return false;
  state_->loop->post(std::move(action));
  return true;
}

LoopRemote Loop::remote() {
  if (remote_.state_ == nullptr) {
    remote_.state_ = std::make_shared<LoopRemote::State>();
    remote_.state_->loop = this;
  }
  return remote_;
}

void Loop::close_remotes() {
  if (remote_.state_ != nullptr) {
    std::lock_guard lock(remote_.state_->mutex);
    remote_.state_->loop = nullptr;
  }
  while (!ends_.empty()) ends_.pop_front().on_loop_end();
}

Loop::~Loop() {
  close_remotes();
  for (Timer* timer : timers_) {
    timer->loop_ = nullptr;
    live_timers.remove();
  }
}

Loop& Loop::current() {
  KIT_ASSERT(current_loop != nullptr, "no event loop runs on this thread");
  return *current_loop;
}

Loop* Loop::current_or_null() {
  return current_loop;
}

Loop::Running::Running(Loop& loop) : before_(std::exchange(current_loop, &loop)) {}
Loop::Running::~Running() {
  current_loop = before_;
}

void Loop::start(Timer& timer, Clock::time_point at) {
  if (timer.loop_ == this) {
    // Moved where it stands: what is armed again and again leaves no hole and counts no change.
    timer.at_ = at;
    sift_down(timer.index_);
    sift_up(timer.index_);
    return;
  }
  timer.stop();
  timer.at_ = at;
  timer.loop_ = this;
  timers_.push_back(&timer);
  live_timers.add();
  timer.index_ = timers_.size() - 1;
  sift_up(timer.index_);
}

void Loop::run_ready() {
  IntrusiveList<Ready, ReadyTag> batch;
  batch.splice(ready_);
  while (!batch.empty()) batch.pop_front().on_ready();
}

Clock::time_point Loop::next_timer() const {
  return timers_.empty() ? Clock::time_point::max() : timers_.front()->at_;
}

void Loop::run_timers(Clock::time_point now) {
  while (!timers_.empty() && timers_.front()->at_ <= now) {
    Timer& timer = *timers_.front();
    erase(timer);
    timer.action_(timer.argument_);
  }
}

void Loop::erase(Timer& timer) {
  std::size_t index = timer.index_;
  Timer* last = timers_.back();
  timers_.pop_back();
  timer.loop_ = nullptr;
  live_timers.remove();
  if (last == &timer) return;
  place(index, last);
  sift_down(index);
  sift_up(last->index_);
}

void Loop::place(std::size_t index, Timer* timer) {
  timers_[index] = timer;
  timer->index_ = index;
}

void Loop::sift_up(std::size_t index) {
  Timer* timer = timers_[index];
  while (index > 0) {
    std::size_t above = (index - 1) / 2;
    if (timers_[above]->at_ <= timer->at_) break;
    place(index, timers_[above]);
    index = above;
  }
  place(index, timer);
}

void Loop::sift_down(std::size_t index) {
  Timer* timer = timers_[index];
  while (true) {
    std::size_t below = index * 2 + 1;
    if (below >= timers_.size()) break;
    if (below + 1 < timers_.size() && timers_[below + 1]->at_ < timers_[below]->at_) ++below;
    if (timer->at_ <= timers_[below]->at_) break;
    place(index, timers_[below]);
    index = below;
  }
  place(index, timer);
}

}  // namespace kit
