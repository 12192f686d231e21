// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <typeinfo>
#include <utility>

#include "kit/async/context.hpp"
#include "kit/async/loop.hpp"
#include "kit/async/task.hpp"

namespace kit {

/// Something a task waits for at a leaf: a timer, a socket, another thread. Derived classes start
/// it in `start()` and end it with `succeed`/`fail`, on the loop's thread; the waiting task goes on
/// in the loop's next turn, so nobody is resumed from inside a call. Cancellation: `on_cancel` is
/// answered here, after `detach()` let go of the source. Lifetime: destroying a waiting operation
/// takes it out of every list; the derived destructor must let go of the source.
template <class T>
class Operation : private Cancellable, private Ready {
 public:
  using value_type = T;

  Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  /// Called by `co_await`. False when the result is there at once.
  bool begin(detail::PromiseBase& task, bool propagate) {
    task_ = &task;
    propagate_ = propagate;
    context_ = Context::current();
    if (context_ != nullptr && context_->cancelled()) {
      result_.emplace(context_->why().clone());
    } else {
      starting_ = true;
      start();
      starting_ = false;
    }
    if (!result_) {
      if (context_ != nullptr) context_->attach(*this);
      detail::PromiseBase::note_wait(task, typeid(*this));
      return true;
    }
    if (result_->ok() || !propagate) return false;
    detail::PromiseBase::fail(task_, std::move(*result_).error());
    return true;
  }

  Result<T> take_result() { return std::move(*result_); }
  T take_value() {
    if constexpr (!std::is_void_v<T>) return std::move(*result_).value();
  }

 protected:
  ~Operation() = default;

  /// Begins the wait; may call `succeed` or `fail` at once.
  virtual void start() = 0;
  /// Lets go of the source: after it neither `succeed` nor `fail` may be called.
  virtual void detach() = 0;

  template <class... Args>
  void succeed(Args&&... args) {
    finish(Result<T>(std::forward<Args>(args)...));
  }
  void fail(Error why) { finish(Result<T>(std::move(why))); }
  bool done() const { return result_.has_value(); }

 private:
  void finish(Result<T> result) {
    if (result_) return;
    result_.emplace(std::move(result));
    if (starting_) return;
    Cancellable::unlink();
    Loop::current().schedule(*this);
  }
  void on_cancel(const Error& why) final {
    if (result_) return;
    detach();
    result_.emplace(why.clone());
    Loop::current().schedule(*this);
  }
  void on_ready() final {
    Context::Entry entry(context_);
    detail::PromiseBase::note_run(*task_);
    if (result_->ok() || !propagate_) {
      task_->self.resume();
    } else {
      detail::PromiseBase::fail(task_, std::move(*result_).error());
    }
  }

  detail::PromiseBase* task_ = nullptr;
  Context* context_ = nullptr;
  std::optional<Result<T>> result_;
  bool propagate_ = true;
  bool starting_ = false;
};

/// `co_await sleep_for(5s)`. Fails with why the task was cancelled.
class Sleep final : public Operation<void> {
 public:
  explicit Sleep(Clock::duration duration) : duration_(duration) {}
  ~Sleep() = default;

 private:
  void start() override {
    timer_.set_action([](void* self) { static_cast<Sleep*>(self)->succeed(); }, this);
    Loop::current().start(timer_, Loop::current().now() + duration_);
  }
  void detach() override { timer_.stop(); }

  Clock::duration duration_;
  Timer timer_;
};

inline Sleep sleep_for(Clock::duration duration) {
  return Sleep(duration);
}

namespace detail {
/// The deadline is looked for when the task is awaited, which is when it begins.
template <class T>
Task<T> with_limit(Clock::time_point deadline, Clock::duration limit, Task<T> task) {
  const Clock::time_point now = Loop::current().now();
  if (limit < deadline - now) deadline = now + limit;
  Context context(deadline);
  Context::Scope scope(context);
  Result<T> result = co_await as_result(std::move(task));
  scope.leave();
  if constexpr (std::is_void_v<T>) {
    co_await std::move(result);
  } else {
    co_return result;
  }
}
}  // namespace detail

/// Runs `task` with a deadline (or the inherited one when that is sooner). At the deadline whatever
/// it waits for ends with `deadline_exceeded`.
template <class T>
Task<T> with_deadline(Clock::time_point deadline, Task<T> task) {
  return detail::with_limit(deadline, Clock::duration::max(), std::move(task));
}
/// The same with a deadline `limit` from the moment the task is awaited.
template <class T>
Task<T> with_deadline(Clock::duration limit, Task<T> task) {
  return detail::with_limit(Clock::time_point::max(), limit, std::move(task));
}

}  // namespace kit
