// SPDX-License-Identifier: Apache-2.0
#include "kit/async/epoll_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kit/async/live.hpp"
#include "kit/async/loop_times.hpp"

namespace kit {
namespace {

class EpollLoop final : public Loop {
 public:
  EpollLoop(int epoll, int wake) : epoll_(epoll), wake_(wake), now_(Clock::now()) {}
  ~EpollLoop() override {
    close_remotes();
    for (const Entry& entry : handlers_) {
      if (entry.handler != nullptr) live_sockets.remove();
    }
    ::close(wake_);
    ::close(epoll_);
  }

  void add(int descriptor, ReadinessHandler& handler) override {
    auto index = static_cast<std::size_t>(descriptor);
    if (index >= handlers_.size()) handlers_.resize(std::max(index + 1, handlers_.size() * 2));
    if (std::exchange(handlers_[index].handler, &handler) == nullptr) live_sockets.add();
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    // The generation tells a stale event of a closed descriptor from one of its successor in the
    // same batch.
    event.data.u64 = pack(descriptor, ++handlers_[index].generation);
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) cannot_watch(descriptor);
  }

  void remove(int descriptor) override {
    auto& entry = handlers_[static_cast<std::size_t>(descriptor)];
    if (std::exchange(entry.handler, nullptr) != nullptr) live_sockets.remove();
    ++entry.generation;
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  }

  Clock::time_point now() const override { return now_; }
  Clock::duration age_of_turn() const override {
    return std::max(Clock::now() - now_, Clock::duration::zero());
  }

  void post(Function<void()> action) override {
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      first = posted_.empty();
      posted_.push_back(std::move(action));
    }
    if (first) wake();
  }

  void stop() override {
    stopping_.store(true, std::memory_order_release);
    wake();
  }

  void run() override {
    Running running(*this);
    now_ = Clock::now();
    while (!stopping_.load(std::memory_order_acquire)) turn();
    stopping_.store(false, std::memory_order_relaxed);
  }

 private:
  struct Entry {
    ReadinessHandler* handler = nullptr;
    std::uint32_t generation = 0;
  };

  /// The system is out of memory or of watches: this connection breaks, the others go on. Its
  /// handler is told in the next turn and reads the end of the stream.
  void cannot_watch(int descriptor) {
    const int cause = errno;
    const bool ends =
        (cause == ENOMEM || cause == ENOSPC) && ::shutdown(descriptor, SHUT_RDWR) == 0;
    KIT_ASSERT(ends, std::strerror(cause));
    const auto index = static_cast<std::size_t>(descriptor);
    post([this, index, generation = handlers_[index].generation] {
      const Entry& entry = handlers_[index];
      if (entry.handler == nullptr || entry.generation != generation) return;
      entry.handler->on_readiness({.readable = true, .writable = true, .hung_up = true});
    });
  }

  static std::uint64_t pack(int descriptor, std::uint32_t generation) {
    return (static_cast<std::uint64_t>(generation) << 32) | static_cast<std::uint32_t>(descriptor);
  }

  void turn() {
    // The clock is read where it is needed for the wait anyhow.
    const auto begun = now_;
    const bool waits = !has_ready();
    const auto ended = waits ? Clock::now() : begun;
    const int wait = waits ? wait_ms(ended) : 0;
    int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), wait);
    now_ = Clock::now();
    loop_turns.record((waits ? ended : now_) - begun);
    if (const auto due = next_timer(); due <= now_) timer_delays.record(now_ - due);
    for (int i = 0; i < count; ++i) dispatch(events_[static_cast<std::size_t>(i)]);
    run_timers(now_);
    run_posted();
    run_ready();
  }

  /// Until the first timer, from now on and not since this turn began: serving it may have taken a
  /// while.
  int wait_ms(Clock::time_point now) const {
    auto at = next_timer();
    if (at == Clock::time_point::max()) return -1;
    auto left = std::chrono::ceil<std::chrono::milliseconds>(at - now).count();
    return static_cast<int>(std::clamp<long long>(left, 0, 60'000));
  }

  void dispatch(const epoll_event& event) {
    auto descriptor = static_cast<std::uint32_t>(event.data.u64);
    if (static_cast<int>(descriptor) == wake_) {
      std::uint64_t count = 0;
      [[maybe_unused]] auto drained = ::read(wake_, &count, sizeof count);
      return;
    }
    Entry& entry = handlers_[descriptor];
    if (entry.handler == nullptr || entry.generation != event.data.u64 >> 32) return;
    Readiness readiness;
    readiness.readable = (event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    readiness.writable = (event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    readiness.hung_up = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    entry.handler->on_readiness(readiness);
  }

  void run_posted() {
    {
      std::lock_guard lock(mutex_);
      running_.swap(posted_);
    }
    for (auto& action : running_) action();
    running_.clear();
  }

  void wake() {
    std::uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(wake_, &one, sizeof one);
  }

  int epoll_;
  int wake_;
  Clock::time_point now_;
  std::array<epoll_event, 256> events_;  // not on the stack: that would be zeroed every turn
  std::vector<Entry> handlers_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<Function<void()>> posted_;
  std::vector<Function<void()>> running_;
};

}  // namespace

Result<std::unique_ptr<Loop>> make_epoll_loop() {
  int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) {
    return Error(Code::resource_exhausted, std::string("epoll_create1: ") + std::strerror(errno));
  }
  int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint32_t>(wake);
  if (wake < 0 || ::epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) != 0) {
    Error error(Code::resource_exhausted, std::string("eventfd: ") + std::strerror(errno));
    if (wake >= 0) ::close(wake);
    ::close(epoll);
    return error;
  }
  return std::make_unique<EpollLoop>(epoll, wake);
}

}  // namespace kit
