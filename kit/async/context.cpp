// SPDX-License-Identifier: Apache-2.0
#include "kit/async/context.hpp"

#include "kit/async/task.hpp"

namespace kit {
namespace {

thread_local Context* current_context = nullptr;

void enter(Context* context) {
  current_context = context;
  current_log_context = context != nullptr ? context->log_context() : nullptr;
  current_caller = context != nullptr ? context->caller() : nullptr;
}

}  // namespace

detail::ContextKeeper::ContextKeeper() : before_(current_context) {}
detail::ContextKeeper::~ContextKeeper() {
  enter(static_cast<Context*>(before_));
}

Context* Context::current() {
  return current_context;
}

Clock::time_point Context::current_deadline() {
  return current_context != nullptr ? current_context->deadline_ : Clock::time_point::max();
}

void* Context::find_local(const void* key) {
  if (current_context == nullptr) return nullptr;
  for (const Local* local = current_context->locals_; local != nullptr; local = local->outer) {
    if (local->key == key) return local->value;
  }
  return nullptr;
}

Context::Context() {
  if (current_context == nullptr) return;
  deadline_ = current_context->deadline_;
  log_ = current_context->log_;
  locals_ = current_context->locals_;
  caller_ = current_context->caller_;
  if (current_context->why_) {
    why_ = current_context->why_->clone();
  } else {
    current_context->attach(*this);
  }
}

Context::Context(Detached) {
  if (current_context == nullptr) return;
  log_ = current_context->log_;
  caller_ = current_context->caller_;
}

Context::Context(Clock::time_point deadline) : Context() {
  if (deadline >= deadline_) return;
  deadline_ = deadline;
  timer_.set_action(
      [](void* self) {
        static_cast<Context*>(self)->cancel(
            Error(Code::deadline_exceeded, "the deadline was exceeded"));
      },
      this);
  Loop::current().start(timer_, deadline);
}

Context::~Context() = default;

void Context::cancel(Error why) {
  if (why_) return;
  why_ = std::move(why);
  timer_.stop();
  while (!waiting_.empty()) {
    Cancellable& item = waiting_.pop_front();
    item.on_cancel(*why_);
  }
}

void Context::on_cancel(const Error& why) {
  cancel(why.clone());
}

Context::Entry::Entry(Context* context) : before_(current_context) {
  enter(context);
}
Context::Entry::~Entry() {
  enter(before_);
}

Context::Scope::Scope(Context& own) : entered_(&own), before_(current_context) {
  enter(&own);
}

void Context::Scope::leave() {
  if (!inside_) return;
  inside_ = false;
  if (current_context == entered_) enter(before_);
}

}  // namespace kit
