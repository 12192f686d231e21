// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "kit/async/frame_pool.hpp"
#include "kit/base/result.hpp"

namespace kit {

template <class T = void>
class Task;

namespace detail {

/// Turns the exception in flight into an `internal` error.
Error error_from_current_exception();

/// Puts the thread's current context back at the end of a block: a task that suspends inside it
/// leaves its own behind.
class ContextKeeper {
 public:
  ContextKeeper();
  ~ContextKeeper();
  ContextKeeper(const ContextKeeper&) = delete;
  ContextKeeper& operator=(const ContextKeeper&) = delete;

 private:
  void* before_;
};

struct TaskRecord;

/// What every task has in common. A child is started inside its parent's `await_suspend`;
/// `asynchronous` tells the finishing child whether that call is still on the stack (then the
/// parent goes on from there, without recursion) or has returned (then the child resumes the
/// parent). See docs/adr/0004.
struct PromiseBase {
  std::coroutine_handle<> self;
  PromiseBase* parent = nullptr;
  void (*on_root_finish)(void*) = nullptr;
  void* root = nullptr;
  std::optional<Error> error;
  bool finished = false;
  bool asynchronous = false;
  bool propagate = true;         ///< An error of this task ends its parent too.
  bool counted = false;          ///< A root task that has waited: one of `live_tasks`.
  TaskRecord* record = nullptr;  ///< Of a root task that is listed.

  PromiseBase() = default;
  PromiseBase(const PromiseBase&) = delete;
  PromiseBase& operator=(const PromiseBase&) = delete;
  ~PromiseBase() {
    if (counted) [[unlikely]]
      leave_root(*this);
  }

  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) { free_frame(frame, size); }

  /// Ends this task, whose result is in place, and goes on with whoever waits. The task may be gone
  /// afterwards.
  static void finish(PromiseBase* task) {
    task->finished = true;
    if (task->asynchronous) go_on(task);
  }
  /// Ends this task with `why` at the await where it stands. Not inline: every `co_await` of every
  /// coroutine has one, and few come here.
  static void fail(PromiseBase* task, Error&& why);
  /// Goes on with whoever waits for a task that has finished in another turn than it began in.
  static void go_on(PromiseBase* task);

  // Who lives and what for: task_list.cpp.
  static void enter_root(PromiseBase& task, std::string_view name);
  static void leave_root(PromiseBase& task) noexcept;
  static void list_root(PromiseBase& task, std::string_view name);
  /// `task` begins to wait for an operation of this type.
  static void note_wait(PromiseBase& task, const std::type_info& operation);
  static void note_run(PromiseBase& task);

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> handle) const noexcept {
      finish(&handle.promise());
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() { error = error_from_current_exception(); }
};

template <class T>
struct Promise;

/// Awaits a child task. With `Propagate` the value is what the await yields and an error ends the
/// parent.
template <class T, bool Propagate>
struct TaskAwaiter {
  std::coroutine_handle<Promise<T>> child;
  explicit TaskAwaiter(std::coroutine_handle<Promise<T>> handle) : child(handle) {}

  bool await_ready() const noexcept { return false; }
  template <class Parent>
  bool await_suspend(std::coroutine_handle<Parent> handle) {
    PromiseBase& task = child.promise();
    PromiseBase& parent = handle.promise();
    task.parent = &parent;
    task.propagate = Propagate;
    child.resume();
    if (!task.finished) {
      task.asynchronous = true;
      return true;
    }
    if (Propagate && task.error) {
      PromiseBase::fail(&parent, std::move(*task.error));
      return true;
    }
    return false;
  }
  auto await_resume() {
    if constexpr (!Propagate) {
      return child.promise().take();
    } else if constexpr (!std::is_void_v<T>) {
      return T(std::move(*child.promise().value));
    }
  }
};

/// Awaits a result that is there already, in the await's own expression.
template <class T>
struct ResultAwaiter {
  Result<T>& result;
  explicit ResultAwaiter(Result<T>& there) : result(there) {}

  bool await_ready() const noexcept { return result.ok(); }
  template <class Parent>
  void await_suspend(std::coroutine_handle<Parent> handle) {
    PromiseBase::fail(&handle.promise(), std::move(result).error());
  }
  T await_resume() {
    if constexpr (!std::is_void_v<T>) return std::move(result).value();
  }
};

/// Ends the awaiting task.
struct ErrorAwaiter {
  Error& error;
  explicit ErrorAwaiter(Error& failure) : error(failure) {}

  bool await_ready() const noexcept { return false; }
  template <class Parent>
  void await_suspend(std::coroutine_handle<Parent> handle) {
    PromiseBase::fail(&handle.promise(), std::move(error));
  }
  void await_resume() const noexcept {}
};

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;

/// A leaf: derives from `Operation<T>` (operation.hpp).
template <class T>
concept AwaitableOperation = requires(std::remove_reference_t<T>& operation, PromiseBase& task) {
  { operation.begin(task, true) } -> std::same_as<bool>;
  operation.take_result();
};

template <class O, bool Propagate>
struct OperationAwaiter {
  O& operation;
  explicit OperationAwaiter(O& awaited) : operation(awaited) {}

