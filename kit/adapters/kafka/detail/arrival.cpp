// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/arrival.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "kit/base/assert.hpp"

namespace kit::kafka::detail {

Result<std::unique_ptr<Arrival>> Arrival::make() {
  const int descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (descriptor < 0) {
    return Error(Code::resource_exhausted, "no descriptor for a consumer")
        .with_reason("DESCRIPTORS_EXHAUSTED");
  }
  return std::make_unique<Arrival>(descriptor);
}

Arrival::Arrival(int descriptor) : loop_(&Loop::current()), descriptor_(descriptor) {
  loop_->add(descriptor_, *this);
  loop_->attach(*this);
}

Arrival::~Arrival() {
  close();
  ::close(descriptor_);
}

void Arrival::close() {
  if (loop_ != nullptr) std::exchange(loop_, nullptr)->remove(descriptor_);
  LoopEnd::unlink();
}

Arrival::Wait Arrival::wait(Clock::time_point until) {
  return {*this, until};
}

void Arrival::on_readiness(Readiness) {
  std::uint64_t told = 0;
  // Nothing to read is no error: another turn has read it.
  const bool any = ::read(descriptor_, &told, sizeof told) == sizeof told;
  if (!any) return;
  arrived_ = true;
  if (waiting_ != nullptr) waiting_->wake();
}

void Arrival::Wait::start() {
  KIT_ASSERT(arrival_.waiting_ == nullptr, "a consumer is used by one task at a time");
  if (arrival_.arrived_) return succeed();
  arrival_.waiting_ = this;
  waits_ = true;
  timer_.set_action([](void* self) { static_cast<Wait*>(self)->wake(); }, this);
  Loop::current().start(timer_, until_);
}

void Arrival::Wait::detach() {
  timer_.stop();
  if (std::exchange(waits_, false)) arrival_.waiting_ = nullptr;
}

void Arrival::Wait::wake() {
  detach();
  succeed();
}

}  // namespace kit::kafka::detail
