// SPDX-License-Identifier: Apache-2.0
#include "kit/app/signals.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

namespace kit::app {
namespace {

// A signal handler can reach nothing but globals.
std::atomic<int> first_signal{0};
// Whether one came from outside: what the process asks of itself makes no signal the second one.
std::atomic<bool> signalled{false};
std::atomic<int> event_descriptor{-1};
std::atomic<int> hangup_descriptor{-1};
// Whether there was a terminal whose end SIGHUP could mean.
bool had_terminal = false;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void tell(int descriptor) {
  const int errno_before = errno;
  const std::uint64_t one = 1;
  // Cannot fail: the counter of an eventfd takes more than there will ever be signals.
  [[maybe_unused]] const ssize_t written = write(descriptor, &one, sizeof one);
  errno = errno_before;
}

/// The first one counts.
void announce(int number) {
  int none = 0;
  if (first_signal.compare_exchange_strong(none, number)) tell(event_descriptor.load());
}

bool has_terminal() {
  const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (terminal < 0) return false;
  close(terminal);
  return true;
}

void on_hangup(int) {
  tell(hangup_descriptor.load());
}

Result<> make_event(std::atomic<int>& descriptor) {
  if (descriptor.load() >= 0) return {};
  const int made = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (made < 0) return Error(Code::resource_exhausted, "no descriptor for signals");
  descriptor.store(made);
  return {};
}

void on_signal(int number) {
  if (signalled.exchange(true)) _exit(128 + number);
  announce(number);
}

}  // namespace

Result<> Signals::install() {
  KIT_TRY(make_event(event_descriptor));
  KIT_TRY(make_event(hangup_descriptor));
  had_terminal = has_terminal();
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  action.sa_handler = on_hangup;
  sigaction(SIGHUP, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return {};
}

void Signals::request_stop() {
  announce(SIGTERM);
}

int Signals::received() {
  return first_signal.load();
}

int Signals::Wait::descriptor() const {
  return what_ == For::end ? event_descriptor.load() : hangup_descriptor.load();
}

bool Signals::Wait::has_come() const {
  if (what_ == For::end) return received() != 0;
  std::uint64_t count = 0;
  if (read(descriptor(), &count, sizeof count) != sizeof count) return false;
  if (had_terminal && !has_terminal()) {
    announce(SIGHUP);
    return false;
  }
  return true;
}

void Signals::Wait::start() {
  if (has_come()) {
    succeed();
    return;
  }
  loop_ = &Loop::current();
  loop_->add(descriptor(), *this);
}

void Signals::Wait::detach() {
  if (loop_ != nullptr) std::exchange(loop_, nullptr)->remove(descriptor());
}

void Signals::Wait::on_readiness(Readiness) {
  if (!has_come()) return;
  detach();
  succeed();
}

}  // namespace kit::app