  bool await_ready() const noexcept { return false; }
  template <class Parent>
  bool await_suspend(std::coroutine_handle<Parent> handle) {
    return operation.begin(handle.promise(), Propagate);
  }
  auto await_resume() {
    if constexpr (!Propagate) {
      return operation.take_result();
    } else {
      return operation.take_value();
    }
  }
};

// Not aggregates: g++ 12 destroys aggregate temporaries of a co_await expression twice.
template <class T>
struct TaskAsResult {
  Task<T> awaited;
  explicit TaskAsResult(Task<T>&& task) : awaited(std::move(task)) {}
};
template <class O>
struct OperationAsResult {
  O& awaited;
  explicit OperationAsResult(O& operation) : awaited(operation) {}
};

/// The forms of `co_await` in a task.
struct AwaitTransforms {
  template <class T>
  TaskAwaiter<T, true> await_transform(Task<T>&& task) const {
    return TaskAwaiter<T, true>(task.handle());
  }
  template <class T>
  TaskAwaiter<T, false> await_transform(TaskAsResult<T>&& task) const {
    return TaskAwaiter<T, false>(task.awaited.handle());
  }
  template <class T>
  ResultAwaiter<T> await_transform(Result<T>&& result) const {
    return ResultAwaiter<T>(result);
  }
  ErrorAwaiter await_transform(Error&& failure) const { return ErrorAwaiter(failure); }
  template <AwaitableOperation O>
  OperationAwaiter<std::remove_reference_t<O>, true> await_transform(O&& operation) const {
    return OperationAwaiter<std::remove_reference_t<O>, true>(operation);
  }
  template <class O>
  OperationAwaiter<O, false> await_transform(OperationAsResult<O>&& operation) const {
    return OperationAwaiter<O, false>(operation.awaited);
  }
};

template <class T>
struct Promise : PromiseBase, AwaitTransforms {
  std::optional<T> value;

  Task<T> get_return_object();
  template <class U>
    requires(std::is_constructible_v<T, U &&> && !is_result<std::remove_cvref_t<U>> &&
             !std::is_same_v<std::remove_cvref_t<U>, Error>)
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  void return_value(Error failure) { error = std::move(failure); }
  void return_value(Result<T> result) {
    if (result.ok()) {
      value.emplace(std::move(result).value());
    } else {
      error = std::move(result).error();
    }
  }
  Result<T> take() {
    if (error) return std::move(*error);
    return std::move(*value);
  }
};

template <>
struct Promise<void> : PromiseBase, AwaitTransforms {
  Task<void> get_return_object();
  void return_void() const noexcept {}
  Result<void> take() {
    if (error) return std::move(*error);
    return {};
  }
};

}  // namespace detail

/// A computation that may wait. Lazy: it starts when it is awaited (or handed to a `TaskGroup`),
/// has one awaiter, and inherits that one's deadline, cancellation and log context. `co_await task`
/// yields its value or ends the awaiting task with its error; `co_await as_result(task)` yields a
/// `Result` to look at.
///
/// In a `Task<T>` a failure is `co_return Error(...)`; in a `Task<>`, `co_await Error(...)`.
/// A failed `co_await` leaves the coroutine where it stands: its locals die when the task is
/// dropped. Thread safety: a task runs on the thread of the loop that started it.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using value_type = T;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() { reset(); }

  std::coroutine_handle<promise_type> handle() const { return handle_; }

  /// Starts the task without an awaiter, for owners of root tasks (connections, groups). True when
  /// it has finished already; otherwise `on_finish(argument)` is called once it has. `on_finish`
  /// may destroy the task. `name` is what the task is called when it is listed (see
  /// task_list.hpp): a template, never what a client sent. It is copied when it is needed.
  bool start(void (*on_finish)(void*), void* argument, std::string_view name = {}) {
    detail::ContextKeeper keeper;
    return start_in_entry(on_finish, argument, name);
  }
  /// The same inside a `Context::Entry`, whose end puts the current context back anyway.
  bool start_in_entry(void (*on_finish)(void*), void* argument, std::string_view name = {}) {
    detail::PromiseBase& task = handle_.promise();
    task.on_root_finish = on_finish;
    task.root = argument;
    handle_.resume();
    if (task.finished) return true;
    task.asynchronous = true;
    detail::PromiseBase::enter_root(task, name);
    return false;
  }
  /// Lists a started task that waits, whatever is sampled: for the few that live long.
  void list_as(std::string_view name) { detail::PromiseBase::list_root(handle_.promise(), name); }
  /// The result of a finished task, once.
  Result<T> take() { return handle_.promise().take(); }
  /// Why a finished task failed; null: it did not. For owners that look at a large result where it
  /// is.
  const Error* failure() const {
    const auto& error = handle_.promise().error;
    return error ? &*error : nullptr;
  }
  /// The value of a finished task that did not fail. Lifetime: the task's.
  std::add_lvalue_reference_t<T> value()
    requires(!std::is_void_v<T>)
  {
    return *handle_.promise().value;
  }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  void reset() {
    if (handle_) std::exchange(handle_, nullptr).destroy();
  }

  std::coroutine_handle<promise_type> handle_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
  auto handle = std::coroutine_handle<Promise>::from_promise(*this);
  self = handle;
  return Task<T>(handle);
}

inline Task<void> detail::Promise<void>::get_return_object() {
  auto handle = std::coroutine_handle<Promise>::from_promise(*this);
  self = handle;
  return Task<void>(handle);
}

/// For `co_await as_result(task)`: yields the `Result` instead of ending the awaiting task on an
/// error.
template <class T>
detail::TaskAsResult<T> as_result(Task<T>&& task) {
  return detail::TaskAsResult<T>(std::move(task));
}
/// Lifetime: `operation` lives in the caller's expression or frame.
template <detail::AwaitableOperation O>
detail::OperationAsResult<std::remove_reference_t<O>> as_result(O&& operation) {
  return detail::OperationAsResult<std::remove_reference_t<O>>(operation);
}

}  // namespace kit
