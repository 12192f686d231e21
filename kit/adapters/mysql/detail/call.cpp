// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/call.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "kit/adapters/mysql/detail/errors.hpp"
#include "kit/base/assert.hpp"

namespace kit::mysql::detail {
namespace {

constexpr int socket_events = MYSQL_WAIT_READ | MYSQL_WAIT_WRITE | MYSQL_WAIT_EXCEPT;

}  // namespace

Result<> SocketWatch::attach(int descriptor) {
  detach();
  const int duplicate = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (duplicate < 0) return lost_connection(std::strerror(errno));
  loop_ = &Loop::current();
  descriptor_ = duplicate;
  ready_ = 0;
  loop_->add(descriptor_, *this);
  return {};
}

void SocketWatch::detach() {
  if (loop_ != nullptr) {
    std::exchange(loop_, nullptr)->remove(descriptor_);
    ::close(std::exchange(descriptor_, -1));
  }
  waiter_ = nullptr;
}

int SocketWatch::wait(int wanted, Waiter& waiter) {
  const int there = ready_ & wanted;
  ready_ &= ~wanted;
  if (there != 0) return there;
  wanted_ = wanted;
  waiter_ = &waiter;
  return 0;
}

void SocketWatch::on_readiness(Readiness readiness) {
  int events = 0;
  if (readiness.readable || readiness.hung_up) events |= MYSQL_WAIT_READ;
  if (readiness.writable || readiness.hung_up) events |= MYSQL_WAIT_WRITE;
  ready_ |= events;
  if (waiter_ == nullptr || (ready_ & wanted_) == 0) return;
  const int there = ready_ & wanted_;
  ready_ &= ~there;
  std::exchange(waiter_, nullptr)->on_events(there);
}

void Call::start() {
  wanted_ = begin_call();
  if (wanted_ == 0 || advance()) return succeed();
  if (until_ == Clock::time_point::max()) return;
  timer_.set_action([](void* self) { static_cast<Call*>(self)->expire(); }, this);
  Loop::current().start(timer_, until_);
}

bool Call::advance() {
  while (wanted_ != 0) {
    const int there = watch_.wait(wanted_ & socket_events, *this);
    if (there == 0) return false;
    wanted_ = go_on(there);
  }
  return true;
}

void Call::on_events(int events) {
  wanted_ = go_on(events);
  if (!advance()) return;
  timer_.stop();
  succeed();
}

void Call::expire() {
  abandon();
  fail(Error(Code::deadline_exceeded, "the statement took too long"));
}

void Call::abandon() {
  timer_.stop();
  if (wanted_ == 0) return;
  watch_.forget();
  connection_.interrupt();
  // The library holds memory of its own in the middle of a call: it comes to its end now that the
  // socket gives nothing any more.
  for (int turns = 0; wanted_ != 0; ++turns) {
    KIT_ASSERT(turns < 1'000, "a call of libmariadb does not end on a closed socket");
    wanted_ = go_on(wanted_ & socket_events);
  }
}

}  // namespace kit::mysql::detail
