// SPDX-License-Identifier: Apache-2.0
#include "kit/app/signals.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace kit::app {
namespace {

// A signal handler can reach nothing but globals.
std::atomic<int> first_signal{0};
std::atomic<int> event_descriptor{-1};
static_assert(std::atomic<int>::is_always_lock_free);

/// False when another one was first.
bool announce(int number) {
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, number)) return false;
  const int errno_before = errno;
  const std::uint64_t one = 1;
  // Cannot fail: the counter of a fresh eventfd takes one.
  [[maybe_unused]] const ssize_t written = write(event_descriptor.load(), &one, sizeof one);
  errno = errno_before;
  return true;
}

void on_signal(int number) {
  if (!announce(number)) _exit(128 + number);
}

}  // namespace

Result<> Signals::install() {
  if (event_descriptor.load() < 0) {
    const int made = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (made < 0) return Error(Code::resource_exhausted, "no descriptor for signals");
    event_descriptor.store(made);
  }
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return {};
}

void Signals::request_stop() {
  announce(SIGTERM);
}

int Signals::received() {
  return first_signal.load();
}

void Signals::Wait::start() {
  if (received() != 0) {
    succeed();
    return;
  }
  Loop::current().add(event_descriptor.load(), *this);
  watching_ = true;
}

void Signals::Wait::detach() {
  if (!watching_) return;
  watching_ = false;
  Loop::current().remove(event_descriptor.load());
}

void Signals::Wait::on_readiness(Readiness) {
  if (received() == 0) return;
  detach();
  succeed();
}

}  // namespace kit::app
